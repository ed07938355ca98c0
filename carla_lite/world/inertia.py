"""What an inertial measurement unit feels: acceleration, turn rate and compass."""

from collections.abc import Mapping
from dataclasses import dataclass
import math

from carla_lite.pose import Pose
from carla_lite.world.drivetrain import GRAVITY_MPS2
from carla_lite.world.noise import amounts, generator
import numpy as np


@dataclass(frozen=True)
class Feeling:
    """
    One measurement in the sensor's axes.

    ``accelerometer``: (3,) m/s², gravity counted as 9.81 upwards; ``gyroscope``: (3,) rad/s;
    ``compass``: radians from north (-y), growing to the east (+x), 0..2 pi.
    """

    accelerometer: np.ndarray
    gyroscope: np.ndarray
    compass: float


class Inertia:
    """
    A unit with the blueprint's noise; it remembers where it was.

    :param attributes: the sensor actor's; the same ``noise_seed`` gives the same noise.
    """

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self._accel_spread = amounts(attributes, [f'noise_accel_stddev_{axis}' for axis in 'xyz'])
        self._gyro_spread = amounts(attributes, [f'noise_gyro_stddev_{axis}' for axis in 'xyz'])
        self._gyro_bias = amounts(attributes, [f'noise_gyro_bias_{axis}' for axis in 'xyz'])
        self._random = generator(attributes)
        self._past: list[tuple[np.ndarray, float]] = []  # place, seconds since the one before

    def measure(self, pose: Pose, angular_velocity: np.ndarray, dt_s: float) -> Feeling:
        """
        Return what it feels at a pose.

        :param angular_velocity: (3,) deg/s in the world, of what it is mounted on.
        :param dt_s: seconds since the measurement before; the first two feel gravity alone.
        """
        axes = pose.rotation()
        felt = self._acceleration(pose.position(), dt_s) + np.array([0.0, 0.0, GRAVITY_MPS2])
        turn = axes.T @ np.radians(np.asarray(angular_velocity, float))
        noise = self._random.standard_normal((2, 3))
        return Feeling(
            axes.T @ felt + self._accel_spread * noise[0],
            turn + self._gyro_bias + self._gyro_spread * noise[1],
            math.radians(pose.yaw + 90.0) % (2 * math.pi),
        )

    def _acceleration(self, place: np.ndarray, dt_s: float) -> np.ndarray:
        """Return (3,) m/s² in the world: bend of the parabola through the last three places."""
        self._past = [*self._past[-2:], (place, dt_s)]
        if len(self._past) < 3 or min(self._past[1][1], dt_s) <= 0.0:
            return np.zeros(3)
        (oldest, _), (middle, before_s), (newest, now_s) = self._past
        return (
            2.0 * ((newest - middle) / now_s - (middle - oldest) / before_s) / (now_s + before_s)
        )
