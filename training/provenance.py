"""What a training was made of, so that it can be told and done again."""

from importlib.metadata import version
import json
from pathlib import Path
import platform
from typing import Any

from seg_node.bundle import hash_file
from torch import nn
from training.code_commit import code_commit
from training.config import TrainConfig
from training.data.pairs import PairsFolder
from training.models.cost import count_multiply_adds, count_parameters
from training.models.unet import UNet
from training.runs import can_fold, facts_path_of, weights_path

_LIBRARIES = ('torch', 'lightning', 'numpy', 'opencv-python-headless')


def describe_run(
    config: TrainConfig, train: list[PairsFolder], validation: list[PairsFolder]
) -> dict[str, Any]:
    """Return what a run is made of: settings, data with hashes, code, first weights."""
    return {
        'config': config.as_dict(),
        'data': [
            {
                'path': folder.source.path,
                'part': folder.source.part,
                'use': use,
                'samples': len(folder),
                'licence': folder.licence,
                'sha256': folder.sha256(),
            }
            for use, folders in (('train', train), ('validation', validation))
            for folder in folders
        ],
        'commit': code_commit(),
        'versions': {
            'python': platform.python_version(),
            **{name: version(name) for name in _LIBRARIES},
        },
        'init_from': _describe_start(config.init_from),
        'teacher': _describe_start(config.teacher.run),
    }


def describe_cost(network: nn.Module, config: TrainConfig) -> dict[str, Any]:
    """
    Return how large the network is, adapters included, and what one picture costs.

    The arithmetic is that of what is shipped: of an adapter that folds into the weights nothing
    is left, a Conv-LoRA that looks at the picture stays with its experts.
    """
    shipped = UNet(config.network) if can_fold(network) else network
    return {
        'parameters': {
            'total': count_parameters(network),
            'trainable': count_parameters(network, trainable_only=True),
        },
        'multiply_adds': count_multiply_adds(shipped, config.input.height, config.input.width),
    }


def _describe_start(start: Path | None) -> dict[str, Any] | None:
    """Name weights, with all that their own run states."""
    if start is None:
        return None
    path = weights_path(start)
    facts_path = facts_path_of(path)
    facts = json.loads(facts_path.read_text()) if facts_path.is_file() else None
    return {'path': str(path), 'sha256': hash_file(path), 'facts': facts}
