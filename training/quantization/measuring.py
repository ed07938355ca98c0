"""What variants of one model do on validation sets, and how far they agree with fp32."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from seg_node.frame import Frame, Mask
from seg_node.labels import LANE_MARKING
from seg_node.preprocess import Placement
from training.data.pairs import PairsFolder
from training.engine_figures import name_of_set
from training.evaluation.bands import Bands
from training.evaluation.bootstrap import BootstrapConfig
from training.evaluation.counts import ratio
from training.evaluation.measure import measure_all
from training.evaluation.models import BundleSegmenter, MaskSource
from training.evaluation.results import set_results


class Agreement:
    """A model that counts how far its masks are those of another, which labels frames first."""

    def __init__(self, model: MaskSource, reference: 'Agreement | None' = None) -> None:
        """
        Wrap a model.

        :param reference: whose last mask each of this model's is compared with; None for itself.
        """
        self._model, self._reference = model, reference
        self.description, self.labels, self.output = model.description, model.labels, model.output
        self._last: np.ndarray | None = None
        self._counts = np.zeros(4, np.int64)  # same labels, pixels; lane in both, in either

    def mask(self, frame: Frame) -> Mask:
        """Return the frame's labels at the frame's size."""
        mask = self._model.mask(frame)
        self._last = mask.labels
        other = self._last if self._reference is None else self._reference._last
        assert other is not None, 'the reference labels every frame first'
        self._counts += agreement_counts(mask.labels, other)
        return mask

    def scores(self, frame: Frame) -> tuple[np.ndarray, Placement]:
        """Return (classes, height, width) uint8 of the network, and the frame's place in it."""
        return self._model.scores(frame)

    def take(self) -> dict[str, float]:
        """Return the agreement since the last call: of all pixels, and of the lane's."""
        found = shares_of(self._counts)
        self._counts = np.zeros(4, np.int64)
        return found


def agreement_counts(labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return pixels of the same label, all pixels, lane pixels in both and in either, (4,)."""
    lane, other_lane = labels == LANE_MARKING, others == LANE_MARKING
    return np.array([
        np.count_nonzero(labels == others), labels.size,
        np.count_nonzero(lane & other_lane), np.count_nonzero(lane | other_lane),
    ])  # fmt: skip


def shares_of(counts: np.ndarray) -> dict[str, float]:
    """Return agreement of pixels, and IoU of the lane pixels of both masks."""
    return {
        'pixels': round(float(ratio(counts[0], counts[1])), 5),
        'lane_iou': round(float(ratio(counts[2], counts[3])), 4),
    }


def measure_variants(
    models: Mapping[str, BundleSegmenter],
    folders: Sequence[PairsFolder],
    bootstrap: BootstrapConfig,
    quiet: bool,
) -> dict[str, list[dict[str, Any]]]:
    """
    Return what each set says of each variant: metrics, bands, and ``agreement`` with the first.

    :param models: by name; the first is the reference in fp32.
    """
    first, *others = models.values()
    reference = Agreement(first)
    watched = [reference, *(Agreement(model, reference) for model in others)]
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in models}
    for folder in folders:
        bands = Bands.of(folder)
        counts = measure_all(watched, [folder] * len(watched), bands, quiet)
        found = set_results([folder] * len(watched), counts, bands, bootstrap)
        for name, model, result in zip(models, watched, found, strict=True):
            results[name].append({'set': name_of_set(folder), **result, 'agreement': model.take()})
    return results
