"""Boards on posts: directions over highways, advertisements, arrows in bends."""

from itertools import pairwise

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.pose import Pose
from carla_lite.scenery import palettes
from carla_lite.scenery.parts import Bgr, board, box, facets, Finish, shifted, tube
from carla_lite.tags import Tag
import numpy as np

_FAR_M = 160.0
_POLE = Finish(Tag.POLES, Material.METAL, (135, 138, 138), 0.0, _FAR_M)
_FACE = Finish(Tag.TRAFFIC_SIGNS, Material.SIGN, (240, 242, 242), 0.0, _FAR_M)
_BLACK: Bgr = (30, 30, 30)
_BLUE: Bgr = (170, 85, 20)
_GREEN: Bgr = (70, 110, 20)


def gantry_mesh(span_m: float, boards: int, rng: np.random.Generator) -> Mesh:
    """
    Return direction boards that look along x, on two posts on the y axis.

    :param span_m: from post (y = 0) to post: over the road, which is to the boards' right.
    """
    steel = _POLE.but(Material.METAL, (150, 152, 154)).between(0.0, 300.0)
    sheet = _FACE.between(0.0, 300.0)
    parts = [tube((0, y, 0), (0, y, 7.0), 0.18, steel, sides=4) for y in (0.0, span_m)]
    edges = np.linspace(0, span_m, boards + 1)  # a piece of the beam behind each board
    for left, right in pairwise(edges):
        middle, wide = (left + right) / 2, right - left
        beam = box((0.4, wide, 0.5), (0, 0, 6.6), steel).moved(Pose(0.0, middle))
        parts.append(beam)
    colour = (_BLUE, _GREEN, _GREEN)[int(rng.integers(3))]
    width = min(4.6, span_m / boards - 0.4)
    for number in range(boards):
        y = span_m * (number + 0.5) / boards
        face = shifted(_directions(width, 2.6, colour, sheet, rng), z=6.4)
        parts.append(face.moved(Pose(0.3, y)))
    return joined(parts)


def billboard_mesh(rng: np.random.Generator) -> Mesh:
    """Return an advertisement on two posts: patches of loud colours."""
    steel = Finish(Tag.POLES, Material.METAL, (90, 92, 95), 0.0, 250.0)
    sheet = Finish(Tag.STATIC, Material.SIGN, palettes.drawn(rng, palettes.SHOPS), 0.0, 250.0)
    wide, high, z = rng.uniform(5, 9), rng.uniform(2.5, 4.0), rng.uniform(3.5, 6)
    parts = [
        *(tube((-0.2, y, -0.5), (-0.2, y, z), 0.12, steel) for y in (-wide / 3, wide / 3)),
        board((-0.05, 0, z), wide + 0.4, high + 0.4, steel.but(Material.METAL, (210, 212, 214))),
        board((0, 0, z), wide, high, sheet, rank=1),
    ]
    for rank in (2, 3, 4):
        loud = sheet.but(Material.SIGN, palettes.drawn(rng, palettes.SHOPS))
        w, h = wide * rng.uniform(0.1, 0.5), high * rng.uniform(0.1, 0.4)
        y, up = rng.uniform(-0.25, 0.25) * wide, rng.uniform(-0.25, 0.25) * high
        parts.append(patch(y, z + up, w, h, z, loud, rank))
    return joined(parts)


def chevron_mesh(to_right: bool) -> Mesh:
    """Return the black and white board of a sharp bend; the arrows point to its viewer's right."""
    low = _FACE.but(Material.SIGN, _BLACK)
    parts = [
        *(tube((-0.05, y, 0), (-0.05, y, 0.9), 0.03, _POLE) for y in (-0.4, 0.4)),
        board((0, 0, 1.0), 1.2, 0.6, low),
    ]
    lean = -0.2 if to_right else 0.2  # the viewer's right is at -y
    for y in (-0.45, -0.05, 0.35):
        for sign in (-1, 1):
            points = [
                [0, y, 1.0 + sign * 0.28],
                [0, y + 0.2, 1.0 + sign * 0.28],
                [0, y + 0.2 + lean, 1.0],
                [0, y + lean, 1.0],
            ]
            corners = np.array([points if sign < 0 else points[::-1]])
            parts.append(facets(corners, _FACE, centre=(0, 0, 1.0), rank=1))
    return joined(parts)


def patch(
    y: float, z: float, wide: float, high: float, middle: float, finish: Finish, rank: int
) -> Mesh:
    """
    Return a rectangle stuck on a board that faces +x.

    :param y: of its middle, ``z`` too; ``middle``: z of the board's.
    """
    w, h = wide / 2, high / 2
    corners = [
        [0.01, y - w, z - h],
        [0.01, y + w, z - h],
        [0.01, y + w, z + h],
        [0.01, y - w, z + h],
    ]
    return facets(np.array([corners]), finish, centre=(0, 0, middle), rank=rank)


def _directions(
    wide: float, high: float, colour: Bgr, sheet: Finish, rng: np.random.Generator
) -> Mesh:
    """Return a board with a white rim and lines that pass for names, around the origin."""
    parts = [
        board((0, 0, 0), wide, high, sheet),
        board((0.01, 0, 0), wide - 0.16, high - 0.16, sheet.but(Material.SIGN, colour), rank=1),
    ]
    for z in (0.65, 0.05, -0.6):
        text = wide * float(rng.uniform(0.3, 0.7))
        side = wide / 2 - text / 2 - 0.4
        parts.append(patch(side, z, text, 0.32, 0.0, sheet.between(0, 90.0), 2))
    return joined(parts)
