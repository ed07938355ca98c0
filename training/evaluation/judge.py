"""What a data set can judge, and how one prediction fares before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from seg_node.labels import UNLABELLED
from seg_node.lane_f1 import tolerance_px
from training.data.label_table import LANE_NAMES
from training.data.pairs import PairsFolder
from training.evaluation.boundary import boundary_of, boundary_tolerance_px, near_planes
from training.evaluation.counts import LANE, regions_of, ROAD, SegmentationCounts


@dataclass(frozen=True)
class Judge:
    """
    Counts right and wrong pixels by the rules of one set.

    :param labels: names by id, of masks and predictions alike.
    :param annotated: (classes,) bool, labels that the truth can judge.
    :param covers: (classes, classes) bool; row: id in the truth, column: what such a pixel may
        be, so that either is right there; None lets each be itself.
    :param boundaries: whether boundaries are counted too, which takes longer.
    """

    annotated: np.ndarray
    covers: np.ndarray | None = None
    labels: tuple[str, ...] = LANE_NAMES
    boundaries: bool = False

    @classmethod
    def of(cls, folder: PairsFolder, boundaries: bool = False) -> 'Judge':
        """Return the judge of a set."""
        return cls(folder.annotated, folder.covers, folder.labels, boundaries)

    def count(
        self, predicted: np.ndarray, truth: np.ndarray, bounds: Sequence[int] | None = None
    ) -> SegmentationCounts:
        """
        Count one picture.

        :param predicted: (H, W) uint8 label ids.
        :param truth: (H, W) uint8 label ids; pixels with 255 are left out, predictions there
            included.
        :param bounds: first rows of bands from the top and, last, H: counts get a first axis of
            bands. None counts the whole picture, without that axis.
        """
        rows = _slices(bounds or (0, truth.shape[0]))
        predicted = self._as_judged(predicted)
        confusion = np.stack([self._confusion(predicted[r], truth[r]) for r in rows])
        counts = SegmentationCounts(
            self.labels,
            self.annotated,
            self._pixels(confusion),
            self._right(confusion),
            self._near(predicted, truth, rows),
            self._boundary(predicted, truth, rows),
        )
        return counts if bounds else counts[0]

    def _as_judged(self, predicted: np.ndarray) -> np.ndarray:
        # a set that knows no lane markings counts the paint as road, so a marking predicted there
        # is no fault
        if LANE in self.labels and ROAD in self.labels:
            lane, road = self.labels.index(LANE), self.labels.index(ROAD)
            if self.annotated[road] and not self.annotated[lane]:
                return np.where(predicted == lane, np.uint8(road), predicted)
        return predicted

    def _confusion(self, predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Return pixels by true and predicted id, (classes, classes) int64."""
        classes = len(self.labels)
        rows = np.where(truth == UNLABELLED, classes, truth).astype(np.uint16)
        pairs = rows * np.uint16(classes) + predicted.astype(np.uint16)
        table = np.bincount(pairs.ravel(), minlength=classes * (classes + 1))
        return table.reshape(classes + 1, classes)[:classes]

    @property
    def _forgiven(self) -> np.ndarray:
        """Which label may be predicted on which true one, (classes, classes) bool."""
        identity = np.eye(len(self.labels), dtype=bool)
        return identity if self.covers is None else self.covers | identity

    def _pixels(self, confusion: np.ndarray) -> np.ndarray:
        """Return true positives, false positives and false negatives, (bands, classes, 3)."""
        forgiven = self._forgiven
        hits = (confusion * forgiven).sum(axis=2)
        # a label predicted where the truth may be that label as well is no fault
        wrong = (confusion * ~forgiven).sum(axis=1)
        missed = confusion.sum(axis=2) - hits
        return np.stack([hits, wrong, missed], axis=-1) * self.annotated[:, None]

    def _right(self, confusion: np.ndarray) -> np.ndarray:
        """Return right and all pixels, (bands, 2); labels nobody annotated are one another's."""
        right = self._forgiven | np.logical_and.outer(~self.annotated, ~self.annotated)
        both = (confusion * right).sum(axis=(1, 2)), confusion.sum(axis=(1, 2))
        return np.stack(both, axis=-1)

    def _near(self, predicted: np.ndarray, truth: np.ndarray, rows: Sequence[slice]) -> np.ndarray:
        """Return the four counts of :class:`seg_node.lane_f1.NearCounts`, (bands, 4)."""
        if LANE not in self.labels or not self.annotated[self.labels.index(LANE)]:
            return np.zeros((len(rows), 4), np.int64)
        said, true = self.lane_planes(predicted, truth)
        return by_rows(near_planes(said, true, tolerance_px(truth.shape[1])), rows)

    def lane_planes(
        self, predicted: np.ndarray, truth: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return predicted and true lane pixels, (H, W) bool each."""
        return self._planes(self.labels.index(LANE), predicted, truth)

    def _planes(
        self, label: int, predicted: np.ndarray, truth: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        true = truth == label
        said = (predicted == label) & (truth != UNLABELLED)
        for other in np.flatnonzero(self._forgiven[label]).tolist():
            if other != label:
                said |= (predicted == other) & true
        return said, true

    def _boundary(
        self, predicted: np.ndarray, truth: np.ndarray, rows: Sequence[slice]
    ) -> np.ndarray:
        """Return near counts of boundaries, (bands, classes, 4); of regions only."""
        result = np.zeros((len(rows), len(self.labels), 4), np.int64)
        if not self.boundaries:
            return result
        unlabelled = truth == UNLABELLED
        reach_px = boundary_tolerance_px(truth.shape)
        for label in regions_of(self.labels, self.annotated):
            said, true = self._planes(label, predicted, truth)
            edges = boundary_of(said, unlabelled), boundary_of(true, unlabelled)
            result[:, label] = by_rows(near_planes(*edges, reach_px), rows)
        return result


def _slices(bounds: Sequence[int]) -> list[slice]:
    return [slice(top, end) for top, end in pairwise(bounds)]


def by_rows(planes: Sequence[np.ndarray], rows: Sequence[slice]) -> np.ndarray:
    """Return the set pixels of (H, W) planes in each band of rows, (bands, planes) int64."""
    return np.array([[np.count_nonzero(plane[r]) for plane in planes] for r in rows], np.int64)
