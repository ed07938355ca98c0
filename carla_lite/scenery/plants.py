"""Trees, bushes and hedges: trunks, limbs and many small leaves that face anywhere."""

from typing import Literal

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.scenery.leaves import crown_mesh, Foliage
from carla_lite.scenery.parts import facets, Finish, tube
from carla_lite.tags import Tag
import numpy as np

TreeKind = Literal['round', 'street', 'tall', 'conifer', 'palm', 'bare']

#: Metres at which fine crowns give way to coarse ones, and those to the coarsest.
FINE_M, COARSE_M, SPECK_M, FAR_M = 28.0, 75.0, 140.0, 300.0
_WOOD = Finish(Tag.VEGETATION, Material.BARK, (255, 255, 255), 0.0, FAR_M)

#: Height of the crown's bottom and its radius, as shares of the tree's height; what stands at a
#: kerb has its crown over the roofs of cars.
_CROWNS = {
    'round': (0.26, 0.34),
    'street': (0.4, 0.22),
    'tall': (0.12, 0.15),
    'conifer': (0.06, 0.24),
}


def tree_mesh(
    kind: TreeKind, height_m: float, rng: np.random.Generator, foliage: Foliage | None = None
) -> Mesh:
    """
    Return a tree that stands at the origin, in four levels of detail.

    :param height_m: to the top of the crown.
    """
    foliage = foliage or Foliage()
    if kind == 'palm':
        return _palm(height_m, rng, foliage)
    if kind == 'bare':
        return joined([_trunk(height_m * 0.5, height_m), _limbs(height_m, rng, 16)])
    low, wide = _CROWNS[kind]
    shape = (height_m * low, height_m, height_m * wide)
    is_cone = kind == 'conifer'
    crowns = [
        crown_mesh(shape, count, size * height_m, rng, foliage, span, is_cone)
        for count, size, span in (
            (84, 0.105, (0.0, FINE_M)),
            (30, 0.165, (FINE_M, COARSE_M)),
            (10, 0.27, (COARSE_M, SPECK_M)),
            (3, 0.42, (SPECK_M, FAR_M)),
        )
    ]
    limbs = [] if is_cone else [_limbs(height_m, rng, 4)]
    return joined([_trunk(height_m * (low + 0.12), height_m), *limbs, *crowns])


def bush_mesh(height_m: float, rng: np.random.Generator, foliage: Foliage | None = None) -> Mesh:
    """Return a bush about as wide as high, two levels of detail."""
    foliage = foliage or Foliage()
    shape = (0.0, height_m, height_m * 0.55)
    return joined(
        [
            crown_mesh(shape, 26, height_m * 0.2, rng, foliage, (0.0, 22.0), False),
            crown_mesh(shape, 7, height_m * 0.36, rng, foliage, (22.0, 100.0), False),
        ]
    )


def grass_tuft_mesh(height_m: float, rng: np.random.Generator) -> Mesh:
    """Return upright blades, for verges and the feet of posts."""
    turn = rng.uniform(0, 2 * np.pi, 7)
    aside = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    foot = rng.normal(0, 0.15, (7, 3)) * [1, 1, 0]
    tip = foot + aside[:, [1, 0, 2]] * 0.2 + np.array([0, 0, 1.0]) * height_m
    corners = np.stack([foot - aside * 0.06, foot + aside * 0.06, tip, tip], axis=1)
    grass = Finish(Tag.VEGETATION, Material.LEAVES, (200, 255, 225), 0.0, 25.0)
    return facets(corners, grass, bonus_m=0.0)


def _trunk(height: float, tree_height: float) -> Mesh:
    thick = 0.018 * tree_height + 0.04
    foot, top, radius = (0, 0, -0.3), (0, 0, height), (thick, thick * 0.7)
    return joined(
        [
            tube(foot, top, radius, _WOOD.between(0.0, FINE_M), sides=5),
            tube(foot, top, radius, _WOOD.between(FINE_M, COARSE_M), sides=3),
            tube(foot, top, radius, _WOOD.between(COARSE_M, FAR_M), sides=2),
        ]
    )


def _limbs(height: float, rng: np.random.Generator, count: int) -> Mesh:
    """Return limbs that grow outwards and up; those of bare trees fork once."""
    parts = []
    for number in range(count):
        turn, start = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 0.5) * height
        reach, rise = rng.uniform(0.12, 0.28) * height, rng.uniform(0.2, 0.45) * height
        end = np.array([reach * np.cos(turn), reach * np.sin(turn), start + rise])
        thick = 0.007 * height
        is_bare = count > 8
        far_m = FINE_M if not is_bare else FAR_M if number % 4 == 0 else COARSE_M
        radius = (thick * 1.3, thick * 0.5)
        parts.append(tube((0, 0, start), end, radius, _WOOD.between(0.0, far_m)))
        if is_bare:
            fork = end * [0.6, 0.6, 1] - [0, 0, 0.4 * rise]
            tip = fork + rng.normal(0, 0.09, 3) * height + [0, 0, 0.2 * height]
            fine = _WOOD.between(0.0, FINE_M)
            parts.append(tube(fork, tip, (thick * 0.6, thick * 0.3), fine))
    return joined(parts)


def _palm(height: float, rng: np.random.Generator, foliage: Foliage) -> Mesh:
    """Return a slim trunk and drooping fronds of three pieces."""
    lean = rng.normal(0, 0.04, 2) * height
    top = np.array([*lean, height * 0.85])
    trunk = tube((0, 0, -0.3), top, (0.2, 0.13), _WOOD, sides=5)
    pieces = []
    for turn in np.arange(11) * 2 * np.pi / 11 + rng.uniform(0, 0.4):
        out = np.array([np.cos(turn), np.sin(turn), 0])
        aside = np.array([-out[1], out[0], 0]) * 0.3
        rise = rng.uniform(0.1, 0.5)
        spine = [top, top + out * 0.9 + [0, 0, rise], top + out * 1.9 + [0, 0, rise - 0.3]]
        spine.append(top + out * 2.6 + [0, 0, rise - 1.4])
        width = [0.3, 1.0, 0.8, 0.05]
        for i in range(3):
            a, b = spine[i], spine[i + 1]
            wide_a, wide_b = aside * width[i], aside * width[i + 1]
            pieces.append([a - wide_a, a + wide_a, b + wide_b, b - wide_b])
    finish = Finish(Tag.VEGETATION, foliage.material, foliage.colour, 0.0, FAR_M)
    return joined([trunk, facets(np.array(pieces), finish, bonus_m=0.0)])
