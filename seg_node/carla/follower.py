"""
A driver that keeps its lane: pure pursuit over the map's own waypoints.

It needs nothing but the map and the car's pose, so it works with every server and opens no port;
CARLA's traffic manager listens on all interfaces. It looks at no traffic and no lights.
"""

from collections import deque
from dataclasses import dataclass
import math
import random
from typing import Any, Protocol

from seg_node.carla.pose import Pose


@dataclass(frozen=True)
class Car:
    """What steering needs to know of a car."""

    wheelbase_m: float = 2.9
    max_steer_deg: float = 70.0


@dataclass(frozen=True)
class Drive:
    """What the driver does with the pedals and the wheel."""

    throttle: float = 0.0  # 0 to 1
    steer: float = 0.0  # -1 to 1, positive to the right
    brake: float = 0.0  # 0 to 1


class _Map(Protocol):
    """What is used of ``carla.Map``."""

    def get_waypoint(self, location: Any) -> Any: ...


_SPACING_M = 2.0  # between waypoints
_HORIZON_M = 40.0  # planned ahead
_SIDEWAYS_MPS2 = 2.5  # wanted in curves at most
_BRAKING_MPS2 = 2.0
_STUCK_AFTER_S = 4.0
_OFF_LANE_M = 6.0
_INTEGRATED_MPS = 1.5


class WaypointFollower:
    """Follows lanes; at junctions it takes one of the ways by chance."""

    def __init__(self, road_map: _Map, car: Car, speed_mps: float, chance: random.Random) -> None:
        """
        Begin without a plan; the first step makes one from where the car is.

        :param road_map: ``carla.Map``.
        :param car: that is driven.
        :param speed_mps: wanted on straights.
        :param chance: decides at junctions.
        """
        self.speed_mps = speed_mps
        self._map = road_map
        self._car = car
        self._chance = chance
        self.plan: deque[Any] = deque()  # waypoints, the nearest first
        self._pedal = 0.0  # the integral part: what holds the speed
        self._still_s = 0.0
        self.trouble = ''  # why this driver cannot go on: 'dead end', 'stuck', 'off the road'

    def restart(self) -> None:
        """Forget the plan: the car is somewhere else now."""
        self.plan.clear()
        self._still_s = 0.0
        self._pedal = 0.0
        self.trouble = ''

    def step(self, location: Any, pose: Pose, speed_mps: float, step_s: float) -> Drive:
        """
        Return what to do until the next step.

        :param location: ``carla.Location`` of the car.
        :param pose: of the car, the same place.
        :param speed_mps: of the car.
        :param step_s: simulated seconds since the last step.
        """
        self._extend(location)
        self._drop_passed(pose)
        if not self.plan:
            self.trouble = 'dead end'
            return Drive(brake=1.0)
        points = [_seen_from(pose, waypoint) for waypoint in self.plan]
        if abs(points[0][1]) > _OFF_LANE_M:
            self.trouble = 'off the road'
        wanted_mps = self._wanted_speed(points)
        self._note_standing(speed_mps, wanted_mps, step_s)
        throttle, brake = self._pedals(wanted_mps - speed_mps, step_s)
        return Drive(throttle, self._steer(points, speed_mps), brake)

    def _extend(self, location: Any) -> None:
        if not self.plan:
            start = self._map.get_waypoint(location)
            if start is None:
                return
            self.plan.append(start)
        while len(self.plan) * _SPACING_M < _HORIZON_M:
            ways = self.plan[-1].next(_SPACING_M)
            if not ways:
                return
            # Sorted: the order in which the map lists them is not the same everywhere.
            ways.sort(key=lambda way: (way.road_id, way.lane_id, way.s))
            self.plan.append(ways[0] if len(ways) == 1 else self._chance.choice(ways))

    def _drop_passed(self, pose: Pose) -> None:
        while self.plan and _seen_from(pose, self.plan[0])[0] < 0.0:
            self.plan.popleft()

    def _wanted_speed(self, points: list[tuple[float, float]]) -> float:
        """Return a speed for the curves ahead, and for stopping where the plan ends."""
        wanted = self.speed_mps
        for before, here, after in zip(points, points[2:], points[4:], strict=False):
            curvature = _curvature(before, here, after)
            there_mps2 = _SIDEWAYS_MPS2 / max(curvature, 1e-6)
            distance_m = max(0.0, math.hypot(*here) - _SPACING_M)
            wanted = min(wanted, math.sqrt(there_mps2 + 2 * _BRAKING_MPS2 * distance_m))
        if len(points) * _SPACING_M < _HORIZON_M / 2:
            wanted = min(wanted, math.sqrt(2 * _BRAKING_MPS2 * math.hypot(*points[-1])))
        return wanted

    def _steer(self, points: list[tuple[float, float]], speed_mps: float) -> float:
        reach_m = min(max(4.0, 0.6 * speed_mps + 2.0), 15.0)
        ahead, right = next((p for p in points if math.hypot(*p) >= reach_m), points[-1])
        distance_m = max(math.hypot(ahead, right), 0.5)
        angle = math.atan2(2 * self._car.wheelbase_m * right / distance_m, distance_m)
        return min(1.0, max(-1.0, angle / math.radians(self._car.max_steer_deg)))

    def _pedals(self, too_slow_mps: float, step_s: float) -> tuple[float, float]:
        if abs(too_slow_mps) < _INTEGRATED_MPS:  # else it winds up while the car gathers speed
            self._pedal = min(0.7, max(0.0, self._pedal + 0.1 * too_slow_mps * step_s))
        wanted = self._pedal + 0.3 * too_slow_mps
        if wanted >= 0.0:
            return min(0.9, wanted), 0.0
        return 0.0, min(1.0, max(0.0, -wanted - 0.1))

    def _note_standing(self, speed_mps: float, wanted_mps: float, step_s: float) -> None:
        stands = speed_mps < 0.2 and wanted_mps > 1.0
        self._still_s = self._still_s + step_s if stands else 0.0
        if self._still_s > _STUCK_AFTER_S:
            self.trouble = 'stuck'
        elif speed_mps < 0.2 and wanted_mps <= 1.0 and len(self.plan) < 4:
            self.trouble = 'dead end'


def _seen_from(pose: Pose, waypoint: Any) -> tuple[float, float]:
    """Return metres ahead of the car and to its right."""
    place = waypoint.transform.location
    dx, dy = place.x - pose.x_m, place.y - pose.y_m
    cos, sin = math.cos(math.radians(pose.yaw_deg)), math.sin(math.radians(pose.yaw_deg))
    return dx * cos + dy * sin, -dx * sin + dy * cos


def _curvature(
    before: tuple[float, float], here: tuple[float, float], after: tuple[float, float]
) -> float:
    """Return 1 / radius of the circle through three points, 1/m."""
    (ax, ay), (bx, by), (cx, cy) = before, here, after
    area = abs((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)) / 2
    sides = math.dist(before, here) * math.dist(here, after) * math.dist(before, after)
    return 4 * area / sides if sides > 1e-9 else 0.0
