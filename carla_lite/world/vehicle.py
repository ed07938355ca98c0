"""A vehicle that drives: a kinematic bicycle on the town's ground."""

from dataclasses import replace
import math

from carla_lite.pose import Pose
from carla_lite.world import blueprints
from carla_lite.world.controls import AckermannControl, VehicleControl
from carla_lite.world.drivetrain import (
    drive,
    Drivetrain,
    DRIVETRAINS,
    GRAVITY_MPS2,
    GRIP_MPS2,
    pedals_for,
)
from carla_lite.world.ground import HeightAt, resting
from carla_lite.world.rotation import angular_velocity, bounded, wrap_degrees
import numpy as np

MAX_STEER_DEG = 35.0  # of the one wheel that stands for both front wheels
# share of the wheel's range that is left at a speed, CARLA's own curve
STEERING_KMH = (0.0, 20.0, 60.0, 120.0)
STEERING_SHARE = (1.0, 0.9, 0.8, 0.7)
WHEELBASE_SHARE, TRACK_SHARE = 0.6, 0.8  # of length and width
_LONGEST_STEP_S = 0.05
_DROP_M = 0.5  # deeper than that under the wheels is a fall, not a dip
_THROW_MPS = 0.5  # a slower push upwards stays in the springs
_FASTEST_MPS, _FASTEST_DPS, _STRONGEST_N = (
    150.0,
    720.0,
    1e9,
)  # whatever pushes: the world stays in one piece
_SPIN_LOSS_DPS2 = 200.0  # tyres stop a spin


