"""Blocks of flats, offices and shops, in great variety."""

from dataclasses import dataclass

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.scenery import palettes
from carla_lite.scenery.parts import anchored, Bgr, facets, Finish
from carla_lite.scenery.shopfronts import shopfront_mesh
from carla_lite.scenery.walls import four_walls, Wall
from carla_lite.tags import Tag
import numpy as np

_SUNK_M = 0.6
_FINE_M, _MIDDLE_M, _WIDE_M = 28.0, 75.0, 120.0
_PLAIN_M = 75.0  # from here on the renderer's own windows do for those of quads
PANE = (70, 62, 52)


@dataclass(frozen=True)
class Style:
    """
    How a block looks.

    :param storey_m: from floor to floor; ``ground_m``: height of the ground floor.
    :param bay_m: from window to window; ``window``: width and height of one.
    :param ledges: whether pale bands run along the storeys.
    """

    material: Material
    colour: Bgr
    base: Bgr
    trim: Bgr
    storey_m: float
    ground_m: float
    bay_m: float
    window: tuple[float, float]
    ledges: bool
    is_shop: bool


def draw_style(rng: np.random.Generator, with_shops: float = 0.5) -> Style:
    """
    Draw a style.

    :param with_shops: share of blocks with shops on the ground floor.
    """
    materials = [Material.FACADE, Material.WALL, Material.BRICK, Material.GLASS]
    material = materials[int(rng.choice(4, p=[0.25, 0.4, 0.28, 0.07]))]
    palette = {Material.BRICK: palettes.BRICKS, Material.GLASS: palettes.CONCRETES}
    body = palette.get(material, palettes.PLASTER if rng.random() < 0.75 else palettes.CONCRETES)
    return Style(
        material=material,
        colour=palettes.drawn(rng, body),
        base=palettes.drawn(rng, palettes.CONCRETES),
        trim=palettes.drawn(rng, palettes.TRIMS, 0.05),
        storey_m=float(rng.uniform(2.9, 3.6)),
        ground_m=float(rng.uniform(3.4, 4.4)),
        bay_m=float(rng.uniform(2.3, 3.8)),
        window=(float(rng.uniform(0.9, 1.7)), float(rng.uniform(1.3, 1.9))),
        ledges=bool(rng.random() < 0.6),
        is_shop=bool(rng.random() < with_shops),
    )


def building_mesh(
    depth: float, width: float, storeys: int, style: Style, rng: np.random.Generator
) -> Mesh:
    """
    Return a block around the origin whose front looks along x.

    :param depth: metres along x; ``width``: along y.
    :param storeys: over the ground floor.
    """
    height = style.ground_m + storeys * style.storey_m + float(rng.uniform(0.4, 1.2))
    walls = four_walls(depth, width, height, _SUNK_M)
    front = walls[0]
    ground = style.ground_m + _SUNK_M
    body = Finish(Tag.BUILDINGS, style.material, style.colour)
    near, far = body.between(0.0, _PLAIN_M), body.between(_PLAIN_M, body.far_m)
    if style.material is not Material.GLASS:
        far = far.but(Material.FACADE, style.colour)
    base = near.but(Material.WALL, style.base)
    parts = [wall.rects(wall.panels(ground), near) for wall in walls]
    parts += [wall.rects(wall.panels(0, ground), base) for wall in walls]
    parts += [wall.rects(wall.panels(), far) for wall in walls]
    parts.append(_roof(walls, body))
    parts += [_crown(wall, style, body) for wall in walls[:2] + walls[3:]]
    if style.material is Material.GLASS:
        parts += [_mullions(wall, ground, style, body) for wall in (front, walls[1], walls[3])]
    elif style.material is not Material.FACADE:
        parts += [
            _windows(wall, ground, storeys, style, body, _MIDDLE_M if wall is front else 50.0)
            for wall in (front, walls[1], walls[3])
        ]
    if style.is_shop:
        parts.append(shopfront_mesh(front, _SUNK_M, style.ground_m, rng))
    else:
        parts.append(_entrance(front, style, body))
    return joined(parts)


def _roof(walls: list[Wall], body: Finish) -> Mesh:
    up = np.array([0, 0, walls[0].height])
    corners = np.array([[wall.foot + up for wall in walls]])
    top = facets(corners, body.but(Material.ROOF, (90, 92, 95)))
    return anchored(top, up)


