"""Segment with a torch network through the node's own pre- and post-processing."""

from seg_node.frame import Frame, Mask
from seg_node.postprocess import OutputSpec, postprocess
from seg_node.preprocess import InputSpec, preprocess
import torch
from torch import nn
from training.models.score_graph import ScoreGraph


class TorchSegmenter:
    """What ``seg_node.segmenter.Segmenter`` is to a bundle, for a network being trained."""

    def __init__(self, network: nn.Module, spec: InputSpec, output: OutputSpec) -> None:
        self._device = next(network.parameters()).device
        self._graph = ScoreGraph(network, spec).to(self._device)
        self._spec, self._output = spec, output
        self.description = 'torch'

    def scores(self, batch: torch.Tensor) -> torch.Tensor:
        """Return (N, classes, H, W) uint8 of uint8 (N, H, W, 3) BGR; leaves the mode alone."""
        with torch.inference_mode():
            return self._graph(batch.to(self._device)).cpu()

    def mask(self, frame: Frame) -> Mask:
        """Return the frame's mask at the frame's size, without confidence."""
        batch, placement = preprocess(frame, self._spec)
        scores = self.scores(torch.from_numpy(batch)).numpy()
        return postprocess(scores[0], placement, frame, self._output, with_confidence=False)
