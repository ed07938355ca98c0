"""Run folders: what a training leaves behind, and how the other verbs read it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
import json
from pathlib import Path
import pickle
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from seg_node.bundle import MANIFEST, ModelBundle
import torch
from torch import nn
from training.command_line import from_plain
from training.config import TrainConfig
from training.errors import ConfigError
from training.lora.inject import adapters, attach, fold
from training.models.unet import UNet, UNetConfig

#: Files of a run folder.
LAST, BEST, FACTS = 'last.ckpt', 'best.ckpt', 'run.json'
#: Folder of the metrics by epoch: log/version_N/metrics.csv, one version for each start.
LOGS = 'log'
#: Weights to fine-tune from, in a bundle.
BUNDLE_WEIGHTS = 'model.safetensors'
_PREFIX = 'network.'  # of the network's weights inside a Lightning checkpoint
_DAMAGED = (
    pickle.UnpicklingError, SafetensorError, OSError, RuntimeError, LookupError, EOFError,
    ValueError, TypeError,
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A finished (or interrupted) training and its network, ready to predict."""

    checkpoint: Path
    config: TrainConfig
    facts: dict[str, Any]  # run.json: config, data with hashes, commit, metrics
    network: nn.Module

    @classmethod
    def load(cls, path: Path, folded: bool = True) -> 'Run':
        """
        Read a run.

        :param path: the run's folder, for its best checkpoint, or a checkpoint in one.
        :param folded: return an adapted network as a plain one, whose weights hold the change
            (a Conv-LoRA that looks at the picture cannot be folded and stays attached); False
            leaves every adapter attached and apart from its base.
        :raises ConfigError: when there is none, or it is damaged.
        """
        checkpoint = weights_path(path)
        facts_path = facts_path_of(checkpoint)
        if not checkpoint.is_file() or not facts_path.is_file():
            raise ConfigError(
                f'no training run at {path}: a run folder has {BEST} and {FACTS}; '
                'make one with python -m training train'
            )
        facts = read_facts(facts_path)
        config = from_plain(TrainConfig, facts['config'], str(facts_path))
        network: nn.Module = UNet(config.network)
        if config.lora.kind != 'none':
            attach(network, config.lora)
        load_into(network, checkpoint)
        network.eval()
        if folded and can_fold(network):
            network = fold(network)
        return cls(checkpoint, config, facts, network.eval())


def can_fold(network: nn.Module) -> bool:
    """Return whether a network has adapters, all of which are a change of the weights."""
    attached = adapters(network)
    try:
        for adapter in attached.values():
            adapter.delta_weight()
    except ConfigError:
        return False
    return bool(attached)


def weights_path(path: Path) -> Path:
    """Return the weights of a bundle folder or of a run folder's best; other paths as they are."""
    if not path.is_dir():
        return path
    return path / (BUNDLE_WEIGHTS if (path / MANIFEST).is_file() else BEST)


def facts_path_of(checkpoint: Path) -> Path:
    """Return where the run of a checkpoint states itself."""
    folder = checkpoint.parent
    return (folder if (folder / FACTS).is_file() else folder.parent) / FACTS


def read_facts(path: Path) -> dict[str, Any]:
    """
    Return what a run states about itself.

    :raises ConfigError: when the file is damaged.
    """
    try:
        facts = json.loads(path.read_text(encoding='utf-8'))
        facts['config'].items()
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError
    ) as error:  # fmt: skip
        raise ConfigError(f'{path} is damaged ({error}): train again') from error
    return facts


def bundle_shape(folder: Path) -> UNetConfig:
    """
    Return the shape of the network that a bundle states.

    :raises SegNodeError: when the bundle is damaged or holds another kind of network.
    """
    manifest = ModelBundle.load(folder).manifest
    shape = dict(manifest.network)
    kind = shape.pop('kind', None)
    if kind != 'unet':
        raise ConfigError(f'{folder} holds a network of kind {kind}: training knows unet')
    return from_plain(UNetConfig, shape, str(folder / MANIFEST))


def starting_shape(config: TrainConfig) -> TrainConfig:
    """Return the settings with the network shape of the bundle that they start from, if any."""
    start = config.init_from
    if start is None or not (start / MANIFEST).is_file():
        return config
    return replace(config, network=bundle_shape(start))


def initial_weights(path: Path) -> Mapping[str, torch.Tensor]:
    """
    Return the weights to start from; those of an adapted run with its adapter folded in.

    :param path: a run folder, a checkpoint in one, a bundle folder, or ``*.safetensors``.
    :raises ConfigError: when there are none, or they are damaged.
    """
    checkpoint = weights_path(path)
    facts_path = facts_path_of(checkpoint)
    if checkpoint.suffix == '.ckpt' and facts_path.is_file():
        kind = read_facts(facts_path)['config'].get('lora', {}).get('kind', 'none')
        if kind != 'none':
            return Run.load(path).network.state_dict()
    return read_weights(checkpoint)


def load_into(network: nn.Module, path: Path) -> None:
    """
    Give a network the weights of a run or a file.

    :raises ConfigError: when they belong to a network of another shape.
    """
    fill(network, read_weights(weights_path(path)), path)


def fill(network: nn.Module, weights: Mapping[str, torch.Tensor], path: Path) -> None:
    """
    Give a network weights that were read from ``path``.

    :raises ConfigError: naming the first key that differs, and both shapes.
    """
    if difference := _difference(network.state_dict(), weights):
        raise ConfigError(
            f'{path} holds weights of another network shape: {difference}; use the --network '
            'settings that it was trained with'
        )
    network.load_state_dict(weights)


def _difference(
    expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]
) -> str | None:
    for name, tensor in expected.items():
        if name not in found:
            return f'{name} is {list(tensor.shape)} here and missing there'
        if found[name].shape != tensor.shape:
            return f'{name} is {list(tensor.shape)} here and {list(found[name].shape)} there'
    extra = sorted(found.keys() - expected.keys())
    return f'{extra[0]} is {list(found[extra[0]].shape)} there and missing here' if extra else None


def read_weights(checkpoint: Path) -> Mapping[str, torch.Tensor]:
    """
    Return a network's weights, without unpickling code.

    :param checkpoint: of a run here (the averaged weights are taken), or ``*.safetensors``.
    :raises ConfigError: when the file is no such thing.
    """
    if not checkpoint.is_file():
        raise ConfigError(
            f'no weights at {checkpoint}: name a run folder, a bundle folder or a file of weights'
        )
    try:
        if checkpoint.suffix == '.safetensors':
            return load_file(checkpoint)
        content = torch.load(checkpoint, map_location='cpu', weights_only=True)
        state = dict(dict(content)['state_dict'])
    except _DAMAGED as error:
        raise ConfigError(
            f'{checkpoint} holds no weights of a training here, or is damaged: '
            'resume the run or train again'
        ) from error
    return {
        name.removeprefix(_PREFIX): value
        for name, value in state.items()
        if name.startswith(_PREFIX)
    }
