"""Strips of ground along roads and round corners."""

from dataclasses import replace

from carla_lite.materials import Material
from carla_lite.mesh import joined, Layer, Mesh, quads
from carla_lite.roads.ground import Ground
from carla_lite.roads.network import Corner, Network
from carla_lite.surfaces.bands import Band, COARSE_FAR_M
from carla_lite.surfaces.footprint import Footprint, lifted, Plane
from carla_lite.surfaces.polygons import are_convex
from carla_lite.tags import Tag
import numpy as np

VERGE_M = 8.0
#: What the ground of a setting mostly is.
COMMON = {
    'city': (Tag.GROUND, Material.CONCRETE),
    'suburb': (Tag.TERRAIN, Material.GRASS),
    'highway': (Tag.TERRAIN, Material.GRASS),
    'country': (Tag.TERRAIN, Material.GRASS),
    'hall': (Tag.GROUND, Material.FLOOR),
}


def verges_of(bands: list[Band], footprint: Footprint, ground: Ground, setting: str) -> Mesh:
    """
    Return strips of ground along the outermost bands of a section, 8 m wide where there is room.

    :param bands: of one section, from right to left.
    """
    parts = []
    for band, edge, outward in ((bands[0], bands[0].right, -1), (bands[-1], bands[-1].left, 1)):
        inner = band.points(band.stations, edge)
        inner[:, 2] -= band.lift
        further = band.points(band.stations, edge + outward)
        away = (further - inner)[:, :2]
        near, far = band.distances
        strip = verge(inner, away, footprint, ground, setting, band.scale)
        parts.append(
            replace(strip, near_m=strip.near_m + near, far_m=np.minimum(strip.far_m, far))
        )
    return joined(parts)


def verge(
    edge: np.ndarray,
    away: np.ndarray,
    footprint: Footprint,
    ground: Ground,
    setting: str,
    scale: float,
) -> Mesh:
    """
    Return a strip of ground as wide as there is room, at most 8 m.

    :param edge: (n, 3) of the pavement; ``away``: (n, 2) unit vectors from it.
    """
    width = np.zeros(len(edge))
    free = np.ones(len(edge), bool)
    for reach in np.array([0.15, 0.3, 0.5, 0.75, 1.0]) * VERGE_M * scale:
        clear = footprint.clearance(edge[:, :2] + away * reach)
        free &= clear > 0.85 * reach - 0.8 * scale
        width[free] = reach
    outer = lifted(edge[:, :2] + away * width[:, None], ground)
    corners = np.stack([edge[:-1], edge[1:], outer[1:], outer[:-1]], axis=1)
    wide = np.minimum(width[:-1], width[1:]) > 0.2 * scale
    wide &= are_convex(corners[..., :2])
    wide &= np.abs(edge[:-1, 2] - outer[:-1, 2]) < 2.5 * scale  # not off a bridge
    tag, stuff = COMMON[setting]
    return quads(corners[wide], tag, stuff, Layer.TERRAIN, far_m=COARSE_FAR_M * scale)


def corner_verge(
    corner: Corner, plane: Plane, footprint: Footprint, ground: Ground, network: Network
) -> Mesh:
    """
    Return the ground behind a corner's sidewalk.

    :param plane: the junction's.
    """
    line = np.concatenate([_before(corner.outer), corner.outer, _before(corner.outer[::-1])])
    along = np.gradient(line, axis=0)
    away = np.stack([along[:, 1], -along[:, 0]], axis=1)
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    if ((line - plane.middle[:2]) * away).sum() < 0:
        away = -away
    edge = plane.lifted(line)
    return verge(edge, away, footprint, ground, network.setting, network.scale)


def _before(line: np.ndarray) -> np.ndarray:
    """Return (1, 2): the place where the line would come from, so that strips overlap."""
    return line[:1] + (line[:1] - line[1:2])
