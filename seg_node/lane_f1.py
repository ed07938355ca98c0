"""
The F1 of lane pixels that forgives three pixels, pooled: counts are added up, and divided last.

Training, evaluation and demo measure with this one, so that their figures can be compared.
"""

from dataclasses import dataclass

import cv2
import numpy as np

#: In pixels of a picture of the reference width.
TOLERANCE_PX = 3.0
_REFERENCE_WIDTH = 512


@dataclass(frozen=True)
class NearCounts:
    """Lane pixels of one or more pictures; add them with ``+``."""

    said_near: int = 0  # predicted ones near a true one
    said: int = 0
    true_near: int = 0  # true ones near a predicted one
    true: int = 0

    @classmethod
    def of(cls, said: np.ndarray, true: np.ndarray) -> 'NearCounts':
        """
        Count one picture.

        :param said: (H, W) bool, predicted lane pixels, without those that nobody annotated.
        :param true: (H, W) bool, likewise the true ones.
        """
        reach_px = tolerance_px(said.shape[1])
        return cls(
            int(np.count_nonzero(said & within(true, reach_px))),
            int(np.count_nonzero(said)),
            int(np.count_nonzero(true & within(said, reach_px))),
            int(np.count_nonzero(true)),
        )

    def __add__(self, other: 'NearCounts') -> 'NearCounts':
        return NearCounts(
            self.said_near + other.said_near,
            self.said + other.said,
            self.true_near + other.true_near,
            self.true + other.true,
        )

    @property
    def precision(self) -> float:
        """Share of the predicted pixels that are near a true one; 1 where there is none."""
        return self.said_near / self.said if self.said else 1.0

    @property
    def recall(self) -> float:
        """Share of the true pixels that are near a predicted one; 1 where there is none."""
        return self.true_near / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both; 1 where there is no lane at all."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def tolerance_px(width: int) -> float:
    """Return the distance that is forgiven in a picture of this width, in its pixels."""
    return TOLERANCE_PX * width / _REFERENCE_WIDTH


def within(plane: np.ndarray, reach_px: float) -> np.ndarray:
    """Return where a pixel of ``plane`` is at most so far away (Euclidean), (H, W) bool."""
    if not plane.any():
        return np.zeros_like(plane)
    distance = cv2.distanceTransform((~plane).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance <= reach_px + 1e-4
