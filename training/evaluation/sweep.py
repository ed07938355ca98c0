"""What every threshold of lane marking would give, and whether the probabilities are honest."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from seg_node.frame import Frame
from seg_node.labels import LANE_MARKING, UNLABELLED
from seg_node.lane_f1 import tolerance_px, within
from seg_node.postprocess import OutputSpec, postprocess
from training.data.pairs import PairsFolder
from training.evaluation.counts import LANE, near_metrics, ratio
from training.evaluation.judge import Judge
from training.evaluation.models import MaskSource
from training.progress import track

THRESHOLDS = tuple(np.arange(0.05, 0.96, 0.05).round(2).tolist())
_RELIABILITY_BINS = 10


@dataclass(frozen=True)
class Sweep:
    """
    Counts of a set at every threshold.

    :param near: (thresholds, 4) as ``seg_node.lane_f1.NearCounts`` has them.
    :param overlap: (thresholds, 2) intersection and union of lane pixels.
    :param by_score: (256, 2) labelled pixels, and those that truly are lane, by score.
    """

    near: np.ndarray
    overlap: np.ndarray
    by_score: np.ndarray

    def as_dict(self, threshold: float) -> dict[str, Any]:
        """
        Return the curve and the reliability as plain values.

        :param threshold: of the model itself.
        """
        precision, recall, f1 = near_metrics(self.near)
        columns = {
            'threshold': np.array(THRESHOLDS),
            'lane_iou': ratio(self.overlap[:, 0], self.overlap[:, 1]),
            'lane_f1_3px': f1,
            'lane_precision': precision,
            'lane_recall': recall,
        }
        rows = [
            {name: round(float(values[i]), 4) for name, values in columns.items()}
            for i in range(len(THRESHOLDS))
        ]
        best = max(rows, key=lambda row: row['lane_iou'])
        return {
            'chosen': threshold,
            'best': best['threshold'],
            'rows': rows,
            'reliability': reliability(self.by_score),
        }


def sweep(model: MaskSource, folder: PairsFolder, quiet: bool = True) -> Sweep | None:
    """
    Decide every picture at every threshold, by the node's own rule.

    :return: None for a set or a model without lane markings.
    """
    if LANE not in folder.labels or folder.labels.index(LANE) != LANE_MARKING:
        return None
    if not folder.annotated[LANE_MARKING]:
        return None
    judge = Judge.of(folder)
    near = np.zeros((len(THRESHOLDS), 4), np.int64)
    overlap = np.zeros((len(THRESHOLDS), 2), np.int64)
    by_score = np.zeros((256, 2), np.int64)
    for index in track(range(len(folder)), f'thresholds {folder.source.path}', quiet):
        image, truth = folder.read(index)
        frame = Frame(image)
        scores, placement = model.scores(frame)
        reach_px = tolerance_px(truth.shape[1])
        true = truth == LANE_MARKING
        near_truth = within(true, reach_px)
        for place, threshold in enumerate(THRESHOLDS):
            spec = OutputSpec(lane_threshold=threshold)
            labels = postprocess(scores, placement, frame, spec, with_confidence=False).labels
            said, _ = judge.lane_planes(labels, truth)
            planes = (said & near_truth, said, true & within(said, reach_px), true)
            near[place] += [np.count_nonzero(plane) for plane in planes]
            overlap[place] += [np.count_nonzero(said & true), np.count_nonzero(said | true)]
        by_score += _by_score(placement.crop(scores)[LANE_MARKING], truth)
    return Sweep(near, overlap, by_score)


def _by_score(plane: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return labelled and truly lane pixels by the score of lane marking, (256, 2)."""
    height, width = truth.shape
    if plane.shape != truth.shape:
        plane = cv2.resize(plane, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    every = np.bincount(plane[truth != UNLABELLED], minlength=256)
    lane = np.bincount(plane[truth == LANE_MARKING], minlength=256)
    return np.stack([every, lane], axis=1)


def reliability(by_score: np.ndarray) -> dict[str, Any]:
    """
    Return how often lane marking is true where the network says so with some probability.

    :param by_score: (256, 2) labelled pixels, and those that truly are lane, by score.
    :return: ten bins, and the expected calibration error (Guo et al. 2017,
        https://arxiv.org/abs/1706.04599): the mean distance of both, weighted by pixels.
    """
    scores = np.arange(256) / 255
    place = np.minimum((scores * _RELIABILITY_BINS).astype(int), _RELIABILITY_BINS - 1)
    pixels = np.bincount(place, by_score[:, 0], _RELIABILITY_BINS)
    said = np.bincount(place, by_score[:, 0] * scores, _RELIABILITY_BINS)
    true = np.bincount(place, by_score[:, 1], _RELIABILITY_BINS)
    held = pixels > 0
    error = float(np.abs(said - true)[held].sum() / max(1, pixels.sum()))
    bins = [
        {'said': round(s / n, 4), 'true': round(t / n, 4), 'pixels': int(n)}
        for s, t, n in zip(said[held], true[held], pixels[held], strict=True)
    ]
    return {'expected_calibration_error': round(error, 4), 'bins': bins}
