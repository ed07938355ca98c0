"""``fusion``: what it is worth to keep normalisation and softmax inside the exported graph."""

import argparse
from collections.abc import Callable
import contextlib
import io
import logging
from pathlib import Path
import tempfile
import time
from typing import Any
import warnings

from bench.figures import percentiles_of
from bench.numbers import whole_from_one
from bench.options import add_engines_alone
from bench.pictures import road_pictures
from bench.results import percentile_cells, Table
from bench.waiting import counting
import numpy as np
from seg_node.bundle import ModelBundle
from seg_node.frame import Frame
from seg_node.postprocess import decide
from seg_node.preprocess import InputSpec, preprocess

_TURN = 11

#: uint8 (1, H, W, 3) BGR to label ids (H, W) uint8
Variant = Callable[[np.ndarray], np.ndarray]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    add_engines_alone(parser)
    parser.add_argument(
        '--frames', type=whole_from_one, default=200, help='of each variant, default: 200'
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure."""
    bundle = ModelBundle.load(options.bundle)
    manifest = bundle.manifest
    pictures = [Frame(picture) for picture in road_pictures(options.width, options.height)]
    batches = [preprocess(frame, manifest.input)[0] for frame in pictures]
    with tempfile.TemporaryDirectory() as temporary:
        variants = _variants(bundle, Path(temporary), options.threads)
    times: dict[str, list[float]] = {name: [] for name in variants}
    turns = max(1, options.frames // (_TURN - 1))
    with counting('turns', turns) as watch:
        for turn in range(turns):
            for name, variant in variants.items():
                times[name] += _turn(variant, batches)
            watch(turn + 1)
    return {'variants': {name: percentiles_of(values) for name, values in times.items()}}


def _turn(variant: Variant, batches: list[np.ndarray]) -> list[float]:
    """Time one turn of a variant in ms, without the first run, which finds cold caches."""
    times_ms = []
    for index in range(_TURN):
        start_s = time.perf_counter()
        variant(batches[index % len(batches)])
        times_ms.append((time.perf_counter() - start_s) * 1e3)
    return times_ms[1:]


def _variants(bundle: ModelBundle, folder: Path, threads: int) -> dict[str, Variant]:
    from bench.yardstick_node import load_network
    import torch
    from training.models.score_graph import Normalize, ScoreGraph

    class OperatorSoftmax(ScoreGraph):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            scores = torch.softmax(self.network(self.normalize(batch)), dim=1)
            return torch.floor(scores * 255 + 0.5).to(torch.uint8)

    network, spec = load_network(bundle), bundle.manifest.input
    threshold = bundle.manifest.output.lane_threshold
    uint8 = torch.zeros((1, spec.height, spec.width, 3), dtype=torch.uint8)
    floats = torch.zeros((1, 3, spec.height, spec.width))

    def session(graph: torch.nn.Module, example: torch.Tensor, name: str) -> Variant:
        return _session(graph.eval(), example, folder / f'{name}.onnx', threads)

    fused = session(ScoreGraph(network, spec), uint8, 'fused')
    operator = session(OperatorSoftmax(network, spec), uint8, 'operator')
    logits = session(torch.nn.Sequential(Normalize(spec), network), uint8, 'logits')
    bare = session(network, floats, 'bare')
    return {
        'all in the graph, softmax spelt out (what ships)': lambda batch: decide(
            fused(batch)[0], threshold
        ),
        'all in the graph, operator Softmax': lambda batch: decide(operator(batch)[0], threshold),
        'softmax in numpy': lambda batch: decide(_softmax(logits(batch))[0], threshold),
        'argmax of the logits in numpy (no threshold, no confidence)': lambda batch: (
            logits(batch)[0].argmax(axis=0).astype(np.uint8)
        ),
        'normalisation and softmax in numpy': lambda batch: decide(
            _softmax(bare(_normalize(batch, spec)))[0], threshold
        ),
    }


def _session(graph: Any, example: Any, path: Path, threads: int) -> Variant:
    """Export a graph and load it with the engine's own settings."""
    import onnxruntime
    from seg_node.engines.base import EngineSpec
    import torch

    logging.getLogger('torch.onnx').setLevel(logging.ERROR)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        torch.inference_mode(),
    ):
        warnings.simplefilter('ignore')
        torch.onnx.export(
            graph, (example,), str(path), dynamo=True, opset_version=18, verbose=False
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = EngineSpec(path, '', 0, 0, 0, threads=threads).thread_count
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    loaded = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    name = loaded.get_inputs()[0].name
    return lambda batch: loaded.run(None, {name: batch})[0]


def _normalize(batch: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Return float32 (1, 3, H, W) RGB of uint8 (1, H, W, 3) BGR."""
    values = batch[..., ::-1].astype(np.float32) / 255
    values = (values - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities (1, classes, H, W) uint8 of logits."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (raised / raised.sum(axis=1, keepdims=True) * 255 + 0.5).astype(np.uint8)


def tables(data: dict[str, Any]) -> list[Table]:
    """Tell what was measured."""
    rows = [[name, *percentile_cells(values)] for name, values in data['variants'].items()]
    notes = ["uint8 picture of the network's size in, label ids out; ONNX Runtime, in turns"]
    columns = ('ms', 'p50', 'p95', 'p99')
    return [Table('What stands in the graph, and what outside', columns, rows, notes)]
