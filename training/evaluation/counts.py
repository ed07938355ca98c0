"""
Segmentation quality, pooled over a set: counts are added up first and divided last.

A picture without lane marking in truth and prediction adds nothing to the pooled counts, so it
neither helps nor harms; by itself, or where no picture of a set has any, 0/0 counts as 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from seg_node.labels import LANE_LABELS, LANE_MARKING
from seg_node.labels import ROAD as ROAD_ID
from training.data.label_table import LANE_NAMES

#: Names of the labels that have metrics of their own, whatever their ids are in a table.
LANE, ROAD = LANE_LABELS[LANE_MARKING].name, LANE_LABELS[ROAD_ID].name


@dataclass(frozen=True)
class SegmentationCounts:
    """
    Counts of pictures, or of bands of them; add them up, then read them with ``summary``.

    All arrays may have the same leading axes: bands, pictures, resamples of a bootstrap.

    :param labels: names by id.
    :param annotated: (classes,) bool, labels that the truth can judge.
    :param pixels: (..., classes, 3) true positive, false positive, false negative pixels, each
        label against all others: a set that annotates one label says nothing about confusions
        among the rest.
    :param right: (..., 2) pixels that are right, and all that are labelled.
    :param near: (..., 4) lane pixels, counted as ``seg_node.lane_f1.NearCounts`` does.
    :param boundary: (..., classes, 4) likewise the boundary pixels of regions.
    """

    labels: tuple[str, ...]
    annotated: np.ndarray
    pixels: np.ndarray
    right: np.ndarray
    near: np.ndarray
    boundary: np.ndarray

    @classmethod
    def stack(cls, counts: Sequence['SegmentationCounts']) -> 'SegmentationCounts':
        """Return several counts as one, with a new first axis."""
        return counts[0]._with(
            {name: np.stack([getattr(c, name) for c in counts]) for name in _ARRAYS}
        )

    def __add__(self, other: 'SegmentationCounts') -> 'SegmentationCounts':
        arrays = {name: getattr(self, name) + getattr(other, name) for name in _ARRAYS}
        return replace(self._with(arrays), annotated=self.annotated & other.annotated)

    def __getitem__(self, index: object) -> 'SegmentationCounts':
        """Return the part at an index of the leading axes."""
        return self._with({name: getattr(self, name)[index] for name in _ARRAYS})

    def sum(self, axis: int = 0) -> 'SegmentationCounts':
        """Add up over one of the leading axes."""
        return self._with({name: getattr(self, name).sum(axis=axis) for name in _ARRAYS})

    def weighted(self, weights: np.ndarray) -> 'SegmentationCounts':
        """
        Add up the pictures as often as the weights say.

        :param weights: (resamples, pictures), for counts whose only leading axis is pictures.
        """
        shares = weights.astype(np.float64)  # matrix products of integers are slow
        arrays = {name: np.tensordot(shares, getattr(self, name), 1) for name in _ARRAYS}
        return self._with(arrays)

    def _with(self, arrays: Mapping[str, np.ndarray]) -> 'SegmentationCounts':
        return SegmentationCounts(self.labels, self.annotated, **arrays)

    def iou(self, label: int) -> np.ndarray:
        """Return intersection over union of one label, (...); 1 where nobody saw any."""
        return ratio(self.pixels[..., label, 0], self.pixels[..., label, :].sum(axis=-1))

    def summary(self) -> dict[str, np.ndarray]:
        """Return the metrics that the annotation allows, by name, each (...)."""
        judged = {self.labels[i]: i for i in np.flatnonzero(self.annotated).tolist()}
        result: dict[str, np.ndarray] = {}
        if LANE in judged:
            result['lane_iou'] = self.iou(judged[LANE])
            precision, recall, f1 = near_metrics(self.near)
            result |= {'lane_f1_3px': f1, 'lane_precision': precision, 'lane_recall': recall}
        if ROAD in judged:
            result['road_iou'] = self.iou(judged[ROAD])
        ious = {name: self.iou(label) for name, label in judged.items()}
        if ious:  # sets pooled together may judge no label that all of them know
            result['mean_iou'] = np.mean(list(ious.values()), axis=0)
        result['accuracy'] = ratio(self.right[..., 0], self.right[..., 1])
        result |= {f'{n}_iou': iou for n, iou in ious.items() if n not in (LANE, ROAD)}
        result |= self._boundary_summary()
        return {name: np.asarray(value)[()] for name, value in result.items()}

    def _boundary_summary(self) -> dict[str, np.ndarray]:
        """Return F1 of boundaries where they were counted, of the road and of all regions."""
        if not self.boundary.any():
            return {}
        regions = regions_of(self.labels, self.annotated)
        scores = {self.labels[i]: near_metrics(self.boundary[..., i, :])[2] for i in regions}
        result = {'road_boundary_f1': scores[ROAD]} if ROAD in scores else {}
        if len(scores) > 1:
            result['boundary_f1'] = np.mean(list(scores.values()), axis=0)
        return result


_ARRAYS = ('pixels', 'right', 'near', 'boundary')


def pool(counts: Sequence[SegmentationCounts]) -> dict[str, float]:
    """Return the metrics of several pictures together."""
    total = counts[0]
    for count in counts[1:]:
        total = total + count
    return {name: float(value) for name, value in total.summary().items()}


def main_label(labels: Sequence[str], annotated: np.ndarray) -> int:
    """Return the label that a set is about: lane marking, else road, else the first it knows."""
    known = np.flatnonzero(annotated).tolist()
    for name in (LANE, ROAD):
        if name in labels and labels.index(name) in known:
            return labels.index(name)
    return int(known[0])


def regions_of(labels: Sequence[str], annotated: np.ndarray) -> list[int]:
    """Return labels whose boundaries mean something: no thin lines, and no rest of all others."""
    thin = (LANE, LANE_NAMES[0])
    return [i for i in np.flatnonzero(annotated).tolist() if labels[i] not in thin]


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, 1 where there is no whole."""
    one = np.ones(np.shape(whole))
    return np.divide(part, whole, out=one, where=np.asarray(whole) > 0)


def near_metrics(near: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    Return precision, recall and F1.

    :param near: (..., 4) as ``seg_node.lane_f1.NearCounts`` has them.
    """
    precision = ratio(near[..., 0], near[..., 1])
    recall = ratio(near[..., 2], near[..., 3])
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros(total.shape), where=total > 0)
    return precision, recall, f1
