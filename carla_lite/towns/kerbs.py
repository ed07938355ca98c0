"""Kerbs round the corners of junctions."""

from collections.abc import Sequence
from dataclasses import replace
import math

from carla_lite.roads.builder import end_section
from carla_lite.roads.network import Corner, Piece, Road
from carla_lite.roads.path import bend, length_of, Stance
from carla_lite.towns.arms import behind_kerb, Seen
import numpy as np

_KERB_STEP_M = 4.0
_KERB_STEP_RAD = math.radians(8)


def _sides(item: Seen) -> tuple[tuple[Stance, float], tuple[Stance, float]]:
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
                paved = paved if behind_kerb(lane) else outer
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


def corner_between(one: Seen, two: Seen) -> Corner:
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
