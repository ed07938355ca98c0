"""Compose a network: cross-sections, roads one after another, ways through junctions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from carla_lite.roads.network import (
    Crossing,
    Cubic,
    cubics_at,
    Junction,
    Lane,
    LaneJoin,
    LaneKind,
    Link,
    Mark,
    Network,
    Piece,
    Road,
    Section,
    Setting,
    Signal,
)
from carla_lite.roads.path import bend, heights, length_of, Stance, taper
import numpy as np

#: Junctions count from here on, so that none has a road's number (clients tell them apart by it).
FIRST_JUNCTION = 10_000
NO_MARK = Mark()

End = Literal['start', 'end']


@dataclass(frozen=True)
class Strip:
    """
    One lane of a cross-section, named so that it finds itself in the next one.

    :param width: metres where the section begins; ``to`` where it ends, ``width`` without.
    :param name: lanes of the same name and side are one lane; by kind and place without.
    """

    kind: LaneKind
    width: float
    mark: Mark = NO_MARK
    to: float | None = None
    name: str = ''


@dataclass(frozen=True)
class Profile:
    """
    A cross-section from ``s`` on.

    :param right: from the reference line outwards, ``left`` too.
    """

    right: tuple[Strip, ...]
    left: tuple[Strip, ...] = ()
    middle: Mark = NO_MARK
    s: float = 0.0


@dataclass(frozen=True)
class Touch:
    """One end of a road."""

    road: int
    end: End


@dataclass(frozen=True)
class Movement:
    """
    A way through a junction, for lanes that lie side by side.

    :param lanes: (from, to) lane numbers, from the inner one outwards.
    :param marks: outer edge of each lane; ``middle`` the inner edge of the first.
    :param right: what lies right of the lanes, ``left`` left of them.
    """

    come: Touch
    go: Touch
    lanes: tuple[tuple[int, int], ...]
    marks: tuple[Mark, ...] = ()
    middle: Mark = NO_MARK
    right: tuple[Strip, ...] = ()
    left: tuple[Strip, ...] = ()


class Builder:
    """Collects roads and junctions; ``build`` returns them as a network."""

    def __init__(self, name: str, setting: Setting, scale: float = 1.0):
        self._name, self._setting, self._scale = name, setting, scale
        self._roads: dict[int, Road] = {}
        self._junctions: list[Junction] = []
        self._names: dict[tuple[int, int], dict[str, int]] = {}  # road, section: name to lane

    def road(
        self,
        pieces: tuple[Piece, ...],
        profiles: Sequence[Profile],
        *,
        elevation: tuple[Cubic, ...] = (Cubic(0.0, 0.0),),
        superelevation: tuple[Cubic, ...] = (),
        speed_mps: float = 13.9,
        name: str = '',
        bridges: tuple[tuple[float, float], ...] = (),
    ) -> int:
        """Add a road and return its number."""
        number = len(self._roads) + 1
        length = length_of(pieces)
        ends = [profile.s for profile in profiles[1:]] + [length]
        sections = []
        for index, (profile, end) in enumerate(zip(profiles, ends, strict=True)):
            section, names = _section(profile, end)
            sections.append(section)
            self._names[number, index] = names
        for index in range(len(sections) - 1):
            pair = self._names[number, index], self._names[number, index + 1]
            sections[index : index + 2] = _linked(sections[index], sections[index + 1], pair)
        self._roads[number] = Road(
            number,
            pieces,
            tuple(sections),
            elevation,
            superelevation,
            speed_mps=speed_mps,
            name=name,
            bridges=bridges,
        )
        return number

    def follow(self, first: int, then: int) -> None:
        """Let a road's end touch another's start, lanes of the same names linked."""
        before, after = self._roads[first], self._roads[then]
        last = len(before.sections) - 1
        pair = self._names[first, last], self._names[then, 0]
        end, begin = _linked(before.sections[-1], after.sections[0], pair)
        link = Link('road', then, 'start')
        self._set(first, sections=(*before.sections[:-1], end), successor=link)
        after = self._roads[then]
        link = Link('road', first, 'end')
        if first == then:  # pragma: no cover - the loops here have three roads and more
            raise ValueError('a road cannot follow itself: Waypoint.next breaks')
        self._set(then, sections=(begin, *after.sections[1:]), predecessor=link)

    def junction(self, movements: Sequence[Movement], junction: Junction | None = None) -> int:
        """Add a junction's connecting roads and return its number."""
        number = FIRST_JUNCTION + len(self._junctions)
        joins = tuple(self._connect(number, movement) for movement in movements)
        self._junctions.append(
            replace(junction or Junction(number, ()), number=number, joins=joins)
        )
        for touch in {t for m in movements for t in (m.come, m.go)}:
            self.touch(touch, number)
        return number

    def pave(self, number: int, outline: np.ndarray) -> None:
        """Say which area of a junction is paved: (n, 2) in CARLA's world."""
        index = number - FIRST_JUNCTION
        self._junctions[index] = replace(self._junctions[index], outline=outline)

    def ways_through(self, number: int) -> list[Road]:
        """Return a junction's connecting roads in the order of its movements."""
        return [
            self._roads[join.connecting] for join in self._junctions[number - FIRST_JUNCTION].joins
        ]

    def touch(self, touch: Touch, junction: int) -> None:
        """Say that a road ends at a junction."""
        link = Link('junction', junction)
        if touch.end == 'end':
            self._set(touch.road, successor=link)
        else:
            self._set(touch.road, predecessor=link)

    def furnish(
        self, number: int, signals: tuple[Signal, ...] = (), crossings: tuple[Crossing, ...] = ()
    ) -> None:
        """Add signals and crossings to a road."""
        road = self._roads[number]
        self._set(number, signals=road.signals + signals, crossings=road.crossings + crossings)

    def __getitem__(self, number: int) -> Road:
        return self._roads[number]

    def build(self) -> Network:
        """Return the network."""
        roads = tuple(self._roads.values())
        return Network(self._name, roads, tuple(self._junctions), self._setting, self._scale)

    def _set(self, number: int, **changes: object) -> None:
        self._roads[number] = replace(self._roads[number], **changes)  # type: ignore[arg-type]

    def _connect(self, junction: int, movement: Movement) -> LaneJoin:
        come, go = self._roads[movement.come.road], self._roads[movement.go.road]
        inner_in, inner_out = movement.lanes[0]
        start = edge_stance(come, movement.come.end, inner_in, arriving=True)
        end = edge_stance(go, movement.go.end, inner_out, arriving=False)
        pieces = bend(start, end)
        length = length_of(pieces)
        strips = []
        marks = movement.marks or (NO_MARK,) * len(movement.lanes)
        for (lane_in, lane_out), mark in zip(movement.lanes, marks, strict=True):
            widths = (
                end_width(come, movement.come.end, lane_in),
                end_width(go, movement.go.end, lane_out),
            )
            strips.append(Strip('driving', widths[0], mark, widths[1]))
        profile = Profile((*strips, *movement.right), movement.left, movement.middle)
        knots = (
            (0.0, *end_height(come, movement.come.end, arriving=True)),
            (length, *end_height(go, movement.go.end, arriving=False)),
        )
        speed = min(come.speed_mps, go.speed_mps)
        number = self.road(pieces, [profile], elevation=heights(knots), speed_mps=speed)
        road = self._roads[number]
        ways = {-index - 1: pair for index, pair in enumerate(movement.lanes)}
        lanes = tuple(
            replace(lane, predecessor=ways[lane.number][0], successor=ways[lane.number][1])
            if lane.number in ways
            else lane
            for lane in road.sections[0].lanes
        )
        self._set(
            number,
            sections=(replace(road.sections[0], lanes=lanes),),
            junction=junction,
            predecessor=Link('road', movement.come.road, movement.come.end),
            successor=Link('road', movement.go.road, movement.go.end),
        )
        pairs = tuple((pair[0], -index - 1) for index, pair in enumerate(movement.lanes))
        return LaneJoin(movement.come.road, number, 'start', pairs)


