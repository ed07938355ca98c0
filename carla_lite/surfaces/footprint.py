"""Where pavement is, seen from above, and places laid on the ground."""

from carla_lite.roads.ground import Ground
import cv2
import numpy as np

#: How far the ground goes on beside the roads, metres at scale 1.
REACH_M = 60.0


class Footprint:
    """
    What is paved, as a picture from above: tells how far a place is from it.

    :param corners: (n, 4, 3) quads of the pavement.
    """

    def __init__(self, corners: np.ndarray, scale: float, pixel_m: float = 0.5) -> None:
        self._pixel_m = pixel_m * scale
        margin = (REACH_M + 25.0) * scale
        flat = corners[..., :2].reshape(-1, 2)
        self.low, self.high = flat.min(axis=0) - margin, flat.max(axis=0) + margin
        size = np.ceil((self.high - self.low) / self._pixel_m).astype(int)
        free = np.full((size[1], size[0]), 255, np.uint8)
        places = np.round((corners[..., :2] - self.low) / self._pixel_m * 8).astype(np.int32)
        for polygon in places:
            cv2.fillConvexPoly(free, polygon, 0, cv2.LINE_8, 3)
        self._metres = cv2.distanceTransform(free, cv2.DIST_L2, 5) * self._pixel_m

    def clearance(self, points: np.ndarray) -> np.ndarray:
        """Return (n,) metres from (n, 2) places to the pavement; 0 on it."""
        columns, rows = ((points - self.low) / self._pixel_m).astype(int).T
        height, width = self._metres.shape
        return self._metres[rows.clip(0, height - 1), columns.clip(0, width - 1)]


class Plane:
    """
    The plane that a junction lies in.

    :param points: (n, 3) of the ways through it.
    """

    def __init__(self, points: np.ndarray) -> None:
        self.middle = points.mean(axis=0)
        away = points - self.middle
        self._slope = np.linalg.lstsq(away[:, :2], away[:, 2], rcond=1e-4)[0]

    def lifted(self, places: np.ndarray, lift: float = 0.0) -> np.ndarray:
        """Return (n, 3) of (n, 2) places, so far over the plane."""
        z = self.middle[2] + (places - self.middle[:2]) @ self._slope
        return np.column_stack([places, z + lift])


def lifted(points: np.ndarray, ground: Ground, lift: float = 0.0) -> np.ndarray:
    """Return (n, 3) points on the ground of (n, 2) ones."""
    return np.column_stack([points, np.asarray(ground.heights(points)) + lift])
