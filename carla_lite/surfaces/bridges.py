"""The body of a bridge under its deck."""

from carla_lite.materials import Material
from carla_lite.mesh import joined, Layer, Mesh, quads
from carla_lite.surfaces.bands import Band
from carla_lite.tags import Tag
import numpy as np

_DEPTH_M = 1.1


def bridges_of(bands: list[Band]) -> Mesh:
    """
    Return the sides and the underside of a section's bridges.

    They are sorted by a place under the deck, so that each side hides the other.

    :param bands: of one section, from right to left.
    """
    parts = []
    for begin, end in bands[0].road.bridges:
        stations = bands[0].stations
        on = (stations[:-1] < end) & (stations[1:] > begin)
        if on.any():
            parts.append(_body(bands, on))
    return joined(parts)


def _body(bands: list[Band], on: np.ndarray) -> Mesh:
    first, last = bands[0], bands[-1]
    down = np.array([0.0, 0.0, _DEPTH_M * first.scale])
    right = first.points(first.stations, first.right)
    left = last.points(last.stations, last.left)
    strips = ((right, right - down), (left, left - down), (right - down, left - down))
    near, far = first.distances
    anchor = (right + left)[:-1] / 4 + (right + left)[1:] / 4 - down
    return joined(
        [
            quads(
                np.stack([one[:-1], one[1:], two[1:], two[:-1]], axis=1)[on],
                Tag.BRIDGE,
                Material.CONCRETE,
                Layer.TERRAIN,
                anchor=anchor[on],
                colour=(shade,) * 3,
                near_m=near,
                far_m=far,
            )
            for (one, two), shade in zip(strips, (225, 225, 140), strict=True)
        ]
    )
