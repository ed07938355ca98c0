"""What runs along roads: guard rails, fences, walls, hedges, railings."""

from collections.abc import Sequence

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.scenery.leaves import leaf_corners
from carla_lite.scenery.parts import anchored, facets, Finish, RANK_M
from carla_lite.tags import Tag
import numpy as np

_FAR_M = 180.0


def ribbon(
    path: np.ndarray,
    low_m: float,
    high_m: float,
    finish: Finish,
    *,
    lean_m: float = 0.0,
    rank: int = 0,
) -> Mesh:
    """
    Return an upright band along a line on the ground, a quad for each of its pieces.

    :param path: (n, 3) metres in the world; :param lean_m: how far the upper edge stands to the
        right of the lower one.
    """
    if len(path) < 2:
        return joined([])
    up, aside = np.array([0, 0, 1.0]), _aside(path)
    low, high = path + up * low_m, path + up * high_m + aside * lean_m
    corners = np.stack([low[:-1], low[1:], high[1:], high[:-1]], axis=1)
    return _anchored(facets(corners, finish), path, rank * RANK_M)


def slab(path: np.ndarray, low_m: float, high_m: float, wide_m: float, finish: Finish) -> Mesh:
    """Return a wall of some thickness along a line: two sides and a top."""
    if len(path) < 2:
        return joined([])
    half = _aside(path) * wide_m / 2
    up = np.array([0, 0, high_m])
    top = np.stack(
        [(path - half + up)[:-1], (path - half + up)[1:], (path + half + up)[1:],
         (path + half + up)[:-1]],
        axis=1,
    )  # fmt: skip
    sides = [ribbon(path + shift, low_m, high_m, finish) for shift in (-half, half)]
    return joined([*sides, _anchored(facets(top, finish), path, 0.2)])


def posts(
    path: np.ndarray, height_m: float, width_m: float, finish: Finish, *, lift_m: float = 0.0
) -> Mesh:
    """Return two crossed boards at each point of a line, which look like a post from all sides."""
    if not len(path):
        return joined([])
    foot = path[:, None, :] + np.array([0, 0, lift_m])
    w, h = width_m / 2, height_m
    board = np.array([[-w, 0, 0], [w, 0, 0], [w, 0, h], [-w, 0, h]])
    crossed = [foot + board, foot + board[:, [1, 0, 2]]]
    corners = np.concatenate(crossed)
    return anchored(facets(corners, finish), np.concatenate([path, path]))


def guard_rail(path: np.ndarray, road_side: int) -> Mesh:
    """
    Return a steel rail on posts.

    :param path: (n, 3) points about 4 m apart.
    :param road_side: 1 where the road is to the right of the path, else -1.
    """
    steel = Finish(Tag.GUARD_RAIL, Material.METAL, (172, 176, 176), 0.0, 70.0)
    shade = steel.but(Material.METAL, (112, 116, 118))
    lean = 0.05 * road_side
    return joined(
        [
            ribbon(path, 0.44, 0.76, steel.between(70.0, 250.0)),
            posts(path, 0.72, 0.12, shade),
            ribbon(path, 0.42, 0.56, shade, lean_m=lean, rank=3),
            ribbon(path, 0.56, 0.64, steel, lean_m=-lean, rank=3),
            ribbon(
                path, 0.64, 0.76, steel.but(Material.METAL, (196, 200, 200)), lean_m=lean, rank=3
            ),
        ]
    )


def picket_fence(path: np.ndarray, colour: Sequence[int] = (240, 242, 242)) -> Mesh:
    """Return a low fence of pale boards with gaps; from afar two rails."""
    tint = (int(colour[0]), int(colour[1]), int(colour[2]))
    wood = Finish(Tag.FENCES, Material.WOOD, tint, 0.0, 120.0)
    fine = along(path, 0.28)
    near = wood.between(0.0, 30.0)
    w = 0.07
    step = _unit(np.gradient(fine, axis=0)) * w if len(fine) > 1 else fine * 0
    up = np.array([0, 0, 1.0])
    corners = np.stack(
        [fine - step + up * 0.08, fine + step + up * 0.08, fine + step + up * 0.9,
         fine - step + up * 0.9],
        axis=1,
    )  # fmt: skip
    pickets = anchored(facets(corners, near), fine)
    far = wood.between(30.0, 120.0)
    return joined(
        [
            ribbon(path, 0.3, 0.4, near),
            ribbon(path, 0.66, 0.76, near),
            pickets,
            ribbon(path, 0.25, 0.85, far.but(Material.WOOD, _mixed(tint))),
        ]
    )


def rail_fence(path: np.ndarray, finish: Finish, rails: Sequence[float], post_m: float) -> Mesh:
    """Return posts at the path's points with rails or wires at some heights."""
    wires = [ribbon(path, z - 0.04, z + 0.04, finish.between(0.0, 90.0)) for z in rails]
    return joined([posts(path, post_m, 0.12, finish), *wires])


def hedge_mesh(path: np.ndarray, height_m: float, rng: np.random.Generator) -> Mesh:
    """Return a green wall with ragged edges; ``path``: points about a metre apart."""
    green = Finish(Tag.VEGETATION, Material.LEAVES, (190, 215, 190), 0.0, 150.0)
    coarse = slab(along(path, 4.0), -0.2, height_m, 0.7, green)
    count = 5 * len(path)
    which = rng.integers(len(path), size=count)
    places = path[which] + rng.normal(0, 0.22, (count, 3))
    places[:, 2] = path[which, 2] + height_m * rng.uniform(0.15, 1.08, count)
    corners = leaf_corners(places, rng.uniform(0.12, 0.28, count), rng)
    tints = np.array([190, 225, 190]) * rng.uniform(0.7, 1.13, (count, 1))
    leaves = facets(corners, green.between(0.0, 28.0), colours=tints)
    return joined([coarse, anchored(leaves, path[which])])


def along(path: np.ndarray, step_m: float) -> np.ndarray:
    """Return points of the same line that are about ``step_m`` apart."""
    if len(path) < 2:
        return path
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    wanted = np.linspace(0, way[-1], max(2, round(way[-1] / step_m) + 1))
    return np.stack([np.interp(wanted, way, path[:, i]) for i in range(3)], axis=1)


def _mixed(colour: Sequence[int]) -> tuple[int, int, int]:
    """Return the colour of boards and the gaps between them."""
    mixed = [int(0.6 * part + 0.4 * gap) for part, gap in zip(colour, (60, 95, 75), strict=True)]
    return (mixed[0], mixed[1], mixed[2])


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _aside(path: np.ndarray) -> np.ndarray:
    """Return (n, 3) unit vectors to the right of a line."""
    step = _unit(np.gradient(path, axis=0))
    return _unit(np.stack([-step[:, 1], step[:, 0], np.zeros(len(path))], axis=1))


def _anchored(mesh: Mesh, path: np.ndarray, lift_m: float) -> Mesh:
    """Give each piece the anchor of its own foot on the line."""
    return anchored(mesh, (path[:-1] + path[1:]) / 2 + np.array([0, 0, lift_m]))
