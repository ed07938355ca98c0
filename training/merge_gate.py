"""
The gate before every artefact: what is shipped computes what was trained, or nothing is shipped.

The network as it was trained, adapters unmerged, is the one reference. Folding the adapters into
plain weights, the exported graph in every engine: each is compared with it, on real frames.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from seg_node.engines import Engine
import torch
from torch import nn
from training.errors import ExportError
from training.lora.inject import fold
from training.models.score_graph import channel_softmax, ScoreGraph
from training.runs import can_fold

#: Most that a score (0-255) may differ between torch and an engine, and the share of pixels
#: whose label must agree.
SCORE_TOLERANCE, LABEL_AGREEMENT = 1, 0.9999
#: Most that a probability may differ after the adapters were folded in: both sides are torch in
#: fp32, and only the order of additions differs.
MERGE_TOLERANCE = 1e-4


def check_finite(network: nn.Module) -> None:
    """
    Refuse weights that are no numbers.

    :raises ExportError: naming the first one.
    """
    for name, value in network.state_dict().items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise ExportError(
                f'{name} holds NaN or infinity: the training went wrong; train again with a '
                'lower --optimizer.learning_rate'
            )


def fold_checked(
    trained: ScoreGraph, batches: Sequence[np.ndarray]
) -> tuple[ScoreGraph, float | None]:
    """
    Fold the adapters of a network into plain weights, and prove that it computes the same.

    :param trained: in evaluation mode, adapters unmerged; left as it is.
    :param batches: uint8 (1, H, W, 3) BGR each.
    :return: the graph to ship, and the largest difference of a probability; ``trained`` itself
        and None where there is nothing to fold, or a Conv-LoRA that cannot be folded and is
        shipped with its experts.
    :raises ExportError: when folding changes what the network computes.
    """
    if not can_fold(trained.network):
        return trained, None
    folded = ScoreGraph(fold(trained.network), trained.spec).eval()
    return folded, check_merge(trained, folded, batches)


def check_merge(trained: ScoreGraph, folded: ScoreGraph, batches: Sequence[np.ndarray]) -> float:
    """
    Compare a network whose adapters are folded in with the network as it was trained.

    :param trained: in evaluation mode, adapters unmerged.
    :param folded: in evaluation mode, without adapters.
    :param batches: uint8 (1, H, W, 3) BGR each.
    :return: largest difference of a probability.
    :raises ExportError: when it is more than rounding.
    """
    largest = 0.0
    for batch in batches:
        expected, found = (_probabilities(graph, batch) for graph in (trained, folded))
        largest = max(largest, float((found - expected).abs().max()))
    if not largest <= MERGE_TOLERANCE:
        raise ExportError(
            f'folding the adapter changes what the network computes: a probability differs by '
            f'{largest:.2g} (allowed {MERGE_TOLERANCE:g}); nothing was written. Train again with '
            'a smaller --lora.alpha'
        )
    return largest


def _probabilities(graph: ScoreGraph, batch: np.ndarray) -> torch.Tensor:
    with torch.inference_mode():
        return channel_softmax(graph.network(graph.normalize(torch.from_numpy(batch))).float())


def check_parity(
    graph: nn.Module, engines: Mapping[str, Engine], batches: Sequence[np.ndarray]
) -> dict[str, int]:
    """
    Compare engines with torch, pixel by pixel.

    :param graph: the ``ScoreGraph`` as it was trained, in evaluation mode.
    :param engines: by name, running the exported file in fp32.
    :param batches: uint8 (1, H, W, 3) BGR each.
    :return: largest difference of a score (0-255) by engine.
    :raises ExportError: when an engine is off by more than rounding.
    """
    largest = dict.fromkeys(engines, 0)
    agreeing = dict.fromkeys(engines, 0)
    pixels = 0
    for batch in batches:
        with torch.inference_mode():
            expected = graph(torch.from_numpy(batch)).numpy()
        pixels += expected[:, 0].size
        for name, engine in engines.items():
            scores = engine.infer(batch)
            difference = np.abs(scores.astype(np.int16) - expected).max()
            largest[name] = max(largest[name], int(difference))
            agreeing[name] += int((scores.argmax(axis=1) == expected.argmax(axis=1)).sum())
    for name in engines:
        agreement = agreeing[name] / pixels
        if largest[name] > SCORE_TOLERANCE or agreement < LABEL_AGREEMENT:
            raise ExportError(
                f'{name} does not compute what torch does: scores differ by up to '
                f'{largest[name]} of 255 (allowed {SCORE_TOLERANCE}), labels agree on '
                f'{agreement:.3%} of the pixels (needed {LABEL_AGREEMENT:.2%}); nothing was '
                'written. Try another version of torch or of the engine'
            )
    return largest