def _crown(wall: Wall, style: Style, body: Finish) -> Mesh:
    """Return the pale bands under the roof and, on some, between the storeys."""
    trim = body.but(Material.WALL, style.trim)
    bands = [wall.ledge(wall.height - 0.45, 0.45, 0.3, trim.between(0, _WIDE_M), 4)]
    if style.ledges:
        bands.append(
            wall.ledge(style.ground_m + _SUNK_M, 0.22, 0.15, trim.between(0, _MIDDLE_M), 4)
        )
    return joined(bands)


def _grid(wall: Wall, ground: float, storeys: int, style: Style) -> np.ndarray:
    """Return (n, 4) spans of a wall's windows."""
    wide, high = style.window
    count = max(1, int((wall.width - 0.8) / style.bay_m))
    u = (np.arange(count) + 0.5) * wall.width / count
    v = ground + np.arange(storeys) * style.storey_m + 0.9
    u, v = (part.ravel() for part in np.meshgrid(u, v))
    return np.stack([u - wide / 2, u + wide / 2, v, v + high], axis=1)


def _windows(
    wall: Wall, ground: float, storeys: int, style: Style, body: Finish, far_m: float
) -> Mesh:
    spans = _grid(wall, ground, storeys, style)
    rim = np.array([-0.12, 0.12, -0.14, 0.1])
    frame = body.but(Material.WALL, style.trim).between(0, _FINE_M)
    sill = frame.between(0, _FINE_M)
    glass = body.but(Material.GLASS, PANE).between(0, far_m)
    sills = np.stack(
        [spans[:, 0] - 0.2, spans[:, 1] + 0.2, spans[:, 2] - 0.22, spans[:, 2] - 0.1], axis=1
    )
    return joined(
        [
            wall.rects(spans + rim, frame, out_m=0.02, rank=1),
            wall.rects(spans, glass, out_m=0.03, rank=2),
            wall.rects(sills, sill, out_m=0.12, rank=3),
        ]
    )


def _mullions(wall: Wall, ground: float, style: Style, body: Finish) -> Mesh:
    """Return the metal grid of a glass front."""
    metal = body.but(Material.METAL, style.trim)
    u = np.arange(0, wall.width + 0.01, wall.width / max(2, round(wall.width / style.bay_m)))
    upright = np.stack([u - 0.06, u + 0.06, 0 * u + ground, 0 * u + wall.height], axis=1)
    v = np.arange(ground, wall.height, style.storey_m)
    bands = np.concatenate([wall.panels(low, low + 0.35) for low in v])
    return joined(
        [
            wall.rects(upright, metal.between(0, 90.0), out_m=0.06, rank=2),
            wall.rects(bands, metal.between(0, _MIDDLE_M), out_m=0.04, rank=1),
        ]
    )


def _entrance(front: Wall, style: Style, body: Finish) -> Mesh:
    """Return a door with a pale surround, steps and ground-floor windows."""
    middle, near = front.width / 2, body.between(0, 90.0)
    trim, door = near.but(Material.WALL, style.trim), near.but(Material.WOOD, (45, 50, 70))
    low = _SUNK_M + 0.3
    spans = _grid(front, _SUNK_M + 0.3, 1, style)
    spans = spans[np.abs(spans[:, :2].mean(axis=1) - middle) > 1.6]
    steps = [
        front.rects(
            [[middle - 1.1, middle + 1.1, _SUNK_M + low_m, _SUNK_M + low_m + 0.15]],
            near.but(Material.WALL, (185 - 25 * i, 188 - 25 * i, 190 - 25 * i)),
            out_m=0.6 - 0.3 * i,
            rank=5 - i,
        )
        for i, low_m in enumerate((0.0, 0.15))
    ]
    return joined(
        [
            front.rects([[middle - 0.85, middle + 0.85, low, low + 2.75]], trim, rank=1),
            front.rects([[middle - 0.6, middle + 0.6, low, low + 2.4]], door, rank=2),
            front.rects(spans + np.array([-0.1, 0.1, -0.1, 0.1]), trim, out_m=0.02, rank=1),
            front.rects(spans, near.but(Material.GLASS, PANE), out_m=0.03, rank=2),
            *steps,
        ]
    )
