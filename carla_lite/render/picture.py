"""What a camera is, and what it sees."""

from dataclasses import dataclass
import math

from carla_lite.pose import Pose
import numpy as np


@dataclass(frozen=True)
class CameraView:
    """
    A pinhole camera at a place of the world.

    :param fov: horizontal field of view, degrees.
    :param pose: x looks forward, y right, z up.
    """

    width: int
    height: int
    fov: float
    pose: Pose

    @property
    def focal_px(self) -> float:
        """Focal length in pixels, CARLA's: width / (2 tan(fov / 2))."""
        return self.width / (2.0 * math.tan(math.radians(self.fov) / 2.0))


@dataclass(frozen=True)
class Picture:
    """
    One view, all parts from the same geometry.

    ``bgr``: (H, W, 3) uint8; ``tags``: (H, W) uint8 Tag; ``instances``: (H, W) uint16;
    ``depth_m``: (H, W) float32 along the optical axis, 1000 for the sky.
    """

    bgr: np.ndarray
    tags: np.ndarray
    instances: np.ndarray
    depth_m: np.ndarray


def planes(bgr: np.ndarray) -> np.ndarray:
    """
    Return a colour as (3, 1, 1) float32, to be combined with planes.

    Pictures are three planes, (3, H, W), while light is added up: numpy is ten times slower
    where the last axis has three elements.
    """
    return np.asarray(bgr, np.float32)[:, None, None]
