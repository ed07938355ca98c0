"""LiteLoop: a rounded loop whose street changes on the way."""

from dataclasses import replace

from carla_lite.roads.builder import Builder
from carla_lite.roads.network import Network, Piece, Setting
from carla_lite.roads.path import chained, cut, draw, heights, length_of, loop_through, Stance
from carla_lite.towns.paint import road_paint, town_paint
from carla_lite.towns.rings import winding
from carla_lite.towns.streets import Street, varied
import numpy as np

_TAPER_M = 18.0
_SETTLED_M = 12.0
_LEAST_RADIUS_M = 28.0


def loop_network(rng: np.random.Generator) -> Network:
    """Return a loop of three to five roads."""
    setting: Setting = 'suburb' if rng.random() < 0.5 else 'city'
    builder = Builder('LiteLoop', setting)
    course = _rounded(rng) if rng.random() < 0.5 else _winding(rng)
    town = town_paint(rng, setting)
    first = _street(rng)
    count = int(rng.integers(3, 6))
    streets = [first, *(_changed(rng, first) for _ in range(count - 1))]
    s = np.linspace(0.0, length_of(course), count + 1)
    rise = np.append(0.0, rng.uniform(-1.5, 1.5, count - 1))
    numbers = []
    for index in range(count):
        pieces = cut(course, float(s[index]), float(s[index + 1]))
        length = length_of(pieces)
        paint = road_paint(rng, town, first.right)
        before, here = (streets[i].profile(paint) for i in (index - 1, index))
        profiles = varied([(0.0, before), (_SETTLED_M + _TAPER_M, here)], _TAPER_M, length)
        ends = (0.0, rise[index], 0.0), (length, rise[(index + 1) % count], 0.0)
        speed = float(rng.choice([8.3, 11.1, 13.9]))
        numbers.append(builder.road(pieces, profiles, elevation=heights(ends), speed_mps=speed))
    for road, then in zip(numbers, numbers[1:] + numbers[:1], strict=True):
        builder.follow(road, then)
    return builder.build()


def _winding(rng: np.random.Generator) -> tuple[Piece, ...]:
    """Return a closed line of 500 to 700 m with bends to both sides."""
    while True:
        count, stretch = int(rng.integers(8, 12)), float(rng.uniform(0.75, 1.35))
        points = winding(rng, count, (0.04, 0.16), stretch)
        size = rng.uniform(520.0, 690.0) / length_of(chained(*loop_through(points)))
        line = chained(*loop_through(points * size))
        if max(abs(piece.curvature) for piece in line) < 1 / _LEAST_RADIUS_M:
            return line


def _rounded(rng: np.random.Generator) -> tuple[Piece, ...]:
    """Return a closed line of 500 to 700 m with four round corners, no two alike."""
    radii = rng.uniform(24.0, 55.0, 4)
    total = rng.uniform(520.0, 690.0)
    # opposite sides of the rectangle are equal; the corners eat from both of their sides
    spare = total / 2 + radii.sum() * (1 - np.pi / 4)
    wide = spare * rng.uniform(0.52, 0.62)
    sides = np.array([wide, spare - wide, wide, spare - wide])
    steps = []
    for index in range(4):
        straight = sides[index] - radii[index - 1] - radii[index]
        steps.append((float(straight), 0.0))
        steps.append((float(radii[index] * np.pi / 2), float(1 / radii[index])))
    return draw(Stance(0.0, 0.0, float(rng.uniform(0, 2 * np.pi))), steps)


def _street(rng: np.random.Generator) -> Street:
    right = int(rng.choice([1, 2, 3], p=[0.4, 0.4, 0.2]))
    left = right if rng.random() < 0.7 else int(rng.choice([1, 2]))
    return _dressed(rng, Street(right, left, float(rng.uniform(2.8, 3.7))))


def _changed(rng: np.random.Generator, street: Street) -> Street:
    lane_m = float(np.clip(street.lane_m + rng.uniform(-0.3, 0.3), 2.75, 3.8))
    return _dressed(rng, replace(street, lane_m=lane_m))


def _dressed(rng: np.random.Generator, street: Street) -> Street:
    """Return a street with other things beside its lanes."""
    room = street.right + street.left < 5
    walk = rng.random() < 0.7
    return replace(
        street,
        median_m=float(rng.uniform(1.2, 4.5)) if room and rng.random() < 0.3 else 0.0,
        bike_m=float(rng.uniform(1.3, 1.8)) if rng.random() < 0.15 else 0.0,
        parking=(bool(rng.random() < 0.3), bool(room and rng.random() < 0.25)),
        shoulder_m=0.0 if walk else float(rng.uniform(0.3, 1.5)),
        verge_m=float(rng.uniform(0.6, 2.0)) if walk and rng.random() < 0.3 else 0.0,
        sidewalk_m=float(rng.uniform(1.6, 3.2)) if walk else 0.0,
    )
