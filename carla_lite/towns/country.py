"""LiteCountry: a narrow road over hills, with a side road across."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
import math

from carla_lite.roads.builder import Builder, Profile, Touch
from carla_lite.roads.network import MarkKind, Network, Piece, Road
from carla_lite.roads.path import (
    biarc,
    chained,
    cut,
    length_of,
    loop_through,
    Stance,
    start_of,
)
from carla_lite.towns.arms import Arm
from carla_lite.towns.control import Control
from carla_lite.towns.crossing import cross
from carla_lite.towns.land import banked, Hills, hills_of, levelled, over, tamed
from carla_lite.towns.paint import Paint, road_paint, town_paint
from carla_lite.towns.rings import winding
from carla_lite.towns.streets import Street, varied
from carla_lite.towns.ways import chain, gaps_of, Reach
import numpy as np

_TAPER_M = 25.0
_LEAST_RADIUS_M = 26.0
_LOOK_M, _APART_M, _MEETING_M = 6.0, 26.0, 60.0
_ROAD_M = 260.0  # longer ways are made of several roads


@dataclass(frozen=True)
class _Way:
    one: int
    two: int
    line: tuple[Piece, ...]
    street: Street


def country_network(rng: np.random.Generator) -> Network:
    """Return a winding loop and a road through its middle."""
    builder = Builder('LiteCountry', 'country')
    town = town_paint(rng, 'country')
    ways = _ways(rng)
    meetings = np.array([[way.line[0].x, way.line[0].y] for way in ways[:2]])
    land = levelled(hills_of(rng), meetings)
    land = tamed(land, [way.line for way in ways], float(rng.uniform(0.06, 0.12)))
    reaches = [Reach(way.one, way.two, way.line, (way.street.profile(town),) * 2) for way in ways]
    gaps = gaps_of(reaches, rng.uniform(6.0, 12.0, 2).tolist(), 9.0)
    arms: tuple[list[Arm], list[Arm]] = ([], [])
    for index, (way, reach, gap) in enumerate(zip(ways, reaches, gaps, strict=True)):
        numbers = _roads(builder, rng, town, way.street, reach.between(gap), land)
        minor = index == 2
        arms[way.one].append(Arm(Touch(numbers[0], 'start'), minor=minor))
        arms[way.two].append(Arm(Touch(numbers[-1], 'end'), minor=minor))
    kinds: tuple[Control, ...] = ('yield', 'stop', 'none')
    edge = town.edge if rng.random() < 0.6 else None
    for ends in arms:
        cross(builder, ends, kinds[rng.choice(3, p=[0.5, 0.2, 0.3])], edge=edge)
    return builder.build()


def _ways(rng: np.random.Generator) -> list[_Way]:
    """Return the two halves of the loop and the road between its junctions."""
    main = _street(rng)
    side = _street(rng) if rng.random() < 0.6 else main
    while True:
        lines = loop_through(_ring(rng))
        count = len(lines)
        first, second = 0, int(rng.integers(count // 2 - 1, count // 2 + 2))
        across = _across(rng, start_of(lines[first]), start_of(lines[second]))
        halves = chained(*lines[first:second]), chained(*lines[second:])
        ways = (*halves, across)
        if all(_gentle(line) for line in ways) and _apart(ways):
            break
    return [
        _Way(0, 1, halves[0], main),
        _Way(1, 0, halves[1], main),
        _Way(0, 1, across, side),
    ]


def _ring(rng: np.random.Generator) -> np.ndarray:
    count, stretch = int(rng.integers(11, 16)), float(rng.uniform(0.75, 1.3))
    return winding(rng, count, (0.10, 0.24), stretch) * rng.uniform(150, 215)


def _across(rng: np.random.Generator, come: Stance, go: Stance) -> tuple[Piece, ...]:
    """Return a way through the inside of a loop that runs counter-clockwise."""
    turns = math.pi / 2 + rng.uniform(-0.3, 0.3, 2)
    start = come.moved(0.0, 0.0, turns[0])
    end = go.moved(0.0, 0.0, turns[1] + math.pi)
    way = np.array([end.x - start.x, end.y - start.y])
    heading = math.atan2(way[1], way[0])
    middle = Stance(
        start.x + way[0] / 2, start.y + way[1] / 2, heading + float(rng.uniform(-0.5, 0.5))
    ).moved(0.0, float(rng.uniform(-25, 25)))
    return chained(biarc(start, middle), biarc(middle, end))


def _gentle(line: tuple[Piece, ...]) -> bool:
    return max(abs(piece.curvature) for piece in line) < 1 / _LEAST_RADIUS_M


def _apart(lines: Sequence[tuple[Piece, ...]]) -> bool:
    """Say whether ways keep off each other and themselves but where they meet."""
    places, along, which = [], [], []
    for index, line in enumerate(lines):
        length = length_of(line)
        s = np.arange(0.0, length, _LOOK_M)
        places.append(Road(0, line, ()).reference(s)[:, :2])
        along.append(np.minimum(s, length - s))  # from the nearer junction
        which.append(np.full(len(s), index))
    xy, inner, way = np.concatenate(places), np.concatenate(along), np.concatenate(which)
    near = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)) < _APART_M
    order = np.arange(len(xy))
    same = (way[:, None] == way[None]) & (np.abs(order[:, None] - order) < 2 * _APART_M / _LOOK_M)
    meeting = (inner[:, None] < _MEETING_M) & (inner[None] < _MEETING_M)
    return not np.any(near & ~same & ~meeting)


def _street(rng: np.random.Generator) -> Street:
    return Street(
        1,
        1,
        lane_m=float(rng.uniform(2.5, 3.4)),
        shoulder_m=float(rng.uniform(0.3, 1.6)) if rng.random() < 0.6 else 0.0,
        sidewalk_m=float(rng.uniform(1.2, 1.8)) if rng.random() < 0.12 else 0.0,
    )


def _overtaking(rng: np.random.Generator, profile: Profile, length: float) -> list[Profile]:
    """Return stretches on which the middle line forbids what it allows on others."""
    kinds: tuple[MarkKind, ...] = ('broken', 'solid', 'solid broken', 'broken solid')
    if profile.middle.kind == 'none' or rng.random() < 0.3:
        return []
    stretches = []
    s = 2 * _TAPER_M + float(rng.uniform(10, 60))
    while s < length - 25:
        kind = kinds[rng.choice(4, p=[0.45, 0.25, 0.15, 0.15])]
        stretches.append(replace(profile, s=s, middle=replace(profile.middle, kind=kind)))
        s += float(rng.uniform(40, 120))
    return stretches


def _roads(
    builder: Builder,
    rng: np.random.Generator,
    town: Paint,
    street: Street,
    line: tuple[Piece, ...],
    land: Hills,
) -> list[int]:
    """Add a way as roads in a row, which differ in width and paint."""
    count = max(math.ceil(length_of(line) / _ROAD_M), 1)
    edges = np.linspace(0.0, length_of(line), count + 1)
    numbers = []
    before = street.profile(road_paint(rng, town, 1))
    speed = float(rng.choice([11.1, 13.9, 16.7]))
    for index in range(count):
        pieces = cut(line, float(edges[index]), float(edges[index + 1]))
        length = length_of(pieces)
        width = float(np.clip(street.lane_m + rng.uniform(-0.25, 0.25), 2.4, 3.5))
        here = replace(street, lane_m=width).profile(road_paint(rng, town, 1))
        profiles = varied([(0.0, before), (_TAPER_M + 5.0, here)], _TAPER_M, length)
        profiles += _overtaking(rng, here, length)
        numbers.append(
            builder.road(
                pieces,
                profiles,
                elevation=over(land, pieces),
                superelevation=banked(pieces) if rng.random() < 0.6 else (),
                speed_mps=speed,
            )
        )
        before = here
    chain(builder, numbers)
    return numbers