def end_section(road: Road, end: End) -> tuple[Section, float]:
    """Return the section at a road's end and s there."""
    return (road.sections[0], 0.0) if end == 'start' else (road.sections[-1], road.length)


def end_width(road: Road, end: End, lane: int) -> float:
    """Return a lane's width at a road's end, metres."""
    section, s = end_section(road, end)
    inner, outer = road.lane_edges(section, lane, np.array([s]))[0]
    return float(abs(outer - inner))


def end_height(road: Road, end: End, *, arriving: bool) -> tuple[float, float]:
    """Return height and slope of the reference line at a road's end, in the traffic's sense."""
    s = 0.0 if end == 'start' else road.length
    near = np.array([s, s + 1e-4, s - 1e-4])
    here, after, before = cubics_at(road.elevation, near)
    slope = (after - here) / 1e-4 if end == 'start' else (here - before) / 1e-4
    along = (end == 'end') == arriving
    return float(here), float(slope if along else -slope)


def edge_stance(road: Road, end: End, lane: int, *, arriving: bool) -> Stance:
    """Return the inner edge of a lane at a road's end, heading along the traffic."""
    section, s = end_section(road, end)
    inner = float(road.lane_edges(section, lane, np.array([s]))[0, 0])
    x, y, heading = (float(value) for value in road.reference(np.array([s]))[0])
    along = (end == 'end') == arriving
    place = Stance(x, y, heading).moved(0.0, inner)
    return place if along else place.moved(0.0, 0.0, np.pi)


def _section(profile: Profile, end: float) -> tuple[Section, dict[str, int]]:
    lanes, names = [], {}
    for strips, side in ((profile.right, -1), (profile.left, 1)):
        counts: dict[str, int] = {}
        for index, strip in enumerate(strips):
            counts[strip.kind] = counts.get(strip.kind, 0) + 1
            number = side * (index + 1)
            lanes.append(Lane(number, strip.kind, _widths(strip, end - profile.s), strip.mark))
            name = strip.name or f'{strip.kind} {counts[strip.kind]}'
            names[f'{side} {name}'] = number
    return Section(profile.s, tuple(lanes), profile.middle), names


def _widths(strip: Strip, length: float) -> tuple[Cubic, ...]:
    if strip.to is None or strip.to == strip.width:
        return (Cubic(0.0, strip.width),)
    return (taper(strip.width, strip.to, length),)


def _linked(
    first: Section, then: Section, names: tuple[dict[str, int], dict[str, int]]
) -> list[Section]:
    ahead = {names[0][name]: names[1][name] for name in names[0] if name in names[1]}
    back = {to: come for come, to in ahead.items()}
    return [
        replace(
            first,
            lanes=tuple(replace(lane, successor=ahead.get(lane.number)) for lane in first.lanes),
        ),
        replace(
            then,
            lanes=tuple(replace(lane, predecessor=back.get(lane.number)) for lane in then.lanes),
        ),
    ]
