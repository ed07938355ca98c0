"""Junctions on the level: who may drive where, kerbs round the corners, lights and signs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
import math
from typing import Literal

from carla_lite.roads.builder import Builder, end_section, Movement, Touch
from carla_lite.roads.network import (
    Corner,
    Crossing,
    Junction,
    Lane,
    Mark,
    Piece,
    Road,
    Signal,
    STOP_SIGN,
    TRAFFIC_LIGHT,
    YIELD_SIGN,
)
from carla_lite.roads.path import bend, length_of, Stance
import numpy as np

Control = Literal['lights', 'stop', 'yield', 'none']

_STRAIGHT_RAD = math.radians(40)
_KERB_STEP_M = 4.0
_KERB_STEP_RAD = math.radians(8)


@dataclass(frozen=True)
class Arm:
    """
    A road's end at a junction.

    :param turn: whether its innermost arriving lane only turns left.
    :param minor: whether it gives way where signs rule.
    :param walked: whether pedestrians have a crossing over it.
    """

    touch: Touch
    turn: bool = False
    minor: bool = False
    walked: bool = False


@dataclass(frozen=True)
class _Seen:
    """An arm as the junction sees it: stances point into it and out of it."""

    arm: Arm
    road: Road
    outward: float  # heading away from the junction, OpenDRIVE's
    arriving: tuple[int, ...]  # lane numbers from the inner one outwards
    leaving: tuple[int, ...]


def cross(
    builder: Builder,
    arms: Sequence[Arm],
    control: Control = 'none',
    guide: Mark | None = None,
    edge: Mark | None = None,
) -> int:
    """
    Add the junction of some road ends and return its number.

    :param guide: left of the ways to the left, ``edge``: along the corners.
    """
    seen = sorted((_look(builder, arm) for arm in arms), key=lambda item: item.outward)
    movements = [move for item in seen for move in _ways(item, seen, guide or Mark())]
    movements = [_edged(move, seen, edge or Mark()) for move in movements]
    corners = tuple(_corner(one, two) for one, two in zip(seen, seen[1:] + seen[:1], strict=True))
    outline = np.concatenate([corner.kerb for corner in corners])
    number = builder.junction(movements, Junction(0, (), outline, corners))
    for index, item in enumerate(seen):
        _furnish(builder, item, control, _group(seen, index))
    return number


def clear_distances(
    headings: Sequence[float], widths: Sequence[tuple[float, float]], radius: float, least: float
) -> list[float]:
    """
    Return how far from the crossing point each arm must end for its kerbs to be rounded.

    :param headings: outward, radians, counter-clockwise; ``widths``: of each arm's left and right
        half seen from the junction, to the kerb, metres.
    """
    count = len(headings)
    distances = [least] * count
    for one in range(count):
        two = (one + 1) % count
        angle = (headings[two] - headings[one]) % (2 * math.pi)
        if angle > math.radians(160):
            continue
        near, far = widths[one][0], widths[two][1]  # the sides that face each other
        round_m = radius / math.tan(angle / 2)
        sine, cosine = math.sin(angle), math.cos(angle)
        distances[one] = max(distances[one], (far + near * cosine) / sine + round_m)
        distances[two] = max(distances[two], (near + far * cosine) / sine + round_m)
    return distances


def _look(builder: Builder, arm: Arm) -> _Seen:
    road = builder[arm.touch.road]
    section, s = end_section(road, arm.touch.end)
    heading = float(road.reference(np.array([s]))[0, 2])
    at_end = arm.touch.end == 'end'
    driving = sorted(
        (lane.number for lane in section.lanes if lane.kind == 'driving'), key=lambda n: abs(n)
    )
    along = tuple(number for number in driving if number < 0)
    against = tuple(number for number in driving if number > 0)
    outward = heading + math.pi if at_end else heading
    return _Seen(
        arm,
        road,
        outward % (2 * math.pi),
        along if at_end else against,
        against if at_end else along,
    )


def _ways(item: _Seen, seen: Sequence[_Seen], guide: Mark) -> list[Movement]:
    """Return the movements out of one arm; every arriving lane gets one."""
    if not item.arriving:
        return []
    exits = []
    for other in seen:
        if other is not item and other.leaving:
            turn = _wrapped(other.outward - item.outward - math.pi)
            exits.append((turn, other))
    if not exits:
        raise ValueError(f'road {item.road.number} leads nowhere')
    exits.sort(key=lambda pair: -pair[0])  # from the left to the right
    movements = []
    used: set[int] = set()
    for turn, other in exits:
        lanes = _lanes_for(turn, item, [angle for angle, _ in exits])
        used.update(lanes)
        for index, lane in enumerate(lanes):
            movements.append(_movement(item, other, turn, (lane, index, len(lanes)), guide))
    count = len(item.arriving)
    for index in sorted(set(range(count)) - used):
        turn, other = min(exits, key=lambda pair: abs(pair[0]))
        movements.append(_movement(item, other, turn, (index, index, count), guide))
    return movements


def _lanes_for(turn: float, item: _Seen, turns: Sequence[float]) -> list[int]:
    """Return which arriving lanes, counted from the inner one, take an exit."""
    count = len(item.arriving)
    if count == 1:
        return [0]
    left = [angle for angle in turns if angle > _STRAIGHT_RAD]
    right = [angle for angle in turns if angle < -_STRAIGHT_RAD]
    straight = len(turns) - len(left) - len(right)
    if turn > _STRAIGHT_RAD:
        return [0] if straight or right else list(range(count))
    if turn < -_STRAIGHT_RAD:
        if straight or not left:
            return [count - 1] if straight else list(range(count))
        return list(range(1, count))
    first = 1 if left and (item.arm.turn or count > 2) else 0
    return list(range(first, count))


def _movement(
    item: _Seen, other: _Seen, turn: float, which: tuple[int, int, int], guide: Mark
) -> Movement:
    lane, index, count = which
    out = other.leaving
    if turn < -_STRAIGHT_RAD:  # keep to the outer lanes
        to = out[max(len(out) - count + index, 0)] if count <= len(out) else out[-1]
    else:
        to = out[min(index, len(out) - 1)]
    middle = guide if turn > _STRAIGHT_RAD else Mark()
    lanes = ((item.arriving[lane], to),)
    return Movement(item.arm.touch, other.arm.touch, lanes, middle=middle)


def _edged(movement: Movement, seen: Sequence[_Seen], edge: Mark) -> Movement:
    """Return a movement with a line along the corner that it keeps to, if it does."""
    come = next(index for index, item in enumerate(seen) if item.arm.touch == movement.come)
    neighbour = seen[(come + 1) % len(seen)]  # on the right of who arrives
    ((lane, to),) = movement.lanes
    outer = lane == seen[come].arriving[-1] and to == (neighbour.leaving or (0,))[-1]
    if neighbour.arm.touch == movement.go and outer:
        return replace(movement, marks=(edge,))
    return movement


def _sides(item: _Seen) -> tuple[tuple[Stance, float], tuple[Stance, float]]:
    """
    Return the kerb's ends on the left and on the right, seen along ``outward``.

    Each comes with the width of what lies behind the kerb.
    """
    road, end = item.road, item.arm.touch.end
    section, s = end_section(road, end)
    result = []
    x, y, heading = (float(value) for value in road.reference(np.array([s]))[0])
    middle = Stance(x, y, heading)
    for side in (1, -1):
        paved = outer = 0.0
        for lane in sorted(section.lanes, key=lambda lane: abs(lane.number)):
            if lane.number * side > 0:
                outer = float(road.lane_edges(section, lane.number, np.array([s]))[0, 1])
                paved = paved if _behind(lane) else outer
        stance = middle.moved(0.0, paved)
        result.append((stance, abs(outer - paved)))
    left, right = result if end == 'start' else result[::-1]
    return (
        (replace(left[0], heading=item.outward), left[1]),
        (replace(right[0], heading=item.outward), right[1]),
    )


def _bend_places(pieces: Sequence[Piece]) -> np.ndarray:
    """Return distances along a line: many where it bends, few where it is straight."""
    places = [np.zeros(1)]
    for piece in pieces:
        angle = abs(piece.curvature) * piece.length
        count = max(math.ceil(piece.length / _KERB_STEP_M), math.ceil(angle / _KERB_STEP_RAD), 1)
        places.append(piece.s + piece.length * np.arange(1, count + 1) / count)
    return np.concatenate(places)


def _behind(lane: Lane) -> bool:
    return lane.kind in ('sidewalk', 'none')


def _corner(one: _Seen, two: _Seen) -> Corner:
    """Return the kerb from the left side of one arm to the right side of the next."""
    start, depth = _sides(one)[0]
    end, depth_there = _sides(two)[1]
    pieces = bend(start.moved(0.0, 0.0, math.pi), end)
    length = length_of(pieces)
    s = _bend_places(pieces)
    x, y, heading = Road(0, pieces, ()).reference(s).T
    behind = depth + (depth_there - depth) * s / length
    kerb = np.stack([x, -y], axis=1)
    outward = np.stack([-np.sin(heading), -np.cos(heading)], axis=1)
    # the junction lies to the left of this way, the sidewalk to the right
    return Corner(kerb, kerb - outward * behind[:, None])


def _group(seen: Sequence[_Seen], index: int) -> int:
    """Return 0 for the arms along the first one's axis, 1 for those across."""
    angle = _wrapped(2 * (seen[index].outward - seen[0].outward))
    return 0 if abs(angle) < math.pi / 2 else 1


