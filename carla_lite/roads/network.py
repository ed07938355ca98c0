"""
A road network in OpenDRIVE's terms, and where its points are in CARLA's world.

Inside a road, s runs along the reference line, t to its left, and headings are radians, counter-
clockwise (ASAM OpenDRIVE 1.4). :meth:`Road.points` answers in CARLA's world, whose y points right.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

MarkKind = Literal[
    'none', 'solid', 'broken', 'solid solid', 'solid broken', 'broken solid', 'broken broken'
]
LaneKind = Literal[
    'driving', 'shoulder', 'border', 'parking', 'biking', 'median', 'sidewalk', 'none'
]
Setting = Literal['city', 'suburb', 'highway', 'country', 'hall']

#: What :attr:`Signal.kind` may say, as CARLA's landmarks do.
TRAFFIC_LIGHT, STOP_SIGN, YIELD_SIGN, SPEED_SIGN = '1000001', '206', '205', '274'


@dataclass(frozen=True)
class Mark:
    """
    A lane's outer edge marking, or a section's middle one.

    :param dash_m: painted length of a broken one; ``gap_m`` unpainted. Clients do not see them.
    """

    kind: MarkKind = 'none'
    colour: Literal['white', 'yellow'] = 'white'
    width_m: float = 0.15
    dash_m: float = 3.0
    gap_m: float = 6.0


@dataclass(frozen=True)
class Cubic:
    """``a + b ds + c ds² + d ds³`` from ``s`` on, ds = distance past it."""

    s: float
    a: float
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0


@dataclass(frozen=True)
class Piece:
    """
    A stretch of the reference line: straight, or an arc of constant curvature.

    :param s: metres where it begins; ``x``, ``y``, ``heading`` there, OpenDRIVE's coordinates.
    :param curvature: 1/m, positive to the left.
    """

    s: float
    x: float
    y: float
    heading: float
    length: float
    curvature: float = 0.0


@dataclass(frozen=True)
class Lane:
    """
    One lane of a section.

    :param number: OpenDRIVE's id: negative right of the reference line, positive left.
    :param widths: at the section's own s; ``s`` of each counts from the section's beginning.
    :param mark: of its outer edge.
    """

    number: int
    kind: LaneKind
    widths: tuple[Cubic, ...]
    mark: Mark = Mark()
    predecessor: int | None = None
    successor: int | None = None


@dataclass(frozen=True)
class Section:
    """A stretch of a road whose lanes stay the same from ``s`` on."""

    s: float
    lanes: tuple[Lane, ...]
    middle: Mark = Mark()


@dataclass(frozen=True)
class Link:
    """What a road's end touches."""

    kind: Literal['road', 'junction']
    number: int
    contact: Literal['start', 'end'] = 'start'


@dataclass(frozen=True)
class Signal:
    """
    A traffic light (``type`` 1000001) or sign on a road.

    :param s: where its post stands; of a light, stop or yield sign also the far edge of the stop
        line, which vehicles do not pass.
    :param orientation: ``+`` for traffic along s, ``-`` for the other.
    :param lanes: from, to: the lanes it is valid for.
    """

    number: str
    s: float
    t: float
    kind: str
    orientation: Literal['+', '-']
    lanes: tuple[int, int]
    height_m: float = 5.0
    group: int = 0
    text: str = ''


@dataclass(frozen=True)
class Crossing:
    """A pedestrian crossing over the whole roadway: from s on, ``width_m`` along the road."""

    s: float
    width_m: float = 3.0


