"""Segment with a torch network through the node's own pre- and post-processing."""

from collections.abc import Sequence

import numpy as np
from seg_node.frame import Frame, Mask
from seg_node.labels import LANE_MARKING
from seg_node.postprocess import OutputSpec, postprocess
from seg_node.preprocess import InputSpec, Placement, preprocess
import torch
from torch import nn
from training.data.label_table import lane_id, LANE_NAMES
from training.models.score_graph import ScoreGraph


class TorchSegmenter:
    """What ``seg_node.segmenter.Segmenter`` is to a bundle, for a network being trained."""

    def __init__(
        self,
        network: nn.Module,
        spec: InputSpec,
        output: OutputSpec,
        labels: Sequence[str] = LANE_NAMES,
    ) -> None:
        """
        Join a network and its settings.

        :param labels: names by id. The node's rule gives id 1 to lane markings from a probability
            on; where id 1 is something else, the label with the highest probability wins.
        """
        self._device = next(network.parameters()).device
        self._graph = ScoreGraph(network, spec).to(self._device)
        self._spec, self.output = spec, output
        self.labels = tuple(labels)
        self.description = 'torch'

    def batch_scores(self, batch: torch.Tensor) -> torch.Tensor:
        """Return (N, classes, H, W) uint8 of uint8 (N, H, W, 3) BGR; leaves the mode alone."""
        with torch.inference_mode():
            return self._graph(batch.to(self._device)).cpu()

    def scores(self, frame: Frame) -> tuple[np.ndarray, Placement]:
        """Return (classes, height, width) uint8 of the network, and the frame's place in it."""
        batch, placement = preprocess(frame, self._spec)
        return self.batch_scores(torch.from_numpy(batch)).numpy()[0], placement

    def mask(self, frame: Frame) -> Mask:
        """Return the frame's mask at the frame's size, without confidence."""
        scores, placement = self.scores(frame)
        if not self._has_lanes:
            scores = _without_threshold(scores)
        return postprocess(scores, placement, frame, self.output, with_confidence=False)

    @property
    def _has_lanes(self) -> bool:
        return lane_id(self.labels) == LANE_MARKING


def _without_threshold(scores: np.ndarray) -> np.ndarray:
    """Return scores of which any threshold makes the label that is the best of these."""
    others = np.delete(scores, LANE_MARKING, axis=0).max(axis=0)
    decided = scores.copy()
    decided[LANE_MARKING] = np.where(scores[LANE_MARKING] > others, 255, 0)
    return decided