def _furnish(builder: Builder, item: _Seen, control: Control, group: int) -> None:
    road, end = item.road, item.arm.touch.end
    inward = -1.0 if end == 'end' else 1.0
    edge = road.length if end == 'end' else 0.0
    crossings: tuple[Crossing, ...] = ()
    setback = 0.6
    if item.arm.walked and road.length > 25.0:
        width = 3.0
        low = edge + inward * setback
        crossings = (Crossing(min(low, low + inward * width), width),)
        setback += width + 1.0
    s = edge + inward * setback
    signals: tuple[Signal, ...] = ()
    orientation: Literal['+', '-'] = '+' if end == 'end' else '-'
    if control == 'lights':
        signals = tuple(_lights(item, s, orientation, group))
    elif control == 'stop' or (control == 'yield' and item.arm.minor):
        kind = STOP_SIGN if control == 'stop' else YIELD_SIGN
        if item.arriving:
            lanes = (item.arriving[0], item.arriving[-1])
            t = _post(item, 0)
            number = f'{road.number * 100 + 90 + (end == "end")}'
            signals = (Signal(number, s, t, kind, orientation, lanes, 2.2),)
    builder.furnish(road.number, signals, crossings)


def _lights(item: _Seen, s: float, orientation: Literal['+', '-'], group: int) -> list[Signal]:
    lights = []
    for index, lane in enumerate(reversed(item.arriving)):
        number = f'{item.road.number * 100 + (0 if orientation == "+" else 10) + index + 1}'
        t = _post(item, index)
        lights.append(
            Signal(number, s, t, TRAFFIC_LIGHT, orientation, (lane, lane), 5.0, group=group)
        )
    return lights


def _post(item: _Seen, index: int) -> float:
    """Return t of a post: right of the road, left of it, right again."""
    road, end = item.road, item.arm.touch.end
    section, s = end_section(road, end)
    right = -1 if end == 'end' else 1  # sign of t on the right of the traffic
    side = right if index % 2 == 0 else -right
    outer = 0.0
    for lane in section.lanes:
        if lane.number * side > 0 and not _behind(lane):
            edge = float(road.lane_edges(section, lane.number, np.array([s]))[0, 1])
            outer = max(outer, abs(edge))
    return side * (outer + 0.7 + 0.6 * index)


def _wrapped(angle: float) -> float:
    return (angle + math.pi) % (2 * math.pi) - math.pi
