"""Angles and velocities: wrapping, bounding, and how fast one pose turns into another."""

import math

from carla_lite.pose import Pose
import numpy as np


def wrap_degrees(angle: float) -> float:
    """Return the same angle within -180..180."""
    return angle if -180.0 <= angle <= 180.0 else (angle + 180.0) % 360.0 - 180.0


def bounded(vector: np.ndarray, longest: float) -> np.ndarray:
    """Return a copy, float64, shortened to ``longest``; what is not a number counts as zero."""
    vector = np.clip(np.nan_to_num(np.array(vector, float)), -1e150, 1e150)  # squares stay finite
    length = float(np.linalg.norm(vector))
    return vector if length <= longest else vector * (longest / length)


def angular_velocity(before: Pose, after: Pose, dt_s: float) -> np.ndarray:
    """
    Return (3,) deg/s about the world's axes; z grows clockwise seen from above.

    :param dt_s: seconds between both poses, which are less than half a turn apart.
    """
    if (before.pitch, before.yaw, before.roll) == (after.pitch, after.yaw, after.roll):
        return np.zeros(3)
    turn = after.rotation() @ before.rotation().T
    twice_sine = np.array(
        [turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]
    )
    length = float(np.linalg.norm(twice_sine))
    if length < 1e-15:
        return np.zeros(3)
    angle = math.atan2(length, float(np.trace(turn)) - 1.0)
    return twice_sine / length * (math.degrees(angle) / dt_s)