@dataclass(frozen=True)
class Road:
    """
    One OpenDRIVE road.

    :param junction: number of the junction that it is a way through, -1 outside.
    :param superelevation: radians, positive banks to the right (OpenDRIVE's lateral profile).
    :param crossings: none where pedestrians have no marked way.
    :param bridges: stretches (from s, to s) whose deck stands free above other ground.
    """

    number: int
    pieces: tuple[Piece, ...]
    sections: tuple[Section, ...]
    elevation: tuple[Cubic, ...] = (Cubic(0.0, 0.0),)
    superelevation: tuple[Cubic, ...] = ()
    junction: int = -1
    predecessor: Link | None = None
    successor: Link | None = None
    speed_mps: float = 13.9
    name: str = ''
    signals: tuple[Signal, ...] = ()
    crossings: tuple[Crossing, ...] = ()
    bridges: tuple[tuple[float, float], ...] = ()

    @property
    def length(self) -> float:
        """Metres along the reference line."""
        return self.pieces[-1].s + self.pieces[-1].length

    def section_at(self, s: float) -> Section:
        """Return the section that holds s."""
        return max((part for part in self.sections if part.s <= s + 1e-9), key=lambda part: part.s)

    def stretches(self) -> list[tuple[Section, float]]:
        """Return every section with the s of its end."""
        ends = [section.s for section in self.sections[1:]] + [self.length]
        return list(zip(self.sections, ends, strict=True))

    def reference(self, s: np.ndarray) -> np.ndarray:
        """Return (n, 3): x, y, heading of the reference line, OpenDRIVE's coordinates."""
        s = np.atleast_1d(np.asarray(s, np.float64))
        starts = np.array([piece.s for piece in self.pieces])
        which = np.clip(np.searchsorted(starts, s, side='right') - 1, 0, len(starts) - 1)
        table = np.array([[p.s, p.x, p.y, p.heading, p.curvature] for p in self.pieces])[which]
        s0, x0, y0, heading0, curvature = table.T
        ds, half = s - s0, (s - s0) * curvature / 2
        chord = ds * np.sinc(half / np.pi)  # sin(half) / half, 1 on straights
        x = x0 + chord * np.cos(heading0 + half)
        y = y0 + chord * np.sin(heading0 + half)
        return np.stack([x, y, heading0 + 2 * half], axis=1)

    def points(self, s: np.ndarray, t: np.ndarray) -> np.ndarray:
        """
        Return (n, 3) float64 metres in CARLA's world of places on the road.

        :param s: (n,) metres along, ``t``: (n,) metres to the left.
        """
        s, t = np.broadcast_arrays(np.atleast_1d(s).astype(float), np.atleast_1d(t).astype(float))
        x, y, heading = self.reference(s).T
        bank = cubics_at(self.superelevation, s)
        z = cubics_at(self.elevation, s) + t * np.sin(bank)
        flat = t * np.cos(bank)
        return np.stack([x - flat * np.sin(heading), -(y + flat * np.cos(heading)), z], axis=1)

    def yaw(self, s: np.ndarray) -> np.ndarray:
        """Return (n,) degrees: CARLA's yaw of the direction of growing s."""
        return -np.degrees(self.reference(s)[:, 2])

    def lane_edges(self, section: Section, number: int, s: np.ndarray) -> np.ndarray:
        """
        Return (n, 2) t of a lane's inner and outer edge.

        :param s: (n,) metres along the road, inside the section.
        """
        s = np.atleast_1d(np.asarray(s, np.float64))
        side = 1 if number > 0 else -1
        inner = np.zeros_like(s)
        for lane in sorted(section.lanes, key=lambda lane: abs(lane.number)):
            if lane.number * side <= 0:
                continue
            outer = inner + side * cubics_at(lane.widths, s - section.s)
            if lane.number == number:
                return np.stack([inner, outer], axis=1)
            inner = outer
        raise KeyError(f'road {self.number} has no lane {number} at {section.s:.1f} m')


@dataclass(frozen=True)
class LaneJoin:
    """One way through a junction: an incoming road's lane to a connecting road's."""

    incoming: int
    connecting: int
    contact: Literal['start', 'end']
    lanes: tuple[tuple[int, int], ...]  # from, to


@dataclass(frozen=True)
class Corner:
    """
    The side of a junction between two roads that are neighbours.

    :param kerb: (n, 2) float64 x, y in CARLA's world along the edge of the pavement, from one
        road's corner to the next one's; part of the junction's outline.
    :param outer: (n, 2) where the sidewalk behind each place of the kerb ends; the kerb itself
        where there is none.
    """

    kerb: np.ndarray
    outer: np.ndarray


@dataclass(frozen=True)
class Junction:
    """
    Where roads meet.

    :param outline: (n, 2) float64 x, y of the paved area in CARLA's world, counter-clockwise or
        clockwise; empty where the connecting roads cover it.
    """

    number: int
    joins: tuple[LaneJoin, ...]
    outline: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    corners: tuple[Corner, ...] = ()


@dataclass(frozen=True)
class Network:
    """
    All roads of a town.

    :param setting: what surrounds them; ``hall`` is the inside of a building.
    :param scale: 1.0, or 0.1 for a track of 1/10-scale robots: the size of all that is not a road.
    """

    name: str
    roads: tuple[Road, ...]
    junctions: tuple[Junction, ...] = ()
    setting: Setting = 'city'
    scale: float = 1.0

    def road(self, number: int) -> Road:
        """Return a road by its number."""
        return next(road for road in self.roads if road.number == number)


def roadway(road: Road, s: float) -> tuple[float, float]:
    """Return t of the right and the left edge of what vehicles may use at s, metres."""
    section, place = road.section_at(s), np.array([s])
    edges = [
        float(road.lane_edges(section, lane.number, place)[0, 1])
        for lane in section.lanes
        if lane.kind not in ('sidewalk', 'none')
    ]
    return min([0.0, *edges]), max([0.0, *edges])


def cubics_at(cubics: Sequence[Cubic], s: np.ndarray) -> np.ndarray:
    """Return (n,) values of a piecewise cubic at s; zero where there is none."""
    s = np.asarray(s, np.float64)
    if not cubics:
        return np.zeros_like(s)
    starts = np.array([cubic.s for cubic in cubics])
    which = np.clip(np.searchsorted(starts, s, side='right') - 1, 0, len(cubics) - 1)
    a, b, c, d = np.array([[q.a, q.b, q.c, q.d] for q in cubics])[which].T
    ds = s - starts[which]
    return a + ds * (b + ds * (c + ds * d))
