"""Road ends as the junction sees them that they meet at."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

from carla_lite.roads.builder import Builder, end_section, Touch
from carla_lite.roads.network import Lane, Road
import numpy as np


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
class Seen:
    """An arm as the junction sees it: stances point into it and out of it."""

    arm: Arm
    road: Road
    outward: float  # heading away from the junction, OpenDRIVE's
    arriving: tuple[int, ...]  # lane numbers from the inner one outwards
    leaving: tuple[int, ...]


def look(builder: Builder, arm: Arm) -> Seen:
    """Return a road's end as its junction sees it."""
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
    return Seen(
        arm,
        road,
        outward % (2 * math.pi),
        along if at_end else against,
        against if at_end else along,
    )


def group_of(seen: Sequence[Seen], index: int) -> int:
    """Return 0 for the arms along the first one's axis, 1 for those across."""
    angle = wrapped(2 * (seen[index].outward - seen[0].outward))
    return 0 if abs(angle) < math.pi / 2 else 1


def behind_kerb(lane: Lane) -> bool:
    """Say whether a lane lies behind the kerb."""
    return lane.kind in ('sidewalk', 'none')


def wrapped(angle: float) -> float:
    """Return the same angle between -π and π."""
    return (angle + math.pi) % (2 * math.pi) - math.pi
