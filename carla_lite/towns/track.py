"""LiteTrack: a course of tape on mats for robots of a tenth of a car's size."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from carla_lite.roads.builder import Builder, Profile, Strip, Touch
from carla_lite.roads.network import Mark, MarkKind, Network, Piece
from carla_lite.roads.path import cut, filleted, length_of
from carla_lite.roads.scaling import scaled
from carla_lite.towns.arms import Arm
from carla_lite.towns.crossing import cross
from carla_lite.towns.ways import chain, gaps_of, middle_shift, Reach
import numpy as np

# Everything is drawn ten times too large: a metre here is a decimetre of the track.
_SIZE = 0.1
_SPEED_MPS = 10.0
_SPARE_RADIUS_M = 1.0  # the inner edge of a bend bends too
_KINDS = ('loop', 'loop', 'across', 'across', 'eight', 'cross')


@dataclass(frozen=True)
class _Tape:
    """The tapes of a course, and what of the mat lies outside them."""

    edge: Mark
    centre: Mark
    lane_m: float
    mat_m: float
    lanes: int

    def profile(self, lane_m: float | None = None) -> Profile:
        width = lane_m or self.lane_m
        strips = (Strip('driving', width, self.edge), Strip('shoulder', self.mat_m))
        if self.lanes == 1:
            return Profile(strips, (Strip('shoulder', self.mat_m),), self.edge)
        return Profile(strips, strips, self.centre)


@dataclass(frozen=True)
class _Way:
    one: int
    two: int
    line: tuple[Piece, ...]


def track_network(rng: np.random.Generator) -> Network:
    """Return a course: a loop, one with a way across, a figure of eight or a net of four."""
    builder = Builder('LiteTrack', 'hall')
    tape = _tape(rng)
    kind = _KINDS[rng.integers(len(_KINDS))]
    if kind == 'loop':
        _loop(builder, rng, tape)
    else:
        ways = {'across': _across, 'eight': _eight, 'cross': _crossed}[kind](rng)
        _junctions(builder, rng, replace(tape, lanes=2), ways)
    return scaled(builder.build(), _SIZE)


def _tape(rng: np.random.Generator) -> _Tape:
    colours = ('white', 'white'), ('white', 'yellow'), ('yellow', 'white'), ('yellow', 'yellow')
    edge_colour, centre_colour = colours[rng.choice(4, p=[0.3, 0.5, 0.12, 0.08])]
    wide = float(rng.uniform(0.2, 0.5))
    dash_m = float(rng.uniform(0.6, 2.5))
    kinds: tuple[MarkKind, ...] = ('broken', 'solid', 'solid solid', 'none')
    centre = Mark(
        kinds[rng.choice(4, p=[0.68, 0.16, 0.06, 0.10])],
        'yellow' if centre_colour == 'yellow' else 'white',
        wide if rng.random() < 0.6 else float(rng.uniform(0.2, 0.5)),
        dash_m,
        dash_m * float(rng.uniform(0.5, 1.6)),
    )
    edge = Mark('solid', 'yellow' if edge_colour == 'yellow' else 'white', wide)
    if rng.random() < 0.06:
        edge = replace(edge, kind='none')
    if edge.kind == 'none' and centre.kind == 'none':
        centre = replace(centre, kind='broken')
    lanes = 1 if rng.random() < 0.25 else 2
    lane_m = float(rng.uniform(2.8, 4.2)) * (1.25 if lanes == 1 else 1.0)
    return _Tape(edge, centre, lane_m, float(rng.uniform(0.6, 2.0)), lanes)


def _loop(builder: Builder, rng: np.random.Generator, tape: _Tape) -> None:
    """Add a closed course with bends to both sides."""
    line = _ring(rng)
    while _least_radius(line) < max(tape.lane_m + tape.mat_m + _SPARE_RADIUS_M, 6.0):
        line = _ring(rng)
    edges = np.linspace(0.0, length_of(line), int(rng.integers(3, 6)) + 1)
    profile = tape.profile()
    numbers = [
        builder.road(cut(line, float(a), float(b)), [profile], speed_mps=_SPEED_MPS)
        for a, b in pairwise(edges)
    ]
    chain(builder, numbers, closed=True)


def _ring(rng: np.random.Generator) -> tuple[Piece, ...]:
    """Return a closed line of straights and round corners, one side of it bent inwards."""
    wide, deep = rng.uniform(38, 75), rng.uniform(30, 45)
    corners = [(0, 0), (wide, 0), (wide, deep), (0, deep)]
    if rng.random() < 0.65:
        middle, dent = wide * rng.uniform(0.42, 0.58), deep * rng.uniform(0.22, 0.42)
        half = wide * rng.uniform(0.14, 0.2)
        notch = [(middle + half, deep), (middle, deep - dent), (middle - half, deep)]
        corners = [*corners[:3], *notch, corners[3]]
    if rng.random() < 0.5:
        corners[1] = (wide * rng.uniform(0.72, 0.95), rng.uniform(0, deep * 0.15))
    points = np.array(corners, float)
    start = (points[0] + points[1]) / 2
    closed = np.vstack([start, points[1:], points[:1], start])
    return filleted(closed, float(rng.uniform(7.0, 15.0)))


def _least_radius(line: tuple[Piece, ...]) -> float:
    return 1 / max(abs(piece.curvature) for piece in line)


def _across(rng: np.random.Generator) -> list[_Way]:
    """Return a ring with a way between two opposite sides."""
    wide, deep = rng.uniform(50, 80), rng.uniform(34, 46)
    at = wide * rng.uniform(0.4, 0.6), wide * rng.uniform(0.4, 0.6)
    low, high = (at[0], 0.0), (at[1], deep)
    radius = float(rng.uniform(8, 15))
    east = np.array([low, (wide, 0), (wide, deep), high])
    west = np.array([high, (0, deep), (0, 0), low])
    straight = np.array([low, high])
    return [
        _Way(0, 1, filleted(east, radius)),
        _Way(1, 0, filleted(west, radius)),
        _Way(0, 1, filleted(straight, radius)),
    ]


def _eight(rng: np.random.Generator) -> list[_Way]:
    """Return two rounds that cross each other on the level."""
    reach, half = rng.uniform(26, 36), rng.uniform(15, 20)
    radius = float(rng.uniform(9, 14))
    ways = []
    for side in (1, -1):
        far = side * reach
        corners = np.array([(0, 0), (far, -half * side), (far, half * side), (0, 0)])
        corners = corners + np.array([(0, 0), *rng.uniform(-2, 2, (2, 2)), (0, 0)])
        ways.append(_Way(0, 0, filleted(corners, radius)))
    return ways


def _crossed(rng: np.random.Generator) -> list[_Way]:
    """Return a ring with a cross inside: one junction of four roads and four of three."""
    wide, deep = rng.uniform(58, 80), rng.uniform(50, 62)
    x, y = wide * rng.uniform(0.45, 0.55), deep * rng.uniform(0.45, 0.55)
    nodes = [(x, y), (x, 0), (wide, y), (x, deep), (0, y)]
    corners = [(wide, 0), (wide, deep), (0, deep), (0, 0)]
    radius = float(rng.uniform(8, 14))
    ways = []
    for index in range(4):
        one, two = index + 1, (index + 1) % 4 + 1
        line = np.array([nodes[one], corners[index], nodes[two]], float)
        ways.append(_Way(one, two, filleted(line, radius)))
        spoke = np.array([nodes[0], nodes[one]], float)
        ways.append(_Way(0, one, filleted(spoke, radius)))
    return ways


def _junctions(
    builder: Builder, rng: np.random.Generator, tape: _Tape, ways: Sequence[_Way]
) -> None:
    profile = tape.profile()
    count = max(max(way.one, way.two) for way in ways) + 1
    reaches = [
        Reach(way.one, way.two, way.line, (profile, profile), middle_shift(profile))
        for way in ways
    ]
    gaps = gaps_of(reaches, rng.uniform(1.5, 4.0, count).tolist(), 5.0)
    arms: list[list[Arm]] = [[] for _ in range(count)]
    for way, reach, gap in zip(ways, reaches, gaps, strict=True):
        line = reach.between(gap)
        # clients lose the way where one road comes from a road and leads to it: a round is two
        edges = np.linspace(0.0, length_of(line), 3 if way.one == way.two else 2)
        numbers = [
            builder.road(cut(line, float(a), float(b)), [profile], speed_mps=_SPEED_MPS)
            for a, b in pairwise(edges)
        ]
        chain(builder, numbers)
        arms[way.one].append(Arm(Touch(numbers[0], 'start')))
        arms[way.two].append(Arm(Touch(numbers[-1], 'end')))
    edge = tape.edge if rng.random() < 0.8 else Mark()
    for ends in arms:
        cross(builder, ends, edge=edge)
