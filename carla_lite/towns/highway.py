"""LiteHighway: a closed motorway with an interchange over a bridge and rest areas."""

from dataclasses import replace

from carla_lite.roads.builder import Builder, End, end_height, Touch
from carla_lite.roads.network import Mark, Network, Piece
from carla_lite.roads.path import (
    backwards,
    biarc,
    chained,
    draw,
    filleted,
    heights,
    length_of,
    Stance,
)
from carla_lite.towns.arms import Arm
from carla_lite.towns.carriageway import attach, Exit, Layout, Place, run
from carla_lite.towns.crossing import cross
from carla_lite.towns.land import Hills, hills_of
from carla_lite.towns.paint import road_paint, town_paint
from carla_lite.towns.streets import Street, varied
import numpy as np

_RAMP_SPEED_MPS = 13.9
_HEAD_GAP_M = 17.0  # from where ramps meet the bridge's road to the ends of all three
_CLEAR_M = 6.0  # height of the bridge's deck over the motorway


def highway_network(rng: np.random.Generator) -> Network:
    """Return a motorway of two to four lanes a side."""
    builder = Builder('LiteHighway', 'highway')
    layout = _layout(rng)
    land = hills_of(rng, 0.25)
    centre = _course(rng)
    total = length_of(centre)
    reach = [float(rng.uniform(140, 170)), float(rng.uniform(110, 150))]
    store = float(rng.uniform(60, 110))
    # the straights' middles: the line begins in the middle of one of them
    middles = 0.25 * total, 0.75 * total
    built = []
    for line, order in ((centre, (0, 1)), (backwards(centre), (1, 0))):
        weaves = bool(rng.random() < 0.3)
        exits = [
            Exit(middle, reach[which], store, weaves)
            for middle, which in zip(middles, order, strict=True)
        ]
        places = run(builder, line, layout, land, exits)
        built.append([places[order.index(which)] for which in (0, 1)])
    _interchange(builder, rng, layout, land, [places[0] for places in built])
    for places in built:
        _rest_area(builder, rng, layout, places[1])
    return builder.build()


def _layout(rng: np.random.Generator) -> Layout:
    town = town_paint(rng, 'highway')
    paint = road_paint(rng, replace(town, edge=replace(town.edge, kind='solid')), 2)
    paint = replace(paint, lane=replace(paint.lane, kind='broken'))
    dash_m, gap_m = ((3.0, 3.0), (1.5, 1.5), (3.0, 6.0))[rng.integers(3)]
    split = Mark('broken', 'white', paint.lane.width_m * float(rng.choice([1, 2])), dash_m, gap_m)
    return Layout(
        lanes=int(rng.choice([2, 3, 4], p=[0.45, 0.4, 0.15])),
        lane_m=float(rng.uniform(3.4, 3.8)),
        ramp_m=float(rng.uniform(3.6, 4.6)),
        shoulder_m=float(rng.uniform(1.0, 3.2)),
        inner_m=float(rng.uniform(0.4, 1.4)),
        median_m=float(rng.uniform(1.6, 9.0)),
        speed_mps=float(rng.choice([22.2, 25.0, 27.8])),
        paint=paint,
        split=split,
    )


def _course(rng: np.random.Generator) -> tuple[Piece, ...]:
    """Return the middle line: two long straights and wide bends; its quarters are straight."""
    half = float(rng.uniform(380, 440))
    deep = float(rng.uniform(330, 430))
    radius = float(rng.uniform(110, deep / 2 - 15))
    corners = [(half, 0), (half, deep), (-half, deep), (-half, 0)]
    start = (half, deep / 2)
    way = np.array([start, *corners[1:], corners[0], start], float)
    ring = filleted(way, radius)
    turn = float(rng.uniform(0, 2 * np.pi))
    return draw(Stance(0.0, 0.0, turn), [(piece.length, piece.curvature) for piece in ring])


