"""Find the files that ship beside the code: models, config, launch."""

import os
from pathlib import Path
import site
import sys
import sysconfig

from seg_node.errors import SegNodeError


def shared_path(relative: str) -> Path:
    """
    Return where a shipped file or folder lies.

    A source checkout has it beside the package, ``colcon build`` and ``pip install`` (``--user``
    too) put it under ``share/seg_node`` of their prefix.

    :param relative: such as ``models/lane_unet`` or ``config/seg_node.yaml``.
    :raises SegNodeError: when no place has it.
    """
    prefixes = [
        *os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep),
        sys.prefix,
        sysconfig.get_path('data'),  # /usr/local, where Debian's pip installs
        site.getuserbase(),
    ]
    places = [Path(__file__).resolve().parents[1]]
    places += [Path(prefix, 'share', 'seg_node') for prefix in dict.fromkeys(prefixes) if prefix]
    for place in places:
        if (place / relative).exists():
            return place / relative
    raise SegNodeError(
        f'{relative} was not installed with seg_node; install the package again, or name a path '
        f'(looked in {", ".join(map(str, places))})'
    )
