"""LiteTown: streets on a bent grid, with junctions of three and four roads."""

from dataclasses import dataclass, replace
import math

from carla_lite.roads.builder import Builder, Profile, Touch
from carla_lite.roads.network import Network, Piece, Signal, SPEED_SIGN
from carla_lite.roads.path import end_of, heights, length_of, start_of
from carla_lite.towns.arms import Arm
from carla_lite.towns.blocks import Plan, plan_of, Way
from carla_lite.towns.control import Control
from carla_lite.towns.crossing import cross
from carla_lite.towns.paint import Paint, road_paint, town_paint
from carla_lite.towns.roundabout import reach_of, ring_radius, roundabout
from carla_lite.towns.streets import kerb_width, Street, varied
from carla_lite.towns.ways import gaps_of, middle_shift, Reach
import numpy as np

_TAPER_M = 20.0
_SPEEDS_MPS = (8.3, 11.1, 13.9)


def grid_network(rng: np.random.Generator) -> Network:
    """Return a town of streets."""
    builder = Builder('LiteTown', 'city')
    town = town_paint(rng, 'city')
    plan = plan_of(rng)
    circle = _circle(rng, plan)
    if circle:  # an added lane for left turns has no sense there
        plan = replace(plan, ways=tuple(_without_turns(way, circle.node) for way in plan.ways))
    reaches = [_reach(way) for way in plan.ways]
    gaps = gaps_of(reaches, rng.uniform(5.5, 12.0, len(plan.rises)).tolist())
    arms: list[list[Arm]] = [[] for _ in plan.rises]
    widest = max(way.street.right + way.street.left for way in plan.ways)
    for way, reach, gap in zip(plan.ways, reaches, gaps, strict=True):
        if circle:
            gap = [circle.gap_m if node == circle.node else metres
                   for node, metres in zip((way.one, way.two), gap, strict=True)]  # fmt: skip
        number = _road(builder, rng, town, plan, way, reach.between(gap))
        minor = way.street.right + way.street.left < widest
        walked = way.street.sidewalk_m > 0 and rng.random() < 0.75
        arms[way.one].append(Arm(Touch(number, 'start'), way.turn[0], minor, walked))
        arms[way.two].append(Arm(Touch(number, 'end'), way.turn[1], minor, walked))
    controls = _controls(rng, len(arms))
    for node, (touching, control) in enumerate(zip(arms, controls, strict=True)):
        if circle and node == circle.node:
            middle = (*circle.place, float(plan.rises[node]))
            roundabout(builder, middle, touching, circle.radius, circle.half_m, town)
        else:
            cross(builder, touching, control, town.guide)
    return builder.build()


@dataclass(frozen=True)
class _Circle:
    """A junction that is a roundabout: where, how large, how wide its widest road is."""

    node: int
    place: tuple[float, float]
    radius: float
    half_m: float

    @property
    def gap_m(self) -> float:
        return reach_of(self.radius)


def _circle(rng: np.random.Generator, plan: Plan) -> _Circle | None:
    """Return the roundabout of a town, if it has one."""
    if rng.random() < 0.45:
        return None
    for node in rng.permutation(len(plan.rises)).tolist():
        ends = [start_of(way.line) for way in plan.ways if way.one == node]
        ends += [end_of(way.line).moved(0.0, 0.0, math.pi) for way in plan.ways if way.two == node]
        ways = [way for way in plan.ways if node in (way.one, way.two)]
        half = max(_half_width(way.street) for way in ways)
        radius = ring_radius([end.heading for end in ends], half)
        if radius and all(length_of(way.line) > reach_of(radius) + 55.0 for way in ways):
            return _Circle(node, (ends[0].x, ends[0].y), radius, half)
    return None


def _half_width(street: Street) -> float:
    profile = street.profile(_PLAIN)
    return (kerb_width(profile.right) + kerb_width(profile.left)) / 2


def _without_turns(way: Way, node: int) -> Way:
    turn = (way.turn[0] and way.one != node, way.turn[1] and way.two != node)
    return replace(way, turn=turn)


def _reach(way: Way) -> Reach:
    first, last = (_end_street(way, end, False).profile(_PLAIN) for end in (0, 1))
    shift = middle_shift(way.street.profile(_PLAIN))
    return Reach(way.one, way.two, way.line, (first, last), shift)


def _end_street(way: Way, end: int, narrowed: bool) -> Street:
    """Return a street as it is at a junction."""
    street = way.street
    lanes = (street.left, street.right)[end]
    turn = street.lane_m - 0.2 if way.turn[end] and lanes else 0.0
    parking = (False, False) if narrowed else street.parking
    return replace(street, turn_m=(0.0, turn) if end == 0 else (turn, 0.0), parking=parking)


def _road(
    builder: Builder,
    rng: np.random.Generator,
    town: Paint,
    plan: Plan,
    way: Way,
    pieces: tuple[Piece, ...],
) -> int:
    length = length_of(pieces)
    knots = (0.0, plan.rises[way.one], 0.0), (length, plan.rises[way.two], 0.0)
    paint = road_paint(rng, town, max(way.street.right, way.street.left))
    number = builder.road(
        pieces,
        varied(_rungs(rng, way, paint, length), _TAPER_M, length),
        elevation=heights(knots),
        speed_mps=float(rng.choice(_SPEEDS_MPS)),
    )
    if rng.random() < 0.3 and length > 60:
        road = builder[number]
        kerb = kerb_width(way.street.profile(paint).right)
        text = str(round(road.speed_mps * 3.6))
        lanes = (-way.street.right, -1)
        sign = Signal(
            str(number * 100 + 80), length * 0.4, -kerb - 0.6, SPEED_SIGN, '+', lanes, 2.2,
            text=text,
        )  # fmt: skip
        builder.furnish(number, (sign,))
    return number


def _rungs(
    rng: np.random.Generator, way: Way, paint: Paint, length: float
) -> list[tuple[float, Profile]]:
    narrowed = rng.random() < 0.5
    near = paint
    if rng.random() < 0.6:  # nobody changes lanes before a junction
        centre = paint.centre
        if centre.kind in ('broken', 'broken solid', 'solid broken'):
            centre = replace(centre, kind='solid')
        near = replace(paint, lane=replace(paint.lane, kind='solid'), centre=centre)
    first, last = (_end_street(way, end, narrowed).profile(near) for end in (0, 1))
    store = [float(rng.uniform(14, 32)) if turn else 8.0 for turn in way.turn]
    if length < sum(store) + 2 * _TAPER_M + 4.0:
        store = [2.0, 2.0]
    if length < sum(store) + 2 * _TAPER_M + 2.0:
        street = replace(way.street, turn_m=_end_street(way, 0, narrowed).turn_m)
        both = _end_street(way, 1, narrowed).turn_m[0]
        return [(0.0, replace(street, turn_m=(both, street.turn_m[1])).profile(near))]
    base = way.street.profile(paint)
    return [(0.0, first), (store[0] + _TAPER_M, base), (length - store[1], last)]


def _controls(rng: np.random.Generator, count: int) -> list[Control]:
    """Return what rules each junction; one in two has lights, and some in any town."""
    kinds: tuple[Control, ...] = ('lights', 'stop', 'yield', 'none')
    drawn = [kinds[rng.choice(4, p=[0.5, 0.15, 0.25, 0.1])] for _ in range(count)]
    lit = rng.permutation(count)[:3]  # one of them may be a roundabout
    return ['lights' if index in lit else control for index, control in enumerate(drawn)]


_PLAIN = town_paint(np.random.default_rng(0), 'city')