def _interchange(
    builder: Builder,
    rng: np.random.Generator,
    layout: Layout,
    land: Hills,
    places: list[Place],
) -> None:
    """Add ramps on both sides and a road over the motorway between their heads."""
    aside = layout.lanes * layout.lane_m + layout.shoulder_m + float(rng.uniform(30, 42))
    heads = [place.middle.moved(0.0, -aside) for place in places]
    top = float(land(np.array([[place.middle.x, place.middle.y] for place in places])).max())
    top += _CLEAR_M
    arms: list[list[Arm]] = []
    for place, head in zip(places, heads, strict=True):
        out = biarc(place.leave, head.moved(-_HEAD_GAP_M))
        back = biarc(head.moved(_HEAD_GAP_M), place.join)
        roads = (
            _ramp(builder, layout, out, (_foot(builder, place, 'start'), (top, 0.0))),
            _ramp(builder, layout, back, ((top, 0.0), _foot(builder, place, 'end'))),
        )
        attach(builder, layout, place, *roads)
        arms.append([Arm(Touch(roads[0], 'end'), minor=True), Arm(Touch(roads[1], 'start'))])
    over = _bridge(builder, rng, layout, heads, top)
    arms[0].append(Arm(Touch(over, 'start')))
    arms[1].append(Arm(Touch(over, 'end')))
    for ends in arms:
        cross(builder, ends, 'yield' if rng.random() < 0.6 else 'stop', edge=layout.paint.edge)


def _bridge(
    builder: Builder, rng: np.random.Generator, layout: Layout, heads: list[Stance], top: float
) -> int:
    across = np.array([heads[1].x - heads[0].x, heads[1].y - heads[0].y])
    length = float(np.hypot(*across)) - 2 * _HEAD_GAP_M
    start = Stance(heads[0].x, heads[0].y, float(np.arctan2(across[1], across[0])))
    pieces = draw(start.moved(_HEAD_GAP_M), [(length, 0.0)])
    walk = float(rng.uniform(1.2, 2.0)) if rng.random() < 0.5 else 0.0
    street = Street(1, 1, float(rng.uniform(3.2, 3.7)), shoulder_m=0.8, sidewalk_m=walk)
    profile = street.profile(road_paint(rng, layout.paint, 1))
    free = layout.lanes * layout.lane_m + layout.shoulder_m + layout.inner_m + layout.median_m / 2
    deck = (length / 2 - free - 7.0, length / 2 + free + 7.0)
    knots = ((0.0, top, 0.0), (length / 2, top + 0.3, 0.0), (length, top, 0.0))
    return builder.road(pieces, [profile], elevation=heights(knots), bridges=(deck,))


def _ramp(
    builder: Builder,
    layout: Layout,
    pieces: tuple[Piece, ...],
    ends: tuple[tuple[float, float], tuple[float, float]],
) -> int:
    """
    Add a ramp between the motorway and a head.

    :param ends: height and slope at its start and at its end.
    """
    knots = [(0.0, *ends[0]), (length_of(pieces), *ends[1])]
    return builder.road(
        pieces, [layout.ramp()], elevation=heights(knots), speed_mps=_RAMP_SPEED_MPS
    )


def _foot(builder: Builder, place: Place, end: End) -> tuple[float, float]:
    """Return height and slope of the motorway where a ramp touches it."""
    return end_height(builder[place.across], end, arriving=end == 'end')


def _rest_area(builder: Builder, rng: np.random.Generator, layout: Layout, place: Place) -> None:
    """Add a road beside the motorway with room to park."""
    aside = layout.lanes * layout.lane_m + layout.shoulder_m + float(rng.uniform(11, 22))
    middle = place.middle.moved(0.0, -aside)
    half = 25.0
    pieces = chained(
        biarc(place.leave, middle.moved(-half)),
        draw(middle.moved(-half), [(2 * half, 0.0)]),
        biarc(middle.moved(half), place.join),
    )
    length = length_of(pieces)
    knots = [(0.0, *_foot(builder, place, 'start')), (length, *_foot(builder, place, 'end'))]
    plain, parking = layout.ramp(), layout.ramp(float(rng.uniform(2.5, 4.0)))
    rungs = [(0.0, plain), (length / 2 - half, parking), (length / 2 + half + 20.0, plain)]
    number = builder.road(
        pieces,
        varied(rungs, 20.0, length),
        elevation=heights(knots),
        speed_mps=_RAMP_SPEED_MPS,
    )
    attach(builder, layout, place, number, number)
