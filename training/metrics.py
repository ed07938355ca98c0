"""
Segmentation quality, pooled over a set: counts are added up first and divided last.

A picture without lane marking in truth and prediction adds nothing to the pooled counts, so it
neither helps nor harms; by itself, or where no picture of a set has any, 0/0 counts as 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from seg_node.labels import LANE_LABELS, LANE_MARKING, ROAD, UNLABELLED
from seg_node.lane_f1 import NearCounts


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 1.0


@dataclass
class SegmentationCounts:
    """Counts of one or more pictures; add them with ``+``, read them with ``summary``."""

    annotated: np.ndarray  # (classes,) bool
    #: (classes, 3) true positive, false positive, false negative pixels, each label against all
    #: others: a set that annotates one label says nothing about confusions among the rest
    pixels: np.ndarray = field(default_factory=lambda: np.zeros((len(LANE_LABELS), 3), np.int64))
    near: NearCounts = field(default_factory=NearCounts)

    @classmethod
    def of(
        cls, predicted: np.ndarray, truth: np.ndarray, annotated: np.ndarray
    ) -> 'SegmentationCounts':
        """
        Count one picture.

        :param predicted: (H, W) uint8 label ids.
        :param truth: (H, W) uint8 label ids; pixels with 255 are left out, predictions there
            included.
        :param annotated: (classes,) bool, labels that the truth can judge.
        """
        valid = truth != UNLABELLED
        counts = cls(annotated)
        for label in np.flatnonzero(annotated).tolist():
            said, true = _is_label(predicted, label, annotated) & valid, truth == label
            hits = np.count_nonzero(said & true)
            counts.pixels[label] = (
                hits, np.count_nonzero(said) - hits, np.count_nonzero(true) - hits
            )  # fmt: skip
        if annotated[LANE_MARKING]:
            said, true = (predicted == LANE_MARKING) & valid, truth == LANE_MARKING
            counts.near = NearCounts.of(said, true)
        return counts

    def __add__(self, other: 'SegmentationCounts') -> 'SegmentationCounts':
        return SegmentationCounts(
            self.annotated & other.annotated, self.pixels + other.pixels, self.near + other.near
        )

    def iou(self, label: int) -> float:
        """Return intersection over union of one label; 1 where nobody saw any."""
        return _ratio(self.pixels[label, 0], self.pixels[label].sum())

    def summary(self) -> dict[str, float]:
        """Return the metrics that the annotation allows, by name."""
        result: dict[str, float] = {}
        if self.annotated[LANE_MARKING]:
            result['lane_iou'] = self.iou(LANE_MARKING)
            result['lane_f1_3px'] = self.near.f1
            result['lane_precision'] = self.near.precision
            result['lane_recall'] = self.near.recall
        if self.annotated[ROAD]:
            result['road_iou'] = self.iou(ROAD)
        labels = np.flatnonzero(self.annotated).tolist()
        result['mean_iou'] = float(np.mean([self.iou(label) for label in labels]))
        return result


def pool(counts: Sequence[SegmentationCounts]) -> dict[str, float]:
    """Return the metrics of several pictures together."""
    total = counts[0]
    for count in counts[1:]:
        total = total + count
    return total.summary()


def _is_label(predicted: np.ndarray, label: int, annotated: np.ndarray) -> np.ndarray:
    # a set that knows no lane markings counts the paint as road, so a marking predicted there
    # is no fault
    if label == ROAD and not annotated[LANE_MARKING]:
        return (predicted == ROAD) | (predicted == LANE_MARKING)
    return predicted == label
