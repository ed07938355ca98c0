"""Roundabouts: a one-way ring and a small junction for each road that meets it."""

from collections.abc import Sequence
from dataclasses import replace
import math

from carla_lite.roads.builder import Builder, Profile, Strip, Touch
from carla_lite.roads.network import Cubic, Mark
from carla_lite.roads.path import draw, Stance
from carla_lite.towns.arms import Arm
from carla_lite.towns.crossing import cross
from carla_lite.towns.paint import Paint
import numpy as np

_LANE_M = 4.8
_RIM_M = 0.8
_CORNER_M = 5.0
_LEAST_ARC_M = 8.0
_SPEED_MPS = 7.0
#: From the ring's outer edge to where the roads end.
_APPROACH_M = 7.0
_RADII_M = (12.0, 15.0, 18.0, 22.0)


def ring_radius(headings: Sequence[float], half_m: float) -> float | None:
    """
    Return the radius of an island round which some roads fit, None where none does.

    :param headings: outward, radians; ``half_m``: half the width of the widest road, metres.
    """
    ordered = sorted(heading % math.tau for heading in headings)
    following = [*ordered[1:], ordered[0] + math.tau]
    least = min(b - a for a, b in zip(ordered, following, strict=True))
    for radius in _RADII_M:
        if (least - 2 * _opening(radius, half_m)) * radius > _LEAST_ARC_M:
            return radius
    return None


def reach_of(radius: float) -> float:
    """Return how far from the middle the roads end, metres."""
    return radius + _LANE_M + _APPROACH_M


def roundabout(
    builder: Builder,
    middle: tuple[float, float, float],
    arms: Sequence[Arm],
    radius: float,
    half_m: float,
    paint: Paint,
) -> None:
    """
    Add a roundabout.

    :param middle: x, y in OpenDRIVE's coordinates and the height, metres.
    """
    angles = [_angle(builder, arm.touch, middle) for arm in arms]
    order = sorted(range(len(arms)), key=lambda index: angles[index])
    opening = _opening(radius, half_m)
    walk = 2.0 if any(arm.walked for arm in arms) else 0.0
    beside = (Strip('sidewalk', walk),) if walk else ()
    edge: Mark = paint.edge
    profile = Profile(
        (Strip('driving', _LANE_M, edge), *beside), (Strip('sidewalk', _RIM_M),), edge
    )
    rings = []
    for index, which in enumerate(order):
        begin = angles[which] + opening
        end = angles[order[(index + 1) % len(order)]] - opening
        turn = (end - begin) % math.tau
        start = Stance(
            middle[0] + radius * math.cos(begin),
            middle[1] + radius * math.sin(begin),
            begin + math.pi / 2,
        )
        line = draw(start, [(turn * radius, 1 / radius)])
        elevation = (Cubic(0.0, middle[2]),)
        rings.append(builder.road(line, [profile], elevation=elevation, speed_mps=_SPEED_MPS))
    for index, which in enumerate(order):
        before, after = Touch(rings[index - 1], 'end'), Touch(rings[index], 'start')
        arm = replace(arms[which], minor=True)
        cross(builder, [Arm(before), arm, Arm(after)], 'yield')


def _opening(radius: float, half_m: float) -> float:
    """Return the angle to either side of a road that its junction takes from the ring."""
    return math.asin(min((half_m + _CORNER_M) / (radius + _LANE_M), 1.0))


def _angle(builder: Builder, touch: Touch, middle: tuple[float, float, float]) -> float:
    road = builder[touch.road]
    s = 0.0 if touch.end == 'start' else road.length
    x, y, heading = road.reference(np.array([s]))[0]
    section = road.section_at(s)
    edges = [road.lane_edges(section, lane.number, np.array([s]))[0, 1] for lane in section.lanes]
    t = (min([0.0, *edges]) + max([0.0, *edges])) / 2  # the road's middle
    x, y = x - t * math.sin(heading), y + t * math.cos(heading)
    return math.atan2(y - middle[1], x - middle[0]) % math.tau
