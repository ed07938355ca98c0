"""Ground floors with shop windows, signs and awnings."""

from itertools import pairwise

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.scenery import palettes
from carla_lite.scenery.parts import Finish
from carla_lite.scenery.walls import Wall
from carla_lite.tags import Tag
import numpy as np

_NEAR_M = 75.0
_PANE = (95, 85, 70)


def shopfront_mesh(front: Wall, low: float, height: float, rng: np.random.Generator) -> Mesh:
    """
    Return what shops put on a wall.

    :param low: v of the pavement; ``height``: of the ground floor, metres.
    """
    parts = []
    u = 0.3
    while u < front.width - 3.0:
        wide = min(float(rng.uniform(4.0, 9.0)), front.width - 0.3 - u)
        parts.append(_shop(front, u, u + wide, low, height, rng))
        u += wide + 0.5
    return joined(parts)


def _shop(
    front: Wall, u0: float, u1: float, low: float, height: float, rng: np.random.Generator
) -> Mesh:
    near = Finish(Tag.BUILDINGS, Material.WALL, (255, 255, 255), 0.0, _NEAR_M)
    colour = palettes.drawn(rng, palettes.SHOPS)
    frame = near.but(Material.METAL, palettes.drawn(rng, palettes.TRIMS))
    top = low + height - 1.0
    panes = max(2, int((u1 - u0) / 1.8))
    edges = np.linspace(u0, u1, panes + 1)
    door = int(rng.integers(panes))
    bottom = np.where(np.arange(panes) == door, low + 0.03, low + rng.uniform(0.15, 0.7))
    spans = np.stack(
        [edges[:-1] + 0.06, edges[1:] - 0.06, bottom, np.full(panes, top - 0.06)], axis=1
    )
    tints = np.clip(np.array(_PANE) * rng.uniform(0.6, 1.9, (panes, 1)), 0, 255)
    parts = [
        front.rects([[u0, u1, low + 0.05, top]], frame, out_m=0.02, rank=1),
        front.rects(spans, near.but(Material.GLASS, _PANE), out_m=0.03, rank=2, colours=tints),
        front.rects(
            [[u0, u1, top, top + 0.65]], near.but(Material.SIGN, colour), out_m=0.12, rank=4
        ),
        _letters(front, u0, u1, top + 0.15, near, rng),
    ]
    if rng.random() < 0.5:
        parts.append(_awning(front, (u0, u1, top - 0.35, top + 0.05), near, colour, rng))
    return joined(parts)


def _letters(
    front: Wall, u0: float, u1: float, v: float, near: Finish, rng: np.random.Generator
) -> Mesh:
    """Return pale strokes that pass for a name."""
    count = int(rng.integers(3, 8))
    begin = u0 + rng.uniform(0.1, 0.4) * (u1 - u0)
    u = begin + 0.32 * np.arange(count)
    u = u[u < u1 - 0.3]
    high = rng.choice([0.25, 0.36], len(u))
    spans = np.stack([u, u + rng.uniform(0.12, 0.24, len(u)), 0 * u + v, v + high], axis=1)
    bright = near.but(Material.SIGN, (235, 240, 242)).between(0.0, 40.0)
    return front.rects(spans, bright, out_m=0.14, rank=5)


def _awning(
    front: Wall,
    span: tuple[float, float, float, float],
    near: Finish,
    colour: tuple[int, int, int],
    rng: np.random.Generator,
) -> Mesh:
    """Return a sloping cloth, plain or striped."""
    u0, u1, v0, v1 = span
    reach = float(rng.uniform(0.8, 1.5))
    stripes = max(3, int((u1 - u0) / 0.6)) if rng.random() < 0.5 else 1
    edges = np.linspace(u0, u1, stripes + 1)
    parts = []
    for number, (left, right) in enumerate(pairwise(edges)):
        cloth = near.but(Material.CLOTH, colour if number % 2 == 0 else (232, 235, 236))
        parts.append(front.slope((left, right, v0, v1), reach, 0.1, cloth, 7))
    face = near.but(Material.CLOTH, colour)
    parts.append(front.rects([[u0, u1, v0 - 0.2, v0]], face, out_m=reach, rank=8))
    return joined(parts)
