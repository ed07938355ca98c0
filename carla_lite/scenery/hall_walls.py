"""The four walls of a hall: skirting boards, windows, doors, radiators, pictures."""

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.pose import Pose
from carla_lite.scenery import palettes
from carla_lite.scenery.parts import anchored, facets, Finish
from carla_lite.scenery.walls import Wall
from carla_lite.tags import Tag
import numpy as np


def room_walls(low: np.ndarray, high: np.ndarray, floor: float, rng: np.random.Generator) -> Mesh:
    """
    Return walls that look inwards.

    :param low: (2,) x, y of a corner; ``high``: of the opposite one; ``floor``: z.
    """
    (x0, y0), (x1, y1) = low, high
    height = float(rng.uniform(2.4, 4.5))
    walls = [
        Wall(np.array([x0, y0, 0.0]), np.array([0.0, 1.0, 0.0]), y1 - y0, height),
        Wall(np.array([x1, y1, 0.0]), np.array([0.0, -1.0, 0.0]), y1 - y0, height),
        Wall(np.array([x1, y0, 0.0]), np.array([-1.0, 0.0, 0.0]), x1 - x0, height),
        Wall(np.array([x0, y1, 0.0]), np.array([1.0, 0.0, 0.0]), x1 - x0, height),
    ]
    plaster = Finish(Tag.WALLS, Material.WALL, palettes.drawn(rng, palettes.PLASTER))
    skirting = plaster.but(Material.WOOD, palettes.drawn(rng, palettes.TRIMS + palettes.BOARDS))
    parts = [_furnished(wall, plaster, skirting, rng) for wall in walls]
    ceiling = _ceiling(walls, plaster)
    return joined([ceiling, *parts]).moved(Pose(z=floor))


def _furnished(wall: Wall, plaster: Finish, skirting: Finish, rng: np.random.Generator) -> Mesh:
    parts = [
        wall.rects(wall.panels(), plaster),
        wall.rects(
            wall.panels(0.0, float(rng.uniform(0.06, 0.16))), skirting, out_m=0.015, rank=1
        ),
    ]
    u = float(rng.uniform(0.2, 1.0))
    while u < wall.width - 1.5:
        wide = float(rng.uniform(0.8, 1.4))
        kind = int(rng.integers(5))
        if kind == 0:
            parts.append(_door(wall, u, wide, rng))
        elif kind == 1:
            parts.append(_window(wall, u, wide, 0.1 if rng.random() < 0.3 else 0.9))
        elif kind == 2:
            parts.append(_radiator(wall, u, wide))
        elif kind == 3:
            sign = plaster.but(Material.SIGN, palettes.drawn(rng, palettes.SHOPS))
            parts.append(wall.rects([[u, u + wide, 1.2, 1.9]], sign, out_m=0.02, rank=1))
        u += wide + float(rng.uniform(0.3, 2.0))
    return joined(parts)


def _door(wall: Wall, u: float, wide: float, rng: np.random.Generator) -> Mesh:
    frame = Finish(Tag.WALLS, Material.WOOD, palettes.drawn(rng, palettes.TRIMS))
    leaf = frame.but(Material.WOOD, palettes.drawn(rng, palettes.BOARDS + palettes.TRIMS))
    return joined(
        [
            wall.rects([[u - 0.08, u + wide + 0.08, 0, 2.13]], frame, out_m=0.02, rank=2),
            wall.rects([[u, u + wide, 0.01, 2.05]], leaf, out_m=0.03, rank=3),
        ]
    )


def _window(wall: Wall, u: float, wide: float, v: float) -> Mesh:
    """Return a window through which the day shines; it is brighter than any tape."""
    frame = Finish(Tag.WALLS, Material.WOOD, (235, 238, 240))
    day = frame.but(Material.LAMP, (255, 250, 240))
    half = u + wide / 2
    panes = [[u, half - 0.03, v, 2.1], [half + 0.03, u + wide, v, 2.1]]
    return joined(
        [
            wall.rects([[u - 0.07, u + wide + 0.07, v - 0.07, 2.17]], frame, out_m=0.02, rank=2),
            wall.rects(panes, day, out_m=0.03, rank=3),
        ]
    )


def _radiator(wall: Wall, u: float, wide: float) -> Mesh:
    metal = Finish(Tag.WALLS, Material.METAL, (232, 235, 238))
    ribs = u + np.arange(0.04, wide, 0.09)
    dark = metal.but(Material.METAL, (150, 155, 160)).between(0.0, 8.0)
    spans = np.stack([ribs, ribs + 0.03, 0 * ribs + 0.14, 0 * ribs + 0.66], axis=1)
    return joined(
        [
            wall.rects([[u, u + wide, 0.12, 0.68]], metal, out_m=0.08, rank=2),
            wall.rects(spans, dark, out_m=0.085, rank=3),
        ]
    )


def _ceiling(walls: list[Wall], plaster: Finish) -> Mesh:
    """Return a pale ceiling; its anchor is so far away that everything is drawn before it."""
    up = np.array([0, 0, walls[0].height])
    corners = np.array([[wall.foot + up for wall in (walls[0], walls[3], walls[1], walls[2])]])
    mesh = facets(corners, plaster.but(Material.WALL, (225, 228, 230)))
    middle = corners[0].mean(axis=0)
    return anchored(mesh, middle + np.array([0, 0, 60.0]))
