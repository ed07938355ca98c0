"""Houses with pitched roofs, garages, barns and sheds."""

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.scenery import palettes
from carla_lite.scenery.parts import anchored, box, Finish
from carla_lite.scenery.walls import four_walls, Wall
from carla_lite.tags import Tag
import numpy as np

_SUNK_M = 0.6
_NEAR_M = 80.0
_FINE_M = 35.0
_PANE = (85, 72, 60)


def house_mesh(depth: float, width: float, rng: np.random.Generator) -> Mesh:
    """
    Return a house around the origin whose front looks along x.

    :param depth: metres along x; ``width``: along y.
    """
    material, palette = [
        (Material.WALL, palettes.PLASTER),
        (Material.BRICK, palettes.BRICKS),
        (Material.WOOD, palettes.BOARDS),
    ][int(rng.choice(3, p=[0.5, 0.25, 0.25]))]
    body = Finish(Tag.BUILDINGS, material, palettes.drawn(rng, palette))
    trim = body.but(Material.WOOD, palettes.drawn(rng, palettes.TRIMS, 0.05)).between(0, _NEAR_M)
    storeys = int(rng.integers(1, 3))
    height = 0.4 + 2.8 * storeys
    walls = four_walls(depth, width, height, _SUNK_M)
    parts = [wall.rects(wall.panels(), body) for wall in walls]
    parts.append(_roof(walls, body, trim, float(rng.uniform(0.35, 0.9)), rng))
    parts.append(_front(walls[0], storeys, trim, body, rng))
    for wall in walls[1:]:
        spans = np.concatenate([_row(wall, 2, _SUNK_M + 1.2 + 2.8 * i) for i in range(storeys)])
        parts.append(_panes(wall, spans, trim, 45.0))
    return joined(parts)


def barn_mesh(depth: float, width: float, rng: np.random.Generator) -> Mesh:
    """Return a barn or shed with a wide door."""
    palette = palettes.BOARDS if rng.random() < 0.6 else palettes.CONCRETES
    body = Finish(Tag.BUILDINGS, Material.WOOD, palettes.drawn(rng, palette))
    trim = body.but(Material.WOOD, palettes.drawn(rng, palettes.TRIMS, 0.05)).between(0, _NEAR_M)
    walls = four_walls(depth, width, float(rng.uniform(3.5, 6.0)), _SUNK_M)
    parts = [wall.rects(wall.panels(), body) for wall in walls]
    parts.append(_roof(walls, body, trim, float(rng.uniform(0.3, 0.6)), rng, False))
    parts.append(_gate(walls[0], walls[0].width / 2, 3.4, 3.2, trim, rng))
    return joined(parts)


def _roof(
    walls: list[Wall],
    body: Finish,
    trim: Finish,
    steep: float,
    rng: np.random.Generator,
    has_chimney: bool = True,
) -> Mesh:
    """Return two slopes, two gables, pale edges along the eaves and a chimney."""
    sides = (0, 2) if rng.random() < 0.6 else (1, 3)
    tiles = body.but(Material.ROOF, palettes.drawn(rng, palettes.TILES))
    low, over = walls[0].height, 0.5
    parts = []
    for number, wall in enumerate(walls):
        reach = walls[(number + 1) % 4].width / 2
        top = low + reach * steep
        if number in sides:
            slope = (-over, wall.width + over, low - over * steep, top)
            parts.append(wall.slope(slope, over, -reach, tiles, 6))
            edge = [[-over, wall.width + over, low - over * steep - 0.18, low - over * steep]]
            parts.append(wall.rects(edge, trim, out_m=over, rank=7))
        else:
            parts.append(wall.triangle(low, low + wall.width / 2 * steep, body))
    if has_chimney:
        wall = walls[sides[0]]
        ridge = low - _SUNK_M + walls[(sides[0] + 1) % 4].width / 2 * steep
        place = wall.along * wall.width * float(rng.uniform(-0.3, 0.3))
        brick = body.but(Material.BRICK, palettes.drawn(rng, palettes.BRICKS))
        chimney = box((0.8, 0.6, 1.8), (*place[:2], ridge + 0.2), brick)
        parts.append(anchored(chimney, place + 0.8 * wall.outwards + chimney.anchor * 0.1))
    return joined(parts)


