"""The files of an adapter in a bundle: to run, to fine-tune from, and proven to be the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from seg_node.bundle import describe_file, WeightFile
from seg_node.preprocess import InputSpec
import torch
from torch import nn
from training.base_model import BaseModel
from training.engine_figures import ENGINES
from training.errors import ExportError
from training.lora.config import LoraConfig
from training.lora.files import load_adapter, save_adapter
from training.lora.fingerprint import weights_sha256
from training.merge_gate import check_finite, fold_checked
from training.models.score_graph import ScoreGraph
from training.onnx_graph import write_onnx

_FORMATS = {'.json': 'json', '.safetensors': 'safetensors'}


@dataclass(frozen=True)
class AdapterFiles:
    """An adapter, written to a folder that is to become a bundle."""

    files: tuple[WeightFile, ...]  # the first one is the graph to run
    reference: ScoreGraph  # base and adapter as read back from the files, unmerged
    merge_difference: float | None  # of a probability; None where it could not be folded

    @property
    def weights_bytes(self) -> int:
        """What the adapter itself takes, without the graph that it is ready to run in."""
        return sum(file.size_bytes for file in self.files if file.format == 'safetensors')

    @property
    def graph_bytes(self) -> int:
        """What the graph takes: the whole model with the adapter folded in."""
        return self.files[0].size_bytes


def write_adapter(
    staged: Path,
    name: str,
    base: BaseModel,
    network: nn.Module,
    config: LoraConfig,
    batches: Sequence[np.ndarray],
) -> AdapterFiles:
    """
    Write ``adapters/NAME/``: settings, weights, batch norms, and the graph to run.

    What is exported, and what the engines are compared with, is the network as read back from
    these files: if they lost anything, nothing is shipped.

    :param staged: the folder that is to become the bundle.
    :param network: the base with the adapter attached and trained.
    :param batches: real frames, uint8 (1, H, W, 3) BGR each.
    :raises ExportError: when the weights are no numbers, the files give back another network, or
        folding changes what it computes.
    """
    check_finite(network)
    folder = staged / 'adapters' / name
    folder.mkdir(parents=True)
    again = base.build()
    save_adapter(folder, network, config, weights_sha256(again))
    load_adapter(folder, again)
    spec = base.bundle.manifest.input
    reference = ScoreGraph(again.eval(), spec).eval()
    _check_same(ScoreGraph(network, spec).eval(), reference, batches)
    shipped, merge_difference = fold_checked(reference, batches)
    saved = sorted(path.name for path in folder.iterdir())
    _write_graph(shipped, spec, folder / 'model.onnx', f'{base.bundle.manifest.name} {name}')
    place = f'adapters/{name}'
    graph = describe_file(
        staged, f'{place}/model.onnx', format='onnx', precision='fp32', engines=ENGINES
    )
    others = (
        describe_file(
            staged, f'{place}/{file}', format=_FORMATS[Path(file).suffix], precision='fp32'
        )
        for file in saved
    )
    return AdapterFiles((graph, *others), reference, merge_difference)


def _write_graph(graph: ScoreGraph, spec: InputSpec, path: Path, name: str) -> None:
    write_onnx(graph, (1, spec.height, spec.width, 3), path, name)


def _check_same(trained: ScoreGraph, again: ScoreGraph, batches: Sequence[np.ndarray]) -> None:
    for batch in batches:
        with torch.inference_mode():
            expected, found = (graph(torch.from_numpy(batch)) for graph in (trained, again))
        if not torch.equal(expected, found):
            raise ExportError(
                "the adapter's files give back another network than was trained: a score differs "
                f'by {int((expected.int() - found.int()).abs().max())} of 255; nothing was '
                'written. Was the base bundle changed since the run began? Adapt again'
            )
