"""Let Fast DDS carry camera images: a process uses the shipped profile unless told otherwise."""

from importlib.metadata import PackageNotFoundError, version
import os

from seg_node.errors import SegNodeError
from seg_node.share import shared_path

FAST_DDS_3 = 'FASTDDS_DEFAULT_PROFILES_FILE'  # Kilted and later
FAST_DDS_2 = 'FASTRTPS_DEFAULT_PROFILES_FILE'  # Humble, Jazzy; Fast DDS 3 warns of it
_FIRST_RCLPY_WITH_FAST_DDS_3 = 8


def profile_variables() -> tuple[str, ...]:
    """Return what the installed Fast DDS reads; both names where that cannot be told."""
    for distribution in ('rclpy', 'ros-rclpy'):
        try:
            major = int(version(distribution).split('.')[0])
        except (PackageNotFoundError, ValueError):
            continue
        return (FAST_DDS_3,) if major >= _FIRST_RCLPY_WITH_FAST_DDS_3 else (FAST_DDS_2,)
    return (FAST_DDS_3, FAST_DDS_2)


def profile_environment() -> dict[str, str]:
    """
    Return the variables to set before the first DDS entity is made.

    Empty when any of them is set already: the user's own profile is never overruled, and an empty
    value keeps the defaults of Fast DDS.
    """
    if FAST_DDS_3 in os.environ or FAST_DDS_2 in os.environ:
        return {}
    try:
        profile = str(shared_path('config/fastdds_large_images.xml'))
    except SegNodeError:
        return {}
    return dict.fromkeys(profile_variables(), profile)


def use_large_images_profile() -> None:
    """Make this process' DDS carry large images; call it before ``rclpy.init``."""
    os.environ.update(profile_environment())