def _front(wall: Wall, storeys: int, trim: Finish, body: Finish, rng: np.random.Generator) -> Mesh:
    """Return door, steps, windows and, on wide houses, a garage."""
    parts = []
    left = 0.0
    if wall.width > 9 and rng.random() < 0.7:
        parts.append(_gate(wall, 2.2, 2.6, 2.2, trim, rng))
        left = 4.2
    door_u = left + (wall.width - left) * float(rng.uniform(0.35, 0.65))
    low = _SUNK_M + 0.35
    wood = trim.but(Material.WOOD, palettes.drawn(rng, palettes.SHOPS))
    stone = trim.but(Material.WALL, (175, 178, 180)).between(0, _FINE_M)
    ground = _row(wall, max(2, int((wall.width - left) / 3.0)), _SUNK_M + 1.2, left)
    away = np.abs(ground[:, :2].mean(axis=1) - door_u) > 1.3
    upper = _row(wall, max(2, int(wall.width / 3.0)), _SUNK_M + 4.0)
    parts += [
        wall.rects([[door_u - 0.65, door_u + 0.65, low, low + 2.3]], trim, rank=1),
        wall.rects([[door_u - 0.5, door_u + 0.5, low, low + 2.1]], wood, rank=2),
        wall.rects([[door_u - 0.9, door_u + 0.9, _SUNK_M, low]], stone, out_m=0.7, rank=4),
        wall.slope((door_u - 0.9, door_u + 0.9, low, low), 0.7, 0.0, stone, 4),
        _panes(wall, ground[away], trim, _NEAR_M),
    ]
    if storeys > 1:
        parts.append(_panes(wall, upper, trim, _NEAR_M))
    if rng.random() < 0.4:
        parts.append(_porch(wall, door_u, trim, body))
    return joined(parts)


def _row(wall: Wall, count: int, v: float, left: float = 0.0) -> np.ndarray:
    u = left + (np.arange(count) + 0.5) * (wall.width - left) / count
    return np.stack([u - 0.6, u + 0.6, 0 * u + v, 0 * u + v + 1.25], axis=1)


def _panes(wall: Wall, spans: np.ndarray, trim: Finish, far_m: float) -> Mesh:
    middle = spans[:, :2].mean(axis=1)
    bars = np.stack([middle - 0.04, middle + 0.04, spans[:, 2], spans[:, 3]], axis=1)
    glass = trim.but(Material.GLASS, _PANE).between(0, far_m)
    frame = trim.between(0, min(far_m, _FINE_M))
    return joined(
        [
            wall.rects(spans + np.array([-0.13, 0.13, -0.13, 0.13]), frame, out_m=0.03, rank=1),
            wall.rects(spans, glass, out_m=0.04, rank=2),
            wall.rects(bars, frame.between(0, 30.0), out_m=0.05, rank=3),
        ]
    )


def _gate(
    wall: Wall, u: float, wide: float, high: float, trim: Finish, rng: np.random.Generator
) -> Mesh:
    """Return a garage's or a barn's door with its pale frame and boards."""
    half, v = wide / 2, _SUNK_M
    palette = palettes.TRIMS if rng.random() < 0.6 else palettes.BOARDS
    door = trim.but(Material.WOOD, palettes.drawn(rng, palette))
    seams = np.array([[u - half, u + half, v + z, v + z + 0.04] for z in (0.55, 1.1, 1.65)])
    return joined(
        [
            wall.rects([[u - half - 0.15, u + half + 0.15, v, v + high + 0.15]], trim, rank=1),
            wall.rects([[u - half, u + half, v, v + high]], door, out_m=0.02, rank=2),
            wall.rects(
                seams, trim.but(Material.WOOD, (60, 60, 62)).between(0, 30.0), out_m=0.03, rank=3
            ),
        ]
    )


def _porch(wall: Wall, u: float, trim: Finish, body: Finish) -> Mesh:
    """Return a small roof on two white posts before the door."""
    low, high = _SUNK_M + 2.7, _SUNK_M + 3.1
    tiles = body.but(Material.ROOF, (70, 72, 78)).between(0, _NEAR_M)
    uprights = [[u + side - 0.07, u + side + 0.07, _SUNK_M, low] for side in (-1.3, 1.3)]
    return joined(
        [
            wall.rects(uprights, trim, out_m=1.3, rank=6),
            wall.slope((u - 1.5, u + 1.5, low, high), 1.5, 0.0, tiles, 7),
            wall.rects([[u - 1.5, u + 1.5, low - 0.15, low]], trim, out_m=1.5, rank=8),
        ]
    )
