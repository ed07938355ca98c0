"""Write a network as an ONNX file."""

from collections.abc import Iterator
import contextlib
import io
import logging
from pathlib import Path
import warnings

import onnx
import torch
from torch import nn

#: Old enough for every engine, and nothing newer is needed.
OPSET = 18


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
