"""Places along lanes, a fixed distance apart: the same ones whenever they are asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import math
from typing import Any

import numpy as np
from seg_node.carla.pose import Pose

#: How far ahead the slope of the ground is looked at.
_WHEELBASE_M = 2.5
#: Of the lane's width that a vehicle may stray to either side.
_WANDER_SHARE = 0.35
#: Straying swings to and fro about once in so many metres.
_WANDER_PERIOD_M = 60.0


@dataclass(frozen=True)
class Wander:
    """How far from the middle and the direction of its lane a vehicle strays."""

    offset_m: float
    turn_deg: float


def spread_starts(places: Sequence[tuple[float, float]], seed: int) -> list[int]:
    """
    Order spawn points so that the first few are far from each other.

    :param places: x, y in metres.
    :param seed: chooses the first; each next one is the farthest from all before.
    :return: indices into ``places``.
    """
    points = np.asarray(places, dtype=float)
    order = [int(np.random.default_rng([seed, 3]).integers(len(points)))]
    distance = np.full(len(points), np.inf)
    while len(order) < len(points):
        distance = np.minimum(distance, np.hypot(*(points - points[order[-1]]).T))
        distance[order[-1]] = -1.0
        order.append(int(distance.argmax()))
    return order


def route_poses(
    town_map: Any, starts: Sequence[Any], spacing_m: float, wander: Wander, seed: Sequence[int]
) -> Iterator[Pose]:
    """
    Yield poses of a vehicle along its lane, for ever.

    Where a lane ends the vehicle goes on at another start.

    :param town_map: ``carla.Map``.
    :param starts: ``carla.Location`` to begin at, in the order to use them.
    :param spacing_m: between two poses.
    :param seed: of turns at junctions and of straying.
    """
    chance = np.random.default_rng(list(seed))
    offsets = _swing(np.random.default_rng([*seed, 1]), spacing_m)
    turns = _swing(np.random.default_rng([*seed, 2]), spacing_m)
    used = 0
    waypoint = None
    while True:
        if waypoint is None:
            waypoint = town_map.get_waypoint(starts[used % len(starts)])
            used += 1
        ahead = waypoint.next(min(_WHEELBASE_M, spacing_m))
        yield _pose(
            waypoint, ahead, wander.offset_m * next(offsets), wander.turn_deg * next(turns)
        )
        # Sorted: the order in which the map lists them is not the same everywhere.
        ways = sorted(waypoint.next(spacing_m), key=lambda way: (way.road_id, way.lane_id, way.s))
        waypoint = ways[int(chance.integers(len(ways)))] if ways else None


def _pose(waypoint: Any, ahead: Sequence[Any], right_m: float, turn_deg: float) -> Pose:
    place, turn = waypoint.transform.location, waypoint.transform.rotation
    pitch_deg = 0.0
    if ahead:
        there = ahead[0].transform.location
        run_m = math.hypot(there.x - place.x, there.y - place.y)
        pitch_deg = math.degrees(math.atan2(there.z - place.z, run_m)) if run_m > 0.01 else 0.0
    yaw = math.radians(turn.yaw)
    limit_m = _WANDER_SHARE * waypoint.lane_width
    right_m = min(limit_m, max(-limit_m, right_m))
    return Pose(
        place.x - math.sin(yaw) * right_m,
        place.y + math.cos(yaw) * right_m,
        place.z,
        pitch_deg,
        turn.yaw + turn_deg,
        0.0,
    )


def _swing(chance: np.random.Generator, spacing_m: float) -> Iterator[float]:
    """Yield a smooth wave between -1 and 1 that does not repeat."""
    phases, periods = chance.uniform(0, 2 * math.pi, 2), chance.uniform(0.7, 1.8, 2)
    distance_m = 0.0
    while True:
        waves = np.sin(2 * math.pi * distance_m / (_WANDER_PERIOD_M * periods) + phases)
        yield float(waves.mean())
        distance_m += spacing_m
