"""A tiny but real training, for tests of what comes after it."""

import json
from pathlib import Path

from rendered_roads import write_pairs
from seg_node.preprocess import InputSpec
import torch
from training.config import OptimizerConfig, TrainConfig
from training.data.augment import AugmentConfig
from training.data.geometry import GeometryConfig
from training.data.photometric import PhotometricConfig
from training.data.sources import SetConfig, SourceConfig
from training.models.unet import UNetConfig

#: Hardly any augmentation: what a tiny network learns from in few samples.
PLAIN = AugmentConfig(
    geometry=GeometryConfig(scale=(1, 1), aspect=1, shift=(0, 0), warp=0, rotation_deg=0),
    photometric=PhotometricConfig(
        paint=0, surface=0, tone=0, shadow=0, night=0, blur=0, noise=0, jpeg=0
    ),
    cut_out=0,
    borrow=0,
)


def tiny_config(folder: Path, **changes: object) -> TrainConfig:
    """Write rendered roads into ``folder`` and return how to train on them in a second."""
    write_pairs(folder / 'roads', 8, ('background', 'lane_marking', 'road'))
    settings: dict = {
        'name': 'tiny',
        'data_root': folder,
        'runs': folder / 'runs',
        'epochs': 2,
        'samples_per_epoch': 4,
        'batch_size': 2,
        'precision': '32-true',
        'threads': 1,
        'workers': 0,
        'validate_every': 1,
        'train': (SourceConfig(path='roads', part='train', hold_out=2, gap=1),),
        'validation': (SetConfig(path='roads', part='held_out', hold_out=2),),
        'network': UNetConfig(widths=(4, 8)),
        'input': InputSpec(width=64, height=32),
        'optimizer': OptimizerConfig(learning_rate=0.02, warmup_steps=1),
    }
    return TrainConfig(**{**settings, **changes})


def write_config(config: TrainConfig, path: Path) -> Path:
    """Write settings as a file for the command line."""
    path.write_text(json.dumps(config.as_dict()))
    return path


def same(first: object, second: object) -> bool:
    """Compare what a checkpoint holds, tensors to the bit."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second
