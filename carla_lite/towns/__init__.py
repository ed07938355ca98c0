"""Towns made from a seed."""

from carla_lite.towns.catalogue import TOWN_NAMES, build_town

__all__ = ['TOWN_NAMES', 'build_town']
