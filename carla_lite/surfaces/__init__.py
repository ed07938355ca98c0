"""Roads, paint, kerbs, dirt and the ground beside them, as one mesh."""

from dataclasses import dataclass

from carla_lite.mesh import Mesh
from carla_lite.roads.ground import Ground
from carla_lite.roads.network import Network
from carla_lite.surfaces.assembly import build
from carla_lite.surfaces.style import draw_style, Style
import numpy as np

__all__ = ['Style', 'Surface', 'draw_style', 'surface_of']


@dataclass(frozen=True)
class Surface:
    """
    Everything that lies on the ground of a town.

    :param crosswalks: each (4, 3) float32 corners in CARLA's world.
    """

    mesh: Mesh
    crosswalks: tuple[np.ndarray, ...]


def surface_of(network: Network, ground: Ground, seed: int, style: Style | None = None) -> Surface:
    """
    Return the surface of a network; the same seed gives the same one.

    :param ground: of the same network.
    :param style: instead of the one that the seed draws.
    """
    style = style or draw_style(seed, network.setting)
    mesh, crosswalks = build(network, ground, style)
    return Surface(mesh, tuple(crosswalks))
