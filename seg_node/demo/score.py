"""How right lane masks are, pooled over the pictures of a drive."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from seg_node.labels import LANE_MARKING, UNLABELLED
from seg_node.lane_f1 import NearCounts
from seg_node.segment_summary import LaneIou


@dataclass
class LaneScore:
    """IoU of lane marking, and the F1 of lane pixels that forgives three pixels."""

    iou: LaneIou = field(default_factory=LaneIou)
    near: NearCounts = field(default_factory=NearCounts)

    def add(self, labels: np.ndarray, truth: np.ndarray) -> None:
        """
        Count one picture.

        :param labels: (H, W) uint8 label ids that were predicted.
        :param truth: likewise as they are; 255 is left out.
        """
        self.iou.add(labels, truth)
        said, true = (labels == LANE_MARKING) & (truth != UNLABELLED), truth == LANE_MARKING
        self.near += NearCounts.of(said, true)

    def add_score(self, other: 'LaneScore') -> None:
        """Count the pictures of another score too."""
        for name in ('images', 'intersection', 'union'):
            setattr(self.iou, name, getattr(self.iou, name) + getattr(other.iou, name))
        self.near += other.near

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by the names that they have everywhere."""
        return {
            'measured': self.iou.images,
            'lane_iou': round(self.iou.value, 4),
            'lane_f1_3px': round(self.near.f1, 4),
        }