class VehicleBody:
    """
    Where a vehicle is and how it moves.

    ``velocity`` (3,) m/s, ``angular_velocity`` (3,) deg/s and ``acceleration`` (3,) m/s² are in
    the world's axes; ``pose`` is of the point on the ground under the middle.

    :param size_m: length, width, height; ``wheels`` 2 or 4.
    """

    def __init__(
        self,
        pose: Pose,
        size_m: tuple[float, float, float],
        mass_kg: float = 1700.0,
        wheels: int = 4,
        drivetrain: Drivetrain | None = None,
    ) -> None:
        self.pose = pose
        self.size_m = size_m
        self.mass_kg = mass_kg
        self.wheelbase_m = WHEELBASE_SHARE * size_m[0]
        self.track_m = TRACK_SHARE * size_m[1] if wheels > 2 else 0.0
        self.max_steer_deg = MAX_STEER_DEG
        self.drivetrain = drivetrain or Drivetrain()
        self.simulate_physics = True
        self.gravity = True
        self.speed_limit_kmh = 30.0
        self.velocity = np.zeros(3)
        self.angular_velocity = np.zeros(3)
        self.acceleration = np.zeros(3)
        self._control = VehicleControl()
        self._ackermann: AckermannControl | None = None
        self._constant: np.ndarray | None = None
        self._speed = 0.0  # along the nose
        self._slide = np.zeros(2)  # what tyres have yet to rub off, x and y
        self._spin_dps = 0.0
        self._falling = True  # spawn points lie above the ground
        self._fall_mps = 0.0
        self._force = np.zeros(3)

    @staticmethod
    def of(name: str, pose: Pose, scale: float = 1.0) -> 'VehicleBody':
        """
        Return the body of a blueprint's vehicle.

        :param scale: of its sizes, such as 0.1 for a model of it; it weighs as its volume does.
        :raises CarlaLiteError: there is no such vehicle.
        """
        kind = blueprints.kind_of(name)
        length, width, height = (scale * side for side in blueprints.size_m(name))
        return VehicleBody(
            pose,
            (length, width, height),
            blueprints.mass_kg(name) * scale**3,
            2 if kind in ('motorcycle', 'bicycle') else 4,
            DRIVETRAINS.get(kind),
        )

    @property
    def control(self) -> VehicleControl:
        """What the pedals and the wheel do now."""
        return self._control

    @control.setter
    def control(self, control: VehicleControl) -> None:
        self._control = control.clamped()
        self._ackermann = None

    @property
    def speed_mps(self) -> float:
        """Along the nose, negative backwards."""
        return self._speed

    @property
    def steer_deg(self) -> float:
        """Angle of the wheels, positive right: less at speed, and never more than tyres hold."""
        share = float(np.interp(abs(self._speed) * 3.6, STEERING_KMH, STEERING_SHARE))
        angle = math.radians(self._control.steer * share * self.max_steer_deg)
        most = math.atan(GRIP_MPS2 * self.wheelbase_m / max(self._speed**2, 1e-6))
        return math.degrees(max(-most, min(most, angle)))

    def set_ackermann(self, target: AckermannControl) -> None:
        """Drive towards a speed and a wheel angle until pedals are set again."""
        self._ackermann = target

    def set_target_velocity(self, velocity: np.ndarray) -> None:
        """Move at this velocity from now on; (3,) m/s in the world, tyres rub off what slides."""
        self.velocity = bounded(velocity, _FASTEST_MPS)
        axes = self.pose.rotation()
        self._speed = float(self.velocity @ axes[:, 0])
        self._slide = (self.velocity - self._speed * axes[:, 0])[:2]
        if self._falling:
            self._fall_mps = float(self.velocity[2])
        else:
            self._throw(float(self.velocity[2] - self._speed * axes[2, 0]))

    def set_target_angular_velocity(self, velocity: np.ndarray) -> None:
        """Turn at this rate from now on; (3,) deg/s, of which the ground leaves the yaw."""
        self._spin(float(velocity[2]))

    def set_constant_velocity(self, velocity: np.ndarray | None) -> None:
        """Hold a velocity in the vehicle's own axes, (3,) m/s, or no longer with None."""
        self._constant = None if velocity is None else bounded(velocity, _FASTEST_MPS)

    def add_impulse(self, impulse_ns: np.ndarray) -> None:
        """Change the velocity by a push, (3,) N s in the world."""
        change = bounded(np.asarray(impulse_ns, float) / self.mass_kg, _FASTEST_MPS)
        nose = self.pose.rotation()[:, 0]
        along = float(change @ nose)
        self._speed += along
        self._slide = self._slide + (change - along * nose)[:2]
        self.velocity = self.velocity + change
        self._throw(float(change[2]))

    def add_angular_impulse(self, impulse: np.ndarray) -> None:
        """Change the rate of turn by a push, (3,) kg m² deg/s in the world."""
        length, width, _ = self.size_m
        inertia = self.mass_kg * (length**2 + width**2) / 12.0
        self._spin(self._spin_dps + float(impulse[2]) / inertia)

    def add_force(self, force_n: np.ndarray) -> None:
        """Push during the next step, (3,) N in the world."""
        self._force = bounded(self._force + np.asarray(force_n, float), _STRONGEST_N)

    def place(self, pose: Pose) -> None:
        """Put the vehicle elsewhere; its velocity stays, and it falls to the ground there."""
        self.pose = pose
        self._falling = True
        self.set_target_velocity(self.velocity)

    def shift(self, offset_m: np.ndarray) -> None:
        """Move it a little without a change of its velocity; (3,) metres."""
        x, y, z = (float(value) for value in self.pose.position() + offset_m)
        self.pose = replace(self.pose, x=x, y=y, z=z)

    def step(self, dt_s: float, height_at: HeightAt) -> None:
        """Move on by dt over the ground."""
        if dt_s <= 0.0:
            return
        before, velocity = self.pose, self.velocity
        if self.simulate_physics:
            if self._force.any():
                self.add_impulse(self._force * dt_s)
            steps = math.ceil(dt_s / _LONGEST_STEP_S - 1e-9)
            for _ in range(steps):
                self._substep(dt_s / steps, height_at)
        else:
            self.set_target_velocity(np.zeros(3))
        self._force = np.zeros(3)
        self.acceleration = (self.velocity - velocity) / dt_s
        self.angular_velocity = angular_velocity(before, self.pose, dt_s)

    def _substep(self, dt_s: float, height_at: HeightAt) -> None:
        if self._ackermann is not None:
            self._follow(self._ackermann, dt_s)
        if self._falling and self.gravity:
            self._roll(self._speed * dt_s, 0.0, dt_s)
            self._fall(dt_s, height_at)
        else:
            slope = -GRAVITY_MPS2 * math.sin(math.radians(self.pose.pitch))
            self._speed, way = drive(self.drivetrain, self._control, self._speed, slope, dt_s)
            if self._constant is not None:
                way = self._hold(self._constant) * dt_s
            self._roll(way, math.radians(self.steer_deg), dt_s)
            if self._constant is None:
                self._rub(dt_s)
            if self.gravity:
                self._settle(height_at)
        axes = self.pose.rotation()
        swing = math.tan(math.radians(self.steer_deg)) / 2  # the middle swings about the rear axle
        self.velocity = self._speed * (axes[:, 0] + (0.0 if self._falling else swing) * axes[:, 1])
        self.velocity[:2] += self._slide
        if self._falling:
            self.velocity[2] = self._fall_mps

    def _spin(self, rate_dps: float) -> None:
        self._spin_dps = max(-_FASTEST_DPS, min(_FASTEST_DPS, rate_dps))

    def _throw(self, upwards_mps: float) -> None:
        if self._falling:
            self._fall_mps += upwards_mps
        elif upwards_mps > _THROW_MPS:
            self._falling, self._fall_mps = True, float(self.velocity[2])

    def _follow(self, target: AckermannControl, dt_s: float) -> None:
        wanted = math.degrees(target.steer) / self.max_steer_deg
        if target.steer_speed > 0.0:
            most = math.degrees(target.steer_speed) * dt_s / self.max_steer_deg
            wanted = self._control.steer + max(-most, min(most, wanted - self._control.steer))
        self._control = pedals_for(self.drivetrain, target, wanted, self._speed).clamped()

    def _hold(self, velocity: np.ndarray) -> float:
        yaw = math.radians(self.pose.yaw)
        self._speed = float(velocity[0])
        self._slide = float(velocity[1]) * np.array([-math.sin(yaw), math.cos(yaw)])
        return self._speed

    def _roll(self, way: float, steer_rad: float, dt_s: float) -> None:
        """Move the rear axle along its arc, and everything by what slides."""
        pose, reach = self.pose, self.wheelbase_m / 2
        if way == 0.0 and self._spin_dps == 0.0 and not self._slide.any():
            return
        yaw = math.radians(pose.yaw)
        turn = way * math.tan(steer_rad) / self.wheelbase_m
        chord = way * math.cos(math.radians(pose.pitch)) * float(np.sinc(turn / 2 / math.pi))
        x = pose.x - reach * math.cos(yaw) + chord * math.cos(yaw + turn / 2)
        y = pose.y - reach * math.sin(yaw) + chord * math.sin(yaw + turn / 2)
        x, y = x + reach * math.cos(yaw + turn), y + reach * math.sin(yaw + turn)
        slide_x, slide_y = (float(part) * dt_s for part in self._slide)
        yaw_deg = wrap_degrees(pose.yaw + math.degrees(turn) + self._spin_dps * dt_s)
        self.pose = replace(pose, x=x + slide_x, y=y + slide_y, yaw=yaw_deg)

    def _rub(self, dt_s: float) -> None:
        """Take from slide and spin what tyres take."""
        sliding = float(np.hypot(*self._slide))
        if sliding > 0.0:
            self._slide = self._slide * max(0.0, 1.0 - GRIP_MPS2 * dt_s / sliding)
        lost = min(abs(self._spin_dps), _SPIN_LOSS_DPS2 * dt_s)
        self._spin_dps -= math.copysign(lost, self._spin_dps)

    def _settle(self, height_at: HeightAt) -> None:
        rest = resting(self.pose, self.wheelbase_m, self.track_m, height_at)
        if self.pose.z - rest.z > _DROP_M:
            self._falling, self._fall_mps = True, float(self.velocity[2])
        else:
            self.pose = rest

    def _fall(self, dt_s: float, height_at: HeightAt) -> None:
        self._fall_mps -= GRAVITY_MPS2 * dt_s
        z = self.pose.z + self._fall_mps * dt_s
        rest = resting(self.pose, self.wheelbase_m, self.track_m, height_at)
        if z > rest.z:
            self.pose = replace(self.pose, z=z)
        else:
            self.pose, self._falling, self._fall_mps = rest, False, 0.0
