"""One direction of a motorway: exits that open, leave, come back and close again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from carla_lite.roads.builder import Builder, Movement, Profile, Strip, Touch
from carla_lite.roads.network import Mark, Piece, Road
from carla_lite.roads.path import beside, chained, cut, length_of, offset, place_on, Stance
from carla_lite.towns.land import banked, Hills, over
from carla_lite.towns.paint import Paint
from carla_lite.towns.streets import varied
import numpy as np

_FORK_M = 60.0  # length of the junctions where ramps part and join
_CLOSE_M = 55.0  # … and where an added lane ends
_OPEN_M = 35.0
_GORE_M = 0.8
_RAMP_INNER_M, _RAMP_SHOULDER_M = 0.5, 1.2
_STEP_M = 5.0


@dataclass(frozen=True)
class Layout:
    """
    Cross-section of a motorway.

    :param lanes: a side.
    :param median_m: from one carriageway's inner shoulder to the other's.
    """

    lanes: int
    lane_m: float
    ramp_m: float
    shoulder_m: float
    inner_m: float
    median_m: float
    speed_mps: float
    paint: Paint
    split: Mark  # between through lanes and an added one

    def profile(self, added: bool = False) -> Profile:
        """
        Return one carriageway's cross-section.

        :param added: with the lane that leads to a ramp or comes from one.
        """
        paint = self.paint
        marks = [paint.lane] * (self.lanes - 1) + ([self.split] if added else []) + [paint.edge]
        lanes = (
            Strip('driving', self.lane_m, mark, name=f'lane {index}')
            for index, mark in enumerate(marks)
        )
        right = (*lanes, Strip('shoulder', self.shoulder_m))
        return Profile(right, self.beyond(), replace(paint.inner, kind='solid'))

    def beyond(self) -> tuple[Strip, ...]:
        """Return what lies left of the lanes."""
        return Strip('shoulder', self.inner_m), Strip('median', self.median_m / 2)

    def ramp(self, parking_m: float = 0.0) -> Profile:
        """Return a ramp's cross-section."""
        parking = (Strip('parking', parking_m, self.paint.bay),) if parking_m else ()
        lane = Strip('driving', self.ramp_m, self.paint.edge)
        right = (lane, *parking, Strip('shoulder', _RAMP_SHOULDER_M))
        return Profile(right, (Strip('shoulder', _RAMP_INNER_M),), self.paint.edge)


@dataclass(frozen=True)
class Exit:
    """
    A place where a ramp leaves and another joins again.

    :param middle: s between the two on the motorway's middle line.
    :param reach: from there to where the ramps part from the motorway, metres.
    :param store: length of the added lanes before and after.
    :param weaves: the added lane goes on to the next exit.
    """

    middle: float
    reach: float
    store: float
    weaves: bool


@dataclass(frozen=True)
class Place:
    """
    An exit as it is built, without its ramps.

    :param come: road that leads to it, ``across`` between its ramps, ``go`` after them.
    :param leave: where the ramp out begins, ``join`` where the ramp in ends: its reference line.
    :param middle: stance on the carriageway's reference line between them.
    """

    come: int
    across: int
    go: int
    leave: Stance
    join: Stance
    middle: Stance


def run(
    builder: Builder, line: tuple[Piece, ...], layout: Layout, land: Hills, exits: Sequence[Exit]
) -> list[Place]:
    """
    Add a carriageway round a closed middle line; ramps are the caller's to attach.

    :param exits: by growing ``middle``.
    """
    aside = -(layout.inner_m + layout.median_m / 2)
    around = offset(line, aside)
    course = _Course(builder, layout, land, chained(around, around))
    total = length_of(around)
    middles = [beside(line, aside, item.middle) for item in exits]
    after = [_end_of_exit(middle, item) for middle, item in zip(middles, exits, strict=True)]
    comes = []
    for index, item in enumerate(exits):
        begin, end = after[index - 1], middles[index] - item.reach - _FORK_M
        if index == 0:  # the line is there twice, so that this road can lie over its beginning
            end += total
        comes.append(course.road(begin, end, (exits[index - 1].weaves, True), item.store))
    return [
        course.place(item, middles[index], comes[index], comes[(index + 1) % len(exits)])
        for index, item in enumerate(exits)
    ]


