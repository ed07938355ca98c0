"""Crowns of many small leaves that face anywhere, and their colours."""

from dataclasses import dataclass

from carla_lite.materials import Material
from carla_lite.mesh import Mesh
from carla_lite.scenery.parts import cross, facets, Finish
from carla_lite.tags import Tag
import numpy as np


@dataclass(frozen=True)
class Foliage:
    """
    Colour of leaves.

    :param material: LEAVES takes the town's green, darkened; CLOTH takes ``colour`` as it is,
        for the reds and yellows of autumn and for blossom.
    """

    material: Material = Material.LEAVES
    colour: tuple[int, int, int] = (235, 235, 235)


AUTUMN = tuple(
    Foliage(Material.CLOTH, colour)
    for colour in ((30, 60, 150), (35, 110, 190), (40, 150, 200), (35, 80, 120), (190, 170, 215))
)


def draw_foliage(rng: np.random.Generator, autumn: float) -> Foliage:
    """
    Draw a tree's colour.

    :param autumn: share of trees that are not green.
    """
    if rng.random() < autumn:
        return AUTUMN[int(rng.integers(len(AUTUMN)))]
    blue, green, red = (int(part) for part in rng.integers([130, 175, 120], [256, 256, 256]))
    return Foliage(Material.LEAVES, (blue, green, red))


def crown_mesh(
    shape: tuple[float, float, float],
    count: int,
    size: float,
    rng: np.random.Generator,
    foliage: Foliage,
    span: tuple[float, float],
    is_cone: bool,
) -> Mesh:
    """
    Return leaves in an egg or a cone.

    :param shape: heights of its bottom and top, greatest radius; ``size``: half a leaf's edge.
    :param span: distances from and to which it is drawn.
    """
    low, high, wide = shape
    ball = rng.normal(size=(count, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    ball *= rng.uniform(0.2, 1.0, (count, 1)) ** 0.5
    if is_cone:
        up = 1 - np.sqrt(rng.uniform(0, 1, count))
        turn, out = rng.uniform(0, 2 * np.pi, count), (1 - up) * rng.uniform(0.6, 1, count)
        ball = np.stack([out * np.cos(turn), out * np.sin(turn), 2 * up - 1], axis=1)
    places = ball * [wide, wide, (high - low) / 2] + [0, 0, (high + low) / 2]
    corners = leaf_corners(places, size * rng.uniform(0.7, 1.3, count), rng)
    corners = _inside(corners, 0.9 * low, 1.2 * wide)
    light = 0.84 + 0.16 * ball[:, 2:] + 0.14 * rng.uniform(-1, 1, (count, 1))
    patchy = 0.08 if foliage.material is Material.LEAVES else 0.2
    tint = np.asarray(foliage.colour) * light * rng.uniform(1 - patchy, 1 + patchy, (count, 1))
    tint = tint * rng.uniform(0.92, 1.08, (count, 3))
    finish = Finish(Tag.VEGETATION, foliage.material, (255, 255, 255), *span)
    return facets(corners, finish, bonus_m=0.0, colours=tint)


def leaf_corners(places: np.ndarray, half: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return (n, 4, 3) uneven quads of any direction around places."""
    count = len(places)
    one = rng.normal(size=(count, 3))
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    other = cross(one, rng.normal(size=(count, 3)))
    other /= np.maximum(np.linalg.norm(other, axis=1, keepdims=True), 1e-6)
    ends = np.stack([one, other, -one, -other], axis=1) * rng.uniform(0.7, 1.3, (count, 4, 1))
    return places[:, None] + ends * half[:, None, None]


def _inside(corners: np.ndarray, low: float, wide: float) -> np.ndarray:
    """Return leaves that neither hang lower nor reach farther out."""
    out = np.linalg.norm(corners[..., :2], axis=-1, keepdims=True)
    shrink = np.minimum(1.0, wide / np.maximum(out, 1e-6))
    flat = corners[..., :2] * shrink
    return np.concatenate([flat, np.maximum(corners[..., 2:], low)], axis=-1)
