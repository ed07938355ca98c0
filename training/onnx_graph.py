"""Write a network as an ONNX file, and prove that it still computes the same."""

from collections.abc import Iterator, Mapping, Sequence
import contextlib
import io
import logging
from pathlib import Path
import warnings

import numpy as np
import onnx
from seg_node.engines import Engine
import torch
from torch import nn
from training.errors import ExportError

#: Old enough for every engine, and nothing newer is needed.
OPSET = 18
#: Most that a score (0-255) may differ between torch and an engine, and the share of pixels
#: whose label must agree.
SCORE_TOLERANCE, LABEL_AGREEMENT = 1, 0.9999


def write_onnx(
    graph: nn.Module, batch_shape: tuple[int, int, int, int], path: Path, name: str
) -> None:
    """
    Export a ``ScoreGraph``.

    :param graph: in evaluation mode.
    :param batch_shape: (1, H, W, 3), fixed in the file so that engines can plan memory.
    :param path: the file; weights are inside it.
    :param name: of the bundle, stored as metadata.
    """
    batch = torch.zeros(batch_shape, dtype=torch.uint8)
    with _silence(), torch.inference_mode():
        program = torch.onnx.export(
            graph,
            (batch,),
            input_names=['frame'],
            output_names=['scores'],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    onnx.helper.set_model_props(model, {'bundle': name, 'producer': 'seg_node training'})
    for node in model.graph.node:
        # stack traces of the exporting machine: noise, and its paths
        del node.metadata_props[:]
        node.doc_string = ''
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the exporter from printing progress and warning about its own internals."""
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter('ignore')
        try:
            yield
        finally:
            logger.setLevel(level)


def check_parity(
    graph: nn.Module, engines: Mapping[str, Engine], batches: Sequence[np.ndarray]
) -> dict[str, int]:
    """
    Compare engines with torch, pixel by pixel.

    :param graph: the ``ScoreGraph`` that was exported, in evaluation mode.
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
