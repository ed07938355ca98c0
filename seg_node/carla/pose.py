"""Poses in CARLA's world: metres and degrees, x forward, y to the right, z up."""

from dataclasses import dataclass
import math
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Pose:
    """Place and direction of an actor, as ``carla.Transform`` has them."""

    x_m: float = 0.0
    y_m: float = 0.0
    z_m: float = 0.0
    pitch_deg: float = 0.0  # positive looks up
    yaw_deg: float = 0.0  # positive turns right
    roll_deg: float = 0.0  # positive leans right

    @classmethod
    def of(cls, transform: Any) -> 'Pose':
        """Return the pose of a ``carla.Transform``."""
        place, turn = transform.location, transform.rotation
        return cls(place.x, place.y, place.z, turn.pitch, turn.yaw, turn.roll)

    def transform(self, carla: Any) -> Any:
        """
        Return a ``carla.Transform``.

        :param carla: the client library.
        """
        return carla.Transform(
            carla.Location(self.x_m, self.y_m, self.z_m),
            carla.Rotation(self.pitch_deg, self.yaw_deg, self.roll_deg),
        )

    @property
    def matrix(self) -> np.ndarray:
        """The (4, 4) float64 matrix from this pose's own axes to the world's."""
        (cp, sp), (cy, sy), (cr, sr) = (
            (math.cos(math.radians(angle)), math.sin(math.radians(angle)))
            for angle in (self.pitch_deg, self.yaw_deg, self.roll_deg)
        )
        return np.array(
            [
                [cp * cy, cy * sp * sr - sy * cr, -cy * sp * cr - sy * sr, self.x_m],
                [cp * sy, sy * sp * sr + cy * cr, -sy * sp * cr + cy * sr, self.y_m],
                [sp, -cp * sr, cp * cr, self.z_m],
                [0.0, 0.0, 0.0, 1.0],
            ]
        )