@dataclass(frozen=True)
class _Course:
    """A carriageway in the making, on its reference line."""

    builder: Builder
    layout: Layout
    land: Hills
    line: tuple[Piece, ...]

    def road(self, begin: float, end: float, added: tuple[bool, bool], store: float) -> int:
        """Add a road that has the added lane at its start, at its end, at both or nowhere."""
        pieces = cut(self.line, begin, end)
        length = length_of(pieces)
        rungs = [(0.0, self.layout.profile(added[0]))]
        if added[1] != added[0]:
            rungs.append((length - store, self.layout.profile(added[1])))
        return self.builder.road(
            pieces,
            varied(rungs, _OPEN_M, length),
            elevation=over(self.land, pieces),
            superelevation=banked(pieces) if length > 150 else (),
            speed_mps=self.layout.speed_mps,
        )

    def place(self, item: Exit, middle: float, come: int, then: int) -> Place:
        """Add what lies between an exit's ramps and behind them."""
        low, high = middle - item.reach, middle + item.reach
        across = self.road(low, high, (False, False), item.store)
        go = then
        if not item.weaves:
            go = self.road(high + _FORK_M, high + _FORK_M + item.store, (True, True), item.store)
            _close(self.builder, self.layout, go, then)
        inner = self.layout.lanes * self.layout.lane_m
        edge = -(inner + self.layout.shoulder_m + _GORE_M + _RAMP_INNER_M)
        turn = 2 * (-edge - inner) / _FORK_M
        leave = place_on(self.line, low).moved(0.0, edge, -turn)
        join = place_on(self.line, high).moved(0.0, edge, turn)
        return Place(come, across, go, leave, join, place_on(self.line, middle))


def attach(builder: Builder, layout: Layout, place: Place, out: int, back: int) -> None:
    """Let the ramp ``out`` leave at a place and the ramp ``back`` come in."""
    count = layout.lanes
    edge, solid = layout.paint.edge, replace(layout.paint.edge, kind='solid')
    through = _through(layout, place.come, place.across, solid)
    shoulders = (Strip('shoulder', layout.shoulder_m, to=_RAMP_SHOULDER_M),)
    leave, join = Touch(out, 'start'), Touch(back, 'end')
    come = Touch(place.come, 'end')
    exits = [
        Movement(come, leave, ((-count - 1, -1),), (edge,), solid, shoulders),
        Movement(come, leave, ((-count, -1),)),  # late ones change over
    ]
    number = builder.junction([replace(through, right=()), *exits])
    _pave(builder, number)
    go = Touch(place.go, 'start')
    shoulders = (Strip('shoulder', _RAMP_SHOULDER_M, to=layout.shoulder_m),)
    through = _through(layout, place.across, place.go, solid)
    entry = Movement(join, go, ((-1, -count - 1),), (edge,), solid, shoulders)
    number = builder.junction([replace(through, right=()), entry])
    _pave(builder, number)


def _end_of_exit(place: float, item: Exit) -> float:
    end = place + item.reach + _FORK_M
    return end if item.weaves else end + item.store + _CLOSE_M


def _through(layout: Layout, come: int, go: int, outer: Mark) -> Movement:
    lanes = tuple((-index, -index) for index in range(1, layout.lanes + 1))
    marks = (*(layout.paint.lane,) * (layout.lanes - 1), outer)
    return Movement(
        Touch(come, 'end'),
        Touch(go, 'start'),
        lanes,
        marks,
        replace(layout.paint.inner, kind='solid'),
        (),
        layout.beyond(),
    )


def _close(builder: Builder, layout: Layout, come: int, go: int) -> None:
    """Let the added lane run into its neighbour."""
    count = layout.lanes
    shoulder = (Strip('shoulder', layout.shoulder_m),)
    through = _through(layout, come, go, layout.split)
    merge = Movement(
        through.come, through.go, ((-count - 1, -count),), (layout.paint.edge,), right=shoulder
    )
    _pave(builder, builder.junction([through, merge]))


def _pave(builder: Builder, junction: int) -> None:
    """Pave all from the lanes that go on to what leaves them or joins them."""
    roads = builder.ways_through(junction)
    inner, outer = _edge(roads[0], inner=True), _edge(roads[1], inner=False)
    gore = [_edge(roads[0], inner=False), _edge(roads[1], inner=True)]
    # a notch between the roads at the end where they are apart
    low, high = (np.array([line[end] for line in gore]) for end in (0, -1))
    builder.pave(junction, np.concatenate([inner, high, outer[::-1], low[::-1]]))


def _edge(road: Road, inner: bool) -> np.ndarray:
    """Return (n, 2) places in CARLA's world along a road's lanes' left edge or right edge."""
    s = np.linspace(0.0, road.length, max(int(road.length / _STEP_M), 2) + 1)
    last = min(lane.number for lane in road.sections[0].lanes)
    t = np.zeros(len(s)) if inner else road.lane_edges(road.sections[0], last, s)[:, 1]
    return road.points(s, t)[:, :2]
