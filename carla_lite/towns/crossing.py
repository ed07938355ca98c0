"""Junctions on the level: who may drive where."""

from collections.abc import Sequence
from dataclasses import replace
import math

from carla_lite.roads.builder import Builder, Movement
from carla_lite.roads.network import (
    Junction,
    Mark,
)
from carla_lite.towns.arms import Arm, group_of, look, Seen, wrapped
from carla_lite.towns.control import Control, furnish
from carla_lite.towns.kerbs import corner_between
import numpy as np

_STRAIGHT_RAD = math.radians(40)


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
    seen = sorted((look(builder, arm) for arm in arms), key=lambda item: item.outward)
    movements = [
        _edged(move, seen, edge or Mark())
        for item in seen
        for move in _ways(item, seen, guide or Mark())
    ]
    corners = tuple(
        corner_between(one, two) for one, two in zip(seen, seen[1:] + seen[:1], strict=True)
    )
    outline = np.concatenate([corner.kerb for corner in corners])
    number = builder.junction(movements, Junction(0, (), outline, corners))
    for index, item in enumerate(seen):
        furnish(builder, item, control, group_of(seen, index))
    return number


def _ways(item: Seen, seen: Sequence[Seen], guide: Mark) -> list[Movement]:
    """Return the movements out of one arm; every arriving lane gets one."""
    if not item.arriving:
        return []
    exits = []
    for other in seen:
        if other is not item and other.leaving:
            turn = wrapped(other.outward - item.outward - math.pi)
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


def _lanes_for(turn: float, item: Seen, turns: Sequence[float]) -> list[int]:
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
    item: Seen, other: Seen, turn: float, which: tuple[int, int, int], guide: Mark
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


def _edged(movement: Movement, seen: Sequence[Seen], edge: Mark) -> Movement:
    """Return a movement with a line along the corner that it keeps to, if it does."""
    come = next(index for index, item in enumerate(seen) if item.arm.touch == movement.come)
    neighbour = seen[(come + 1) % len(seen)]  # on the right of who arrives
    ((lane, to),) = movement.lanes
    outer = lane == seen[come].arriving[-1] and to == (neighbour.leaving or (0,))[-1]
    if neighbour.arm.touch == movement.go and outer:
        return replace(movement, marks=(edge,))
    return movement
