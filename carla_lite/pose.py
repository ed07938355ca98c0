"""Where a thing is in CARLA's world: left-handed, x forward, y right, z up, degrees."""

from dataclasses import dataclass
import math

import numpy as np


@dataclass(frozen=True)
class Pose:
    """
    A place and an orientation.

    :param x: metres forward; ``y`` right, ``z`` up.
    :param pitch: degrees, nose up; ``yaw`` clockwise seen from above; ``roll`` right side down.
    """

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    pitch: float = 0.0
    yaw: float = 0.0
    roll: float = 0.0

    def rotation(self) -> np.ndarray:
        """Return (3, 3) float64; its columns are the forward, right and up axes in the world."""
        sp, cp = _sin_cos(self.pitch)
        sy, cy = _sin_cos(self.yaw)
        sr, cr = _sin_cos(self.roll)
        return np.array(
            [
                [cp * cy, cy * sp * sr - sy * cr, -cy * sp * cr - sy * sr],
                [cp * sy, sy * sp * sr + cy * cr, -sy * sp * cr + cy * sr],
                [sp, -cp * sr, cp * cr],
            ]
        )

    def position(self) -> np.ndarray:
        """Return (3,) float64 metres."""
        return np.array([self.x, self.y, self.z])

    def matrix(self) -> np.ndarray:
        """Return (4, 4) float64 that takes this pose's own coordinates to the world's."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.rotation()
        matrix[:3, 3] = self.position()
        return matrix

    @staticmethod
    def from_matrix(matrix: np.ndarray) -> 'Pose':
        """Return the pose of a (4, 4) matrix without scale."""
        pitch = math.degrees(math.asin(max(-1.0, min(1.0, matrix[2, 0]))))
        yaw = math.degrees(math.atan2(matrix[1, 0], matrix[0, 0]))
        roll = math.degrees(math.atan2(-matrix[2, 1], matrix[2, 2]))
        x, y, z = (float(value) for value in matrix[:3, 3])
        return Pose(x, y, z, pitch, yaw, roll)

    def then(self, child: 'Pose') -> 'Pose':
        """Return where a thing is that sits at ``child`` in this pose's own coordinates."""
        return Pose.from_matrix(self.matrix() @ child.matrix())


def _sin_cos(degrees: float) -> tuple[float, float]:
    return math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
