"""A person on foot."""

from dataclasses import replace
import math

from carla_lite.pose import Pose
from carla_lite.world import blueprints
from carla_lite.world.controls import WalkerControl
from carla_lite.world.drivetrain import GRAVITY_MPS2
from carla_lite.world.ground import HeightAt
from carla_lite.world.rotation import angular_velocity, bounded, wrap_degrees
import numpy as np

_JUMP_MPS = 4.2
_TURN_DPS = 360.0
_STEP_UP_M = 0.5  # higher edges down are falls
_FASTEST_MPS = 12.0
_FASTEST_PUSHED_MPS = 50.0


class WalkerBody:
    """
    Where a walker is and how it moves; the same face as a vehicle's body.

    ``pose`` is of the middle of the body, as in CARLA: half a height above the ground.
    """

    def __init__(self, pose: Pose, size_m: tuple[float, float, float], mass_kg: float = 75.0):
        self.pose = pose
        self.size_m = size_m
        self.mass_kg = mass_kg
        self.control = WalkerControl()
        self.simulate_physics = True
        self.gravity = True
        self.velocity = np.zeros(3)
        self.angular_velocity = np.zeros(3)
        self.acceleration = np.zeros(3)
        self._pushed = np.zeros(2)
        self._falling = True
        self._fall_mps = 0.0

    @staticmethod
    def of(name: str, pose: Pose, scale: float = 1.0) -> 'WalkerBody':
        """
        Return the body of a blueprint's walker.

        :param scale: of its size; it weighs as its volume does.
        :raises CarlaLiteError: there is no such walker.
        """
        length, width, height = (scale * side for side in blueprints.size_m(name))
        return WalkerBody(pose, (length, width, height), blueprints.mass_kg(name) * scale**3)

    def set_target_velocity(self, velocity: np.ndarray) -> None:
        """Be pushed at this velocity, (3,) m/s in the world; legs brake it."""
        self.velocity = bounded(velocity, _FASTEST_PUSHED_MPS)
        self._pushed = self.velocity[:2] - self._walk()

    def add_impulse(self, impulse_ns: np.ndarray) -> None:
        """Change the velocity by a push, (3,) N s in the world."""
        self.set_target_velocity(self.velocity + np.asarray(impulse_ns, float) / self.mass_kg)

    def place(self, pose: Pose) -> None:
        """Put the walker elsewhere; it falls to the ground there."""
        self.pose = pose
        self._falling = True

    def shift(self, offset_m: np.ndarray) -> None:
        """Move it a little without a change of its velocity; (3,) metres."""
        x, y, z = (float(value) for value in self.pose.position() + offset_m)
        self.pose = replace(self.pose, x=x, y=y, z=z)

    def step(self, dt_s: float, height_at: HeightAt) -> None:
        """Move on by dt over the ground."""
        if dt_s <= 0.0:
            return
        before, velocity = self.pose, self.velocity
        plan = self._walk() + self._pushed if self.simulate_physics else np.zeros(2)
        self.velocity = np.array([plan[0], plan[1], 0.0])
        if self.simulate_physics:
            x, y = before.x + float(plan[0]) * dt_s, before.y + float(plan[1]) * dt_s
            self.pose = replace(before, x=x, y=y, yaw=self._facing(dt_s))
            if self.gravity:
                self._stand(dt_s, height_at)
                self.velocity[2] = (self.pose.z - before.z) / dt_s
            self._pushed = self._pushed * math.exp(-5.0 * dt_s)
            if np.hypot(*self._pushed) < 0.01:
                self._pushed = np.zeros(2)
        self.acceleration = (self.velocity - velocity) / dt_s
        self.angular_velocity = angular_velocity(before, self.pose, dt_s)

    def _walk(self) -> np.ndarray:
        """Return (2,) m/s that the control asks for."""
        direction = np.array(self.control.direction[:2], float)
        length = float(np.hypot(*direction))
        if not (math.isfinite(length) and length > 1e-6 and self.control.speed > 0.0):
            return np.zeros(2)
        return direction * (min(self.control.speed, _FASTEST_MPS) / length)

    def _facing(self, dt_s: float) -> float:
        walk = self._walk()
        if not walk.any():
            return self.pose.yaw
        wanted = math.degrees(math.atan2(walk[1], walk[0]))
        turn = wrap_degrees(wanted - self.pose.yaw)
        most = _TURN_DPS * dt_s
        return wrap_degrees(self.pose.yaw + max(-most, min(most, turn)))

    def _stand(self, dt_s: float, height_at: HeightAt) -> None:
        floor = height_at(self.pose.x, self.pose.y) + self.size_m[2] / 2
        if not self._falling and self.control.jump:
            self._falling, self._fall_mps = True, _JUMP_MPS
        if not self._falling and self.pose.z - floor <= _STEP_UP_M:
            self.pose = replace(self.pose, z=floor)
            return
        self._falling = True
        z = self.pose.z + self._fall_mps * dt_s - GRAVITY_MPS2 * dt_s * dt_s / 2
        self._fall_mps -= GRAVITY_MPS2 * dt_s
        if z <= floor:
            z, self._falling, self._fall_mps = floor, False, 0.0
        self.pose = replace(self.pose, z=z)
