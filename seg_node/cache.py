"""Where measurements and compiled models are kept between runs."""

import functools
import os
from pathlib import Path
import tempfile


def cache_folder() -> Path:
    """Return ``$XDG_CACHE_HOME/seg_node``, by default ``~/.cache/seg_node``; safe to delete."""
    if base := os.environ.get('XDG_CACHE_HOME'):
        return Path(base, 'seg_node')
    try:
        return Path('~/.cache/seg_node').expanduser()
    except RuntimeError:  # a container's user without a home
        return _of_this_process()


@functools.cache
def _of_this_process() -> Path:
    """Make a folder that nobody else can write to, which a name known to all in /tmp is not."""
    return Path(tempfile.mkdtemp(prefix='seg_node_cache_'))
