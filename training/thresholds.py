"""Choose the probability from which a pixel is lane marking."""

from collections.abc import Sequence

import numpy as np
from seg_node.labels import LANE_MARKING, UNLABELLED
from seg_node.postprocess import decide, OutputSpec
from torch import nn
from training.config import TrainConfig
from training.data.label_table import lane_id
from training.data.pairs import PairsFolder
from training.data.sampling import MixedSampler, TrainingSamples
from training.progress import track
from training.torch_segmenter import TorchSegmenter

THRESHOLDS = tuple(np.arange(0.2, 0.81, 0.05).round(2).tolist())


def choose_threshold(
    network: nn.Module,
    config: TrainConfig,
    folders: Sequence[PairsFolder],
    quiet: bool = True,
    draws: int = 400,
) -> float:
    """
    Return the threshold with the best lane IoU, mean over the sets that annotate lanes.

    Measured on augmented training samples that were never drawn: validation data would judge
    what was fitted to it, and plain training data are too easy (the network is surer of them than
    of any new road, which makes the best threshold too high for that).

    :param folders: the sources of ``config.train``, opened.
    :param draws: samples looked at.
    :return: the usual threshold where no source, or no label of the run, is lane marking.
    """
    judged = [place for place, folder in enumerate(folders) if folder.annotated[LANE_MARKING]]
    if not judged or lane_id(config.labels) != LANE_MARKING:
        return OutputSpec().lane_threshold
    segmenter = TorchSegmenter(network, config.input, OutputSpec())
    samples = TrainingSamples(folders, config.input, config.augment)
    weights = [source.weight for source in config.train]
    sampler = MixedSampler([len(folder) for folder in folders], weights, draws, config.seed)
    sampler.set_epoch(config.epochs)
    counts = np.zeros((len(folders), len(THRESHOLDS), 2))
    for draw in track(list(sampler), 'threshold', quiet):
        sample = samples[draw]
        scores = segmenter.batch_scores(sample['image'][None])[0].numpy()
        covers = folders[draw.source].covers[LANE_MARKING]
        counts[draw.source] += _overlaps(scores, sample['truth'].numpy(), covers)
    ious = [counts[place, :, 0] / np.maximum(1, counts[place, :, 1]) for place in judged]
    return THRESHOLDS[int(np.mean(ious, axis=0).argmax())]


def _overlaps(scores: np.ndarray, truth: np.ndarray, covers: np.ndarray) -> np.ndarray:
    """
    Return (thresholds, 2): intersection and union of lane pixels.

    :param covers: (classes,) bool, labels that a pixel marked as lane may truly be.
    """
    true, valid = truth == LANE_MARKING, truth != UNLABELLED
    result = []
    for value in THRESHOLDS:
        labels = decide(scores, value)
        said = (labels == LANE_MARKING) & valid | covers[labels] & true
        result.append((np.count_nonzero(said & true), np.count_nonzero(said | true)))
    return np.array(result)
