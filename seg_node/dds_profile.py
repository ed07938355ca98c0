"""Let Fast DDS carry camera images: a process uses the shipped profile unless told otherwise."""

import os

from seg_node.errors import SegNodeError
from seg_node.share import shared_path

#: Fast DDS 3 (Kilted and later) reads the first, Fast DDS 2 (Humble, Jazzy) only the second.
PROFILE_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')


def profile_environment() -> dict[str, str]:
    """
    Return the variables to set before the first DDS entity is made.

    Empty when any of them is set already: the user's own profile is never overruled, and an empty
    value keeps the defaults of Fast DDS.
    """
    if any(variable in os.environ for variable in PROFILE_VARIABLES):
        return {}
    try:
        profile = str(shared_path('config/fastdds_large_images.xml'))
    except SegNodeError:
        return {}
    return dict.fromkeys(PROFILE_VARIABLES, profile)


def use_large_images_profile() -> None:
    """Make this process' DDS carry large images; call it before ``rclpy.init``."""
    os.environ.update(profile_environment())
