"""What stands around a track for small robots, indoors; all of it in its own, full size."""

from collections.abc import Callable
from itertools import pairwise

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.scenery import palettes
from carla_lite.scenery.along import along
from carla_lite.scenery.furniture import bin_mesh, cone_mesh
from carla_lite.scenery.hall_walls import room_walls
from carla_lite.scenery.parts import box, Finish, shifted, stretched, tube
from carla_lite.scenery.people import walker_mesh
from carla_lite.scenery.site import Site
from carla_lite.scenery.stock import draw_person
from carla_lite.tags import Tag
import numpy as np

_THING = Finish(Tag.STATIC, Material.WOOD, (90, 130, 180), 0.0, 60.0)
_CLEAR_M = 0.12  # between a track's mat and what stands beside it


def hall(site: Site) -> None:
    """Put furniture, boxes, people and walls around the track."""
    rng = site.rng
    margin = rng.uniform(0.7, 3.5, 4)
    low, high = site.low - margin[:2], site.high + margin[2:]
    site.add(room_walls(low, high, _floor(site), rng))
    for make, size, count in _things(rng):
        places = rng.uniform(low + 0.4, high - 0.4, (count * 6, 2))
        yaw = rng.uniform(0, 360, len(places))
        spots = np.column_stack([places, np.zeros(len(places)), yaw])
        clearance = site.ground.clearance(places) - max(size) / 2
        order = np.argsort(
            np.where(clearance < _CLEAR_M, 9.0, clearance) + rng.random(len(places))
        )
        site.put(spots[order][:count], size, make, clear_m=_CLEAR_M)


def _floor(site: Site) -> float:
    middle = (site.low + site.high) / 2
    return float(site.ground.heights(middle[None])[0])


def _things(
    rng: np.random.Generator,
) -> list[tuple[Callable[[], Mesh], tuple[float, float], int]]:
    """Return what makes a thing, its depth and width in metres, and about how many there are."""
    wood = palettes.drawn(rng, palettes.BOARDS)
    metal = palettes.drawn(rng, palettes.CONCRETES)
    return [
        (lambda: chair_mesh(wood, metal), (0.5, 0.5), int(rng.integers(3, 13))),
        (lambda: table_mesh(1.4, 0.7, wood, metal), (0.75, 1.45), int(rng.integers(1, 5))),
        (lambda: carton_mesh(rng), (0.45, 0.45), int(rng.integers(3, 16))),
        (
            lambda: cupboard_mesh(rng),
            (0.45, 1.0),
            int(rng.integers(0, 4)),
        ),
        (
            lambda: walker_mesh(*draw_person(rng)[:2], phase=0.03),
            (0.35, 0.45),
            int(rng.integers(0, 6)),
        ),
        (lambda: bin_mesh(metal), (0.5, 0.55), int(rng.integers(0, 3))),
        (lambda: stretched(cone_mesh(), (0.3, 0.3, 0.3)), (0.12, 0.12), int(rng.integers(0, 12))),
        (lambda: cable_mesh(rng), (0.5, 1.4), int(rng.integers(1, 8))),
    ]


def chair_mesh(wood: tuple[int, int, int], metal: tuple[int, int, int]) -> Mesh:
    """Return a chair; one sits looking along x."""
    seat, legs = _THING.but(Material.WOOD, wood), _THING.but(Material.METAL, metal)
    return joined(
        [
            *(
                tube((x, y, 0), (x * 0.9, y * 0.9, 0.44), 0.014, legs, sides=4)
                for x in (-0.2, 0.2)
                for y in (-0.2, 0.2)
            ),
            box((0.42, 0.42, 0.04), (0, 0, 0.45), seat),
            box((0.03, 0.4, 0.35), (-0.21, 0, 0.72), seat),
        ]
    )


def table_mesh(
    length: float, depth: float, wood: tuple[int, int, int], metal: tuple[int, int, int]
) -> Mesh:
    """Return a table whose long side is along y."""
    top, legs = _THING.but(Material.WOOD, wood), _THING.but(Material.METAL, metal)
    x, y = depth / 2 - 0.05, length / 2 - 0.05
    return joined(
        [
            *(box((0.05, 0.05, 0.72), (a, b, 0.36), legs) for a in (-x, x) for b in (-y, y)),
            box((depth, length, 0.035), (0, 0, 0.735), top),
        ]
    )


def carton_mesh(rng: np.random.Generator) -> Mesh:
    """Return a cardboard box with a strip of tape."""
    size = rng.uniform([0.2, 0.2, 0.12], [0.42, 0.42, 0.4])
    card = _THING.but(Material.CLOTH, palettes.drawn(rng, ((95, 140, 185), (230, 232, 235))))
    tape = card.but(Material.SIGN, (150, 185, 205))
    strip = box((size[0] + 0.004, 0.05, size[2] + 0.004), (0, 0, size[2] / 2), tape, rank=1)
    return joined([box(size, (0, 0, size[2] / 2), card), strip])


def cupboard_mesh(rng: np.random.Generator) -> Mesh:
    """Return a cupboard whose two doors look along x, on a dark plinth."""
    body = _THING.but(Material.WOOD, palettes.drawn(rng, palettes.BOARDS + palettes.TRIMS))
    seam = body.but(Material.WOOD, (40, 40, 42))
    high = float(rng.uniform(0.8, 2.0))
    parts = [
        box((0.36, 0.9, 0.08), (0, 0, 0.04), seam),
        box((0.4, 0.94, high - 0.08), (0, 0, (high + 0.08) / 2), body),
        shifted(box((0.005, 0.012, high - 0.16), (0, 0, 0), seam, rank=1), 0.2, 0.0, high / 2),
    ]
    return joined(parts)


def cable_mesh(rng: np.random.Generator) -> Mesh:
    """Return a cable that winds over the floor along y."""
    colour = palettes.drawn(rng, ((25, 25, 25), (235, 236, 236), (20, 110, 235), (40, 160, 40)))
    finish = Finish(Tag.STATIC, Material.RUBBER, colour, 0.0, 20.0)
    y = np.linspace(-0.6, 0.6, 5)
    path = along(np.stack([0.12 * np.sin(6 * y), y, 0 * y + 0.006], axis=1), 0.15)
    pieces = [tube(a, b, 0.006, finish) for a, b in pairwise(path)]
    return joined(pieces)
