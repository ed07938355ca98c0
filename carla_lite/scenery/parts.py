"""Boxes, tubes and boards that keep their painting order from every side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
import math

from carla_lite.materials import Material
from carla_lite.mesh import box_corners, Layer, Mesh, quads
from carla_lite.tags import Tag
import numpy as np

#: An object's quads are painted from far to near by anchors that all stand near its foot: the
#: quad's place, squeezed towards the foot, and a bonus towards the side that the quad faces.
#: Faces that look away from the camera thus come first, and what is stuck to a face, of higher
#: rank, comes after it; seen from behind it is the other way round.
SQUEEZE = 0.1
BONUS_M = 0.3
RANK_M = 0.03

Bgr = tuple[int, int, int]
Point = Sequence[float] | np.ndarray


@dataclass(frozen=True)
class Finish:
    """
    What a part is made of.

    :param near_m: seen from this distance on, ``far_m``: up to this one.
    """

    tag: Tag
    material: Material
    colour: Bgr = (255, 255, 255)
    near_m: float = 0.0
    far_m: float = 400.0

    def but(self, material: Material, colour: Bgr) -> 'Finish':
        """Return the same of another stuff."""
        return replace(self, material=material, colour=colour)

    def between(self, near_m: float, far_m: float) -> 'Finish':
        """Return the same for other distances."""
        return replace(self, near_m=near_m, far_m=far_m)


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a × b of (..., 3) arrays; for few of them five times as fast as numpy's."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def normals(corners: np.ndarray) -> np.ndarray:
    """Return (n, 3) unit normals of (n, 4, 3) quads; zero where there is no area."""
    across = cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    length = np.sqrt((across * across).sum(axis=1, keepdims=True))
    return across / np.maximum(length, 1e-9)


def facets(
    corners: np.ndarray,
    finish: Finish,
    *,
    centre: Sequence[float] | None = None,
    rank: int = 0,
    bonus_m: float = BONUS_M,
    colours: np.ndarray | None = None,
) -> Mesh:
    """
    Make quads of one finish whose outsides are where their corners run counter-clockwise.

    :param corners: (n, 4, 3) metres around the object's foot.
    :param centre: where they count as being for the order; parts that lie on one side share it.
    :param rank: 0 for a body's own faces, 1 for what is stuck to them, and so on.
    :param colours: (n, 3) instead of the finish's.
    """
    corners = np.asarray(corners, np.float32).reshape(-1, 4, 3)
    place = corners.mean(axis=1) if centre is None else np.asarray(centre, np.float32)
    anchor = SQUEEZE * place + (bonus_m + rank * RANK_M) * normals(corners)
    return quads(
        corners,
        finish.tag,
        finish.material,
        Layer.OBJECT,
        anchor=anchor,
        colour=finish.colour if colours is None else np.clip(colours, 0, 255),
        near_m=finish.near_m,
        far_m=finish.far_m,
    )


def box(
    size: Point, centre: Point, finish: Finish, *, rank: int = 0, bonus_m: float = BONUS_M
) -> Mesh:
    """Return a box without a bottom; its middle is ``centre``."""
    return facets(box_corners(list(size), list(centre)), finish, rank=rank, bonus_m=bonus_m)


def tube(
    start: Point,
    end: Point,
    radius: float | tuple[float, float],
    finish: Finish,
    *,
    sides: int = 3,
    rank: int = 0,
) -> Mesh:
    """Return a pole, limb or wire: ``sides`` quads from one point to another, open at the ends."""
    foot, top = np.asarray(start, np.float64), np.asarray(end, np.float64)
    axis = (top - foot) / max(float(np.linalg.norm(top - foot)), 1e-9)
    other = np.array([1.0, 0, 0]) if abs(axis[0]) < 0.8 else np.array([0, 1.0, 0])
    right = cross(axis, other)
    right /= np.linalg.norm(right)
    up = cross(axis, right)
    angles = np.arange(sides + 1) * 2 * math.pi / sides + 0.3
    ring = np.cos(angles)[:, None] * right + np.sin(angles)[:, None] * up
    wide, slim = radius if isinstance(radius, tuple) else (radius, radius)
    low, high = foot + wide * ring, top + slim * ring
    corners = np.stack([low[:-1], low[1:], high[1:], high[:-1]], axis=1)
    if sides == 2:  # two boards that cross look like a pole from everywhere
        for face, way in zip(corners, (right, up), strict=True):
            face[:] = foot - wide * way, foot + wide * way, top + slim * way, top - slim * way
    return facets(corners, finish, rank=rank, bonus_m=min(BONUS_M, max(wide, 0.02)))


def polygon(points: np.ndarray) -> np.ndarray:
    """Return (n, 4, 3) corners that cover a convex polygon of (m, 3) points."""
    last = len(points) - 1
    fans = [
        [points[0], points[i], points[min(i + 1, last)], points[min(i + 2, last)]]
        for i in range(1, last, 2)
    ]
    return np.asarray(fans)


def disc(
    centre: Sequence[float], radius: float, finish: Finish, *, sides: int = 8, rank: int = 0
) -> Mesh:
    """Return an upright round board that faces +x."""
    angles = (np.arange(sides) + 0.5) * 2 * math.pi / sides
    y, z = radius * np.cos(angles), radius * np.sin(angles)
    ring = np.stack([np.zeros(sides), y, z], axis=1) + np.asarray(centre)
    return facets(polygon(ring), finish, rank=rank, centre=centre)


def board(
    centre: Sequence[float], width: float, height: float, finish: Finish, *, rank: int = 0
) -> Mesh:
    """Return an upright rectangle that faces +x."""
    x, y, z = centre
    w, h = width / 2, height / 2
    corners = [[x, y - w, z - h], [x, y + w, z - h], [x, y + w, z + h], [x, y - w, z + h]]
    return facets(np.array([corners]), finish, rank=rank, centre=centre)


def stretched(mesh: Mesh, factors: Sequence[float]) -> Mesh:
    """Return the mesh made longer, wider, higher by three factors around its foot."""
    factor = np.asarray(factors, np.float32)
    return replace(mesh, corners=mesh.corners * factor, anchor=mesh.anchor * factor)


def anchored(mesh: Mesh, anchor: np.ndarray) -> Mesh:
    """
    Return the mesh with other anchors.

    :param anchor: (n, 3) or (3,).
    """
    places = np.broadcast_to(np.asarray(anchor, np.float32), (len(mesh), 3))
    return replace(mesh, anchor=places.copy())


def shifted(mesh: Mesh, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
    """Return a part elsewhere on its object, whose foot stays where it is."""
    way = np.array([x, y, z], np.float32)
    return replace(mesh, corners=mesh.corners + way, anchor=mesh.anchor + SQUEEZE * way)
