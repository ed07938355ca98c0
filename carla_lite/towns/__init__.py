"""Towns made from a seed."""

from carla_lite.towns.catalogue import build_town, TOWN_NAMES

__all__ = ['TOWN_NAMES', 'build_town']
