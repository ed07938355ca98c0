"""Which ground is still free."""

from typing import Protocol

import numpy as np


class Ground(Protocol):
    """What placing needs to know of the ground."""

    def clearance(self, points: np.ndarray) -> np.ndarray:
        """Return (n,) metres from (n, 2) points to the nearest road's edge, negative on roads."""

    def heights(self, points: np.ndarray) -> np.ndarray:
        """Return (n,) the ground's z at (n, 2) points."""


class Plot:
    """
    A grid of squares that fill up.

    :param low: (2,) the least x, y; ``high``: (2,) the greatest.
    :param cell_m: a square's edge.
    """

    def __init__(self, low: np.ndarray, high: np.ndarray, cell_m: float = 1.0) -> None:
        self._low, self._cell_m = np.asarray(low, np.float64), cell_m
        size = np.ceil((np.asarray(high) - self._low) / cell_m).astype(int) + 1
        self._taken = np.zeros(size, bool)

    def take(self, points: np.ndarray) -> bool:
        """Occupy the squares under (n, 2) points, or return False where one is taken."""
        rows, columns, inside = self._squares(points)
        if not inside.all() or self._taken[rows, columns].any():
            return False
        self._taken[rows, columns] = True
        return True

    def is_free(self, points: np.ndarray) -> np.ndarray:
        """Return (n,) bool of (n, 2) points: whether nothing stands there."""
        rows, columns, inside = self._squares(points)
        return inside & ~self._taken[rows, columns]

    def _squares(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        index = np.floor((points - self._low) / self._cell_m).astype(int)
        most = np.array(self._taken.shape) - 1
        inside = np.all((index >= 0) & (index <= most), axis=1)
        rows, columns = np.clip(index, 0, most).T
        return rows, columns, inside


def rectangle_points(
    x: float, y: float, yaw: float, length: float, width: float, step_m: float = 1.0
) -> np.ndarray:
    """
    Return (n, 2) points that cover a rectangle around x, y; its length runs along the yaw.

    :param yaw: degrees; ``step_m``: the greatest distance between points.
    """
    along = np.linspace(-0.5, 0.5, int(np.ceil(length / step_m)) + 1) * length
    across = np.linspace(-0.5, 0.5, int(np.ceil(width / step_m)) + 1) * width
    u, v = (part.ravel() for part in np.meshgrid(along, across))
    turn = np.radians(yaw)
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack([x + u * cos - v * sin, y + u * sin + v * cos], axis=1)
