"""What is stuck to the sides of vehicles: wheels with their arches, windows."""

from collections.abc import Sequence

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.scenery.car_shapes import Outline
from carla_lite.scenery.parts import facets, Finish, polygon
import numpy as np

TYRE = (26, 25, 25)
_RIM, _ARCH = (150, 150, 150), (14, 14, 14)


def side_centre(outline: Outline, size: np.ndarray, sign: int) -> tuple[float, float, float]:
    """Return where all that lies on a side counts as being, so that it is painted in order."""
    x = (outline.edge[0][0] + outline.edge[-1][0]) / 2 * size[0]
    return float(x), sign * float(size[1]) / 2, float(size[2]) / 3


def facing(corners: np.ndarray, sign: int) -> np.ndarray:
    """Return corners that run the other way round on the left side."""
    return corners if sign > 0 else corners[:, ::-1]


def stuck(
    corners: np.ndarray, finish: Finish, sign: int, centre: Sequence[float], rank: int
) -> Mesh:
    """Return a quad or several on a vehicle's side; ``rank``: what is stuck on what."""
    return facets(facing(corners.reshape(-1, 4, 3), sign), finish, centre=centre, rank=rank)


def wheel(x: float, outline: Outline, size: np.ndarray, finish: Finish, sign: int) -> Mesh:
    """
    Return a wheel in its arch.

    :param x: of the axle, metres; ``sign``: 1 on the right side, -1 on the left.
    """
    radius, y = outline.radius * size[2], sign * size[1] * 0.475
    cab = outline.edge[-1][0] * size[0]
    centre = side_centre(outline, size, sign) if x > cab else (x, y, size[2] / 3)
    turn = (np.arange(8) + 0.5) * np.pi / 4
    ring = np.stack([np.cos(turn), np.zeros(8), np.sin(turn)], axis=1)[::-1]
    at = np.array([x, y, radius])
    arch = at + ring * radius * 1.2
    arch = arch[arch[:, 2] > radius * 0.8]
    tyre = finish.but(Material.RUBBER, TYRE)
    scale = radius / np.cos(np.pi / 8)
    tread = np.array([[0, 1, -1], [0, 0, -1], [0, 0, 0], [0, 1, 0]]) * [1, -sign * 0.2, 1]
    treads = [at + radius * 0.9 * np.array([end, 0, 0]) + tread * radius for end in (1, -1)]
    return joined(
        [
            facets(np.array(treads), tyre, bonus_m=0.0),
            stuck(polygon(arch), finish.but(Material.RUBBER, _ARCH), sign, centre, 1),
            stuck(polygon(at + ring * scale), tyre, sign, centre, 2),
            stuck(
                polygon(at + ring[::2] * radius * 0.62),
                finish.but(Material.METAL, _RIM),
                sign,
                centre,
                3,
            ),
        ]
    )
