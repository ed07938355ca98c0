"""Puts up what stands around a town's roads."""

from dataclasses import dataclass

from carla_lite.mesh import Mesh
from carla_lite.roads.network import Network
from carla_lite.scenery.plot import Ground
from carla_lite.scenery.settings import PLANS
from carla_lite.scenery.site import Site
import numpy as np


@dataclass(frozen=True)
class Scenery:
    """All that stands in a town and never moves; ``lamps``: (n, 3) float32 places of bulbs."""

    mesh: Mesh
    lamps: np.ndarray


def scenery_of(network: Network, ground: Ground, seed: int, scale: float = 1.0) -> Scenery:
    """
    Return what stands beside a town's roads; its setting says what that is.

    :param ground: tells the distance to roads and the heights.
    :param seed: the same seed gives the same scenery.
    :param scale: of the roads; what stands in a hall keeps its own size.
    """
    site = Site(network, ground, seed)
    PLANS[network.setting](site)
    return Scenery(site.mesh, site.lamps)
