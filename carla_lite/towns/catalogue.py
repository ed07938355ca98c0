"""Which towns there are."""

from collections.abc import Callable

from carla_lite.errors import CarlaLiteError
from carla_lite.roads.network import Network
from carla_lite.town import Town
from carla_lite.towns.assembly import town_of
from carla_lite.towns.country import country_network
from carla_lite.towns.grid import grid_network
from carla_lite.towns.highway import highway_network
from carla_lite.towns.loop import loop_network
from carla_lite.towns.track import track_network
import numpy as np

_NETWORKS: dict[str, Callable[[np.random.Generator], Network]] = {
    'LiteLoop': loop_network,
    'LiteTown': grid_network,
    'LiteHighway': highway_network,
    'LiteCountry': country_network,
    'LiteTrack': track_network,
}
TOWN_NAMES = tuple(_NETWORKS)


def build_town(name: str, seed: int) -> Town:
    """
    Build a town; the same name and seed give the same town.

    :raises CarlaLiteError: there is no town of that name.
    """
    if name not in _NETWORKS:
        raise CarlaLiteError(f'there is no town {name}: choose one of {", ".join(TOWN_NAMES)}')
    return town_of(build_network(name, seed), seed)


def build_network(name: str, seed: int) -> Network:
    """Return a town's roads alone."""
    return _NETWORKS[name](np.random.default_rng([seed, *name.encode()]))
