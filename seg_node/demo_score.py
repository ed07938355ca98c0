"""How right lane masks are, pooled over the pictures of a drive."""

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from seg_node.labels import LANE_MARKING, UNLABELLED
from seg_node.segment_summary import LaneIou

#: Tolerance of the F1, in pixels of a picture of the reference width; as the training measures.
_TOLERANCE_PX, _REFERENCE_WIDTH = 3.0, 512


@dataclass
class LaneScore:
    """IoU of lane marking, and the F1 of lane pixels that forgives three pixels."""

    iou: LaneIou = field(default_factory=LaneIou)
    said_near: int = 0  # predicted lane pixels near a true one
    said: int = 0
    true_near: int = 0  # true lane pixels near a predicted one
    true: int = 0

    def add(self, labels: np.ndarray, truth: np.ndarray) -> None:
        """
        Count one picture.

        :param labels: (H, W) uint8 label ids that were predicted.
        :param truth: likewise as they are; 255 is left out.
        """
        self.iou.add(labels, truth)
        said, true = (labels == LANE_MARKING) & (truth != UNLABELLED), truth == LANE_MARKING
        tolerance_px = _TOLERANCE_PX * truth.shape[1] / _REFERENCE_WIDTH
        self.said_near += int(np.count_nonzero(said & _within(true, tolerance_px)))
        self.said += int(np.count_nonzero(said))
        self.true_near += int(np.count_nonzero(true & _within(said, tolerance_px)))
        self.true += int(np.count_nonzero(true))

    def add_score(self, other: 'LaneScore') -> None:
        """Count the pictures of another score too."""
        for name in ('images', 'intersection', 'union'):
            setattr(self.iou, name, getattr(self.iou, name) + getattr(other.iou, name))
        for name in ('said_near', 'said', 'true_near', 'true'):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; 1 where there is no lane at all."""
        precision = self.said_near / self.said if self.said else 1.0
        recall = self.true_near / self.true if self.true else 1.0
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by the names that they have everywhere."""
        return {
            'measured': self.iou.images,
            'lane_iou': round(self.iou.value, 4),
            'lane_f1_3px': round(self.f1, 4),
        }


def _within(plane: np.ndarray, tolerance_px: float) -> np.ndarray:
    """Return where a pixel of ``plane`` is at most so far away (Euclidean), (H, W) bool."""
    if not plane.any():
        return np.zeros_like(plane)
    distance = cv2.distanceTransform((~plane).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance <= tolerance_px + 1e-4
