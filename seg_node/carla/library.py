"""The official ``carla`` client library, imported when it is first needed."""

import sys
from typing import Any

from seg_node.carla.errors import CarlaError

CLIENT_VERSION = '0.9.16'
_PYTHONS = ((3, 10), (3, 11), (3, 12))


def carla_library() -> Any:
    """
    Return the ``carla`` module.

    :raises CarlaError: when it is not installed, or there is none for this Python.
    """
    try:
        import carla
    except ImportError as error:
        remedy = f'pip install carla=={CLIENT_VERSION}'
        if sys.version_info[:2] not in _PYTHONS:
            version = '.'.join(map(str, sys.version_info[:2]))
            raise CarlaError(
                f'the CARLA client is not there and has no wheel for Python {version}: use '
                f'Python 3.10, 3.11 or 3.12 and {remedy}'
            ) from error
        raise CarlaError(
            f'the CARLA client is not there ({error}): {remedy} (Python 3.10 to 3.12)'
        ) from error
    if not hasattr(carla, 'Client'):
        place = getattr(carla, '__file__', None) or list(carla.__path__)
        raise CarlaError(
            f'what Python finds as carla is not the CARLA client ({place}): rename that, or '
            f'pip install carla=={CLIENT_VERSION}'
        )
    return carla
