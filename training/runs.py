"""Run folders: what a training leaves behind, and how the other verbs read it."""

from collections.abc import Mapping
from dataclasses import dataclass
import json
from pathlib import Path
import pickle
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
import torch
from torch import nn
from training.command_line import from_plain
from training.config import TrainConfig
from training.errors import ConfigError
from training.models.unet import UNet

#: Files of a run folder.
LAST, BEST, FACTS = 'last.ckpt', 'best.ckpt', 'run.json'
#: Folder of the metrics by epoch: log/version_N/metrics.csv, one version for each start.
LOGS = 'log'
_PREFIX = 'network.'  # of the network's weights inside a Lightning checkpoint


@dataclass(frozen=True)
class Run:
    """A finished (or interrupted) training and its network, ready to predict."""

    checkpoint: Path
    config: TrainConfig
    facts: dict[str, Any]  # run.json: config, data with hashes, commit, metrics
    network: nn.Module

    @classmethod
    def load(cls, path: Path) -> 'Run':
        """
        Read a run.

        :param path: the run's folder, for its best checkpoint, or a checkpoint in one.
        :raises ConfigError: when there is none, or it is damaged.
        """
        checkpoint = weights_path(path)
        facts_path = checkpoint.parent / FACTS
        if not checkpoint.is_file() or not facts_path.is_file():
            raise ConfigError(
                f'no training run at {path}: a run folder has {BEST} and {FACTS}; '
                'make one with python -m training train'
            )
        facts = json.loads(facts_path.read_text(encoding='utf-8'))
        config = from_plain(TrainConfig, facts['config'], str(facts_path))
        network = UNet(config.network)
        load_into(network, checkpoint)
        return cls(checkpoint, config, facts, network.eval())


def weights_path(path: Path) -> Path:
    """Return the best checkpoint of a run folder; any other path as it is."""
    return path / BEST if path.is_dir() else path


def load_into(network: nn.Module, path: Path) -> None:
    """
    Give a network the weights of a run or a file.

    :raises ConfigError: when they belong to a network of another shape.
    """
    try:
        network.load_state_dict(read_weights(weights_path(path)))
    except RuntimeError as error:
        raise ConfigError(
            f'{path} holds weights of another network shape: use the --network settings that '
            'it was trained with'
        ) from error


def read_weights(checkpoint: Path) -> Mapping[str, torch.Tensor]:
    """
    Return a network's weights, without unpickling code.

    :param checkpoint: of a run here (the averaged weights are taken), or ``*.safetensors``.
    :raises ConfigError: when the file is no such thing.
    """
    if not checkpoint.is_file():
        raise ConfigError(f'no weights at {checkpoint}: name a run folder or a file of weights')
    try:
        if checkpoint.suffix == '.safetensors':
            return load_file(checkpoint)
        content = torch.load(checkpoint, map_location='cpu', weights_only=True)
        state = content['state_dict']
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, KeyError, EOFError) as error:
        raise ConfigError(
            f'{checkpoint} holds no weights of a training here, or is damaged: '
            'resume the run or train again'
        ) from error
    return {
        name.removeprefix(_PREFIX): value
        for name, value in state.items()
        if name.startswith(_PREFIX)
    }
