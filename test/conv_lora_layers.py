"""Layers with Conv-LoRA of every kind, for its tests."""

import copy

import pytest
import torch
from torch import nn
from training.lora.config import LoraConfig
from training.lora.inject import attach

MERGEABLE = {'mergeable': True, 'scales': (1,), 'gate': 'uniform'}


def config_of(**changes):
    return LoraConfig(**{'kind': 'conv_lora', 'rank': 2, 'targets': ('*',), **changes})


def stirred(network, amount=0.3):
    """Move every trainable number, as a training would."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.add_(amount * torch.randn(parameter.shape, generator=generator))
    return network


def picture(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


LAYERS = {
    'plain': (nn.Conv2d(3, 5, 3, padding=1), (2, 3, 7, 9)),
    'stride, even kernel': (nn.Conv2d(3, 5, 4, stride=2, padding=1), (2, 3, 8, 11)),
    'dilated, reflecting': (
        nn.Conv2d(3, 5, 3, padding=2, dilation=2, padding_mode='reflect'), (2, 3, 7, 9)
    ),
    'same, no bias': (nn.Conv2d(3, 5, (3, 5), padding='same', bias=False), (2, 3, 6, 7)),
    'groups': (nn.Conv2d(4, 6, 3, padding=1, groups=2), (2, 4, 5, 6)),
    'depthwise': (nn.Conv2d(4, 4, 3, padding=1, groups=4), (2, 4, 5, 6)),
    'transposed': (nn.ConvTranspose2d(3, 5, 2, stride=2), (2, 3, 5, 6)),
    'transposed, overlapping': (
        nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2), (2, 4, 5, 6)
    ),
    'linear': (nn.Linear(3, 5), (2, 4, 6, 3)),
}  # fmt: skip
every_layer = pytest.mark.parametrize('name', LAYERS)


def adapted(name, **changes):
    base, shape = LAYERS[name]
    network = nn.Sequential(copy.deepcopy(base))
    attach(network, config_of(**changes))
    return base, network, picture(*shape)
