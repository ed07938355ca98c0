"""Accuracy-aware quantization: the layers that int8 hurts most go back to fp32, one by one."""

from collections.abc import Callable, Sequence

import numpy as np
from seg_node.engines import Engine
from seg_node.postprocess import decide
from training.quantization.measuring import agreement_counts, shares_of

#: Calibration frames that the search calibrates on and compares masks of.
FRAMES = 16


def layers_to_keep(
    ranked: Sequence[str],
    agreement_without: Callable[[Sequence[str]], float],
    enough: float,
    at_most: int,
) -> tuple[list[str], list[float]]:
    """
    Return the layers that are to stay in fp32, and the agreement after each step.

    :param ranked: names of layers, the most sensitive one first.
    :param agreement_without: agreement with fp32 when these layers are not quantized.
    :param enough: agreement from which on nothing more is given back.
    :param at_most: layers to give back.
    """
    kept: list[str] = []
    found = [agreement_without(kept)]
    for name in ranked[:at_most]:
        if found[-1] >= enough:
            break
        kept.append(name)
        found.append(agreement_without(kept))
    return kept, found


def lane_agreement(
    engine: Engine, expected: Sequence[np.ndarray], batches: Sequence[np.ndarray], threshold: float
) -> float:
    """
    Return the IoU of the lane pixels that an engine finds with those of fp32.

    :param expected: label ids (H, W) uint8 of fp32, a frame each.
    :param batches: uint8 (1, H, W, 3) BGR each.
    :param threshold: probability from which a pixel is lane marking.
    """
    counts = np.zeros(4, np.int64)
    for labels, batch in zip(expected, batches, strict=True):
        counts += agreement_counts(decide(engine.infer(batch)[0], threshold), labels)
    return shares_of(counts)['lane_iou']


def labels_of(engine: Engine, batches: Sequence[np.ndarray], threshold: float) -> list[np.ndarray]:
    """Return the label ids (H, W) uint8 of frames."""
    return [decide(engine.infer(batch)[0], threshold) for batch in batches]
