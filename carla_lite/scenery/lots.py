"""Buildings in rows, and what is in front of and behind them."""

from collections.abc import Sequence

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.scenery import palettes
from carla_lite.scenery.along import along, hedge_mesh, picket_fence, rail_fence, slab
from carla_lite.scenery.parts import Finish
from carla_lite.scenery.site import Site
from carla_lite.scenery.stock import Sized, Stock
from carla_lite.scenery.waysides import Wayside
from carla_lite.tags import Tag
import numpy as np


def frontage(
    site: Site,
    stock: Stock,
    side: Wayside,
    buildings: Sequence[Sized],
    setback_m: tuple[float, float],
    gap_m: tuple[float, float],
    has_yard: bool = False,
) -> None:
    """
    Line a side with buildings.

    :param setback_m: least and greatest distance from the sidewalk; ``gap_m``: between them.
    """
    rng = site.rng
    s, end = float(side.s[0]) + 3.0, float(side.s[-1]) - 3.0
    base = rng.uniform(*setback_m)
    while True:
        mesh, (depth, width) = stock.pick(buildings)
        if s + width > end:
            break
        middle = s + width / 2
        back = float(np.clip(base + rng.normal(0, 0.7), *setback_m))
        if len(side.off_bridges(np.array([middle]))):
            spots = side.spots(middle, back + depth / 2)
            stands = site.put(spots, (depth, width), mesh, clear_m=setback_m[0] - 0.5)
            if stands and has_yard:
                front_garden(site, stock, side, (s - 2.0, s + width + 2.0), back)
        s += width + float(rng.uniform(*gap_m))


def backdrop(site: Site, stock: Stock, side: Wayside, buildings: Sequence[Sized]) -> None:
    """Put buildings far behind the first row, so that gaps do not show the horizon."""
    rng = site.rng
    for place in side.off_bridges(side.every(rng, 35, 80)):
        mesh, size = stock.pick(buildings)
        spots = side.spots(place, rng.uniform(28, 75) + size[0])
        site.put(spots, size, mesh, clear_m=4.0, turn=8.0)


def front_garden(
    site: Site, stock: Stock, side: Wayside, span: tuple[float, float], back: float
) -> None:
    """Fill a front garden: fence or hedge with a gap for the drive, a car on it, bushes."""
    rng = site.rng
    drive = 3.5
    kind = int(rng.choice(6, p=[0.25, 0.2, 0.15, 0.1, 0.1, 0.2]))
    for path in site.lines(side, (span[0], span[1] - drive), 0.9, 2.0, 0.35):
        site.add(_enclosed(path, kind, rng))
    if rng.random() < 0.5 and back > 5.0:
        mesh, size = stock.car()
        spots = side.spots(span[1] - drive / 2, back / 2 + 0.3)
        spots[:, 3] += float(rng.choice([0.0, 180.0]))
        site.put(spots, size, mesh, clear_m=0.2, turn=3.0)
    s = rng.uniform(span[0], span[1] - drive, 3)
    site.put(side.spots(s, rng.uniform(1.8, max(back - 1, 2.0), 3)), (0.8, 0.8), stock.bush)


def _enclosed(path: np.ndarray, kind: int, rng: np.random.Generator) -> Mesh:
    """Return what parts a garden from the street."""
    if kind == 0:
        return picket_fence(path)
    if kind == 1:
        return hedge_mesh(along(path, 1.0), float(rng.uniform(0.7, 1.6)), rng)
    if kind == 2:
        stone = palettes.drawn(rng, palettes.CONCRETES + palettes.BRICKS)
        return slab(
            path,
            -0.2,
            float(rng.uniform(0.5, 1.3)),
            0.25,
            Finish(Tag.WALLS, Material.BRICK, stone),
        )
    if kind == 3:
        iron = Finish(Tag.FENCES, Material.METAL, (50, 50, 50), 0.0, 110.0)
        return rail_fence(path, iron, (0.2, 0.6, 1.0), 1.1)
    if kind == 4:
        return picket_fence(path, palettes.drawn(rng, palettes.BOARDS))
    return joined([])
