from itertools import pairwise

import pytest
from seg_node.preprocess import InputSpec
import torch
from torch import nn
from training.config import TrainConfig
from training.lora.config import LoraConfig
from training.lora.inject import attach
from training.models.cost import count_multiply_adds, count_parameters
from training.models.unet import CLASSIC_UNET, UNet, UNetConfig
from training.provenance import describe_cost


def test_classic_net_has_the_parameters_of_the_literature():
    with torch.device('meta'):
        assert count_parameters(UNet(CLASSIC_UNET)) == 31_037_763


def test_shipped_net_is_small():
    assert 0.8e6 < count_parameters(UNet(UNetConfig())) < 1e6


def test_frozen_parameters_are_told_apart():
    network = UNet(UNetConfig(widths=(4, 8)))
    everything = count_parameters(network)
    assert count_parameters(network, trainable_only=True) == everything
    network.encoder.requires_grad_(False)
    rest = count_parameters(network.decoder) + count_parameters(network.head)
    assert count_parameters(network, trainable_only=True) == rest < everything


def classic_multiply_adds(widths, height, width, classes=3):
    """Count by hand: 3x3 convolutions, 2x2 transposed ones with a stride of two, a 1x1 head."""
    total = 0
    for level, (cin, cout) in enumerate(pairwise((3, *widths))):
        total += 9 * (cin + cout) * cout * (height * width >> 2 * level)
    for level, (skip, coarse) in enumerate(pairwise(widths)):
        pixels = height * width >> 2 * level
        total += coarse * skip * pixels  # each output pixel is made by one of the four weights
        total += 9 * (2 * skip + skip) * skip * pixels
    return total + widths[0] * classes * height * width


@pytest.mark.parametrize(('height', 'width'), [(256, 256), (288, 512)])
def test_arithmetic_of_the_classic_net_is_what_a_count_by_hand_gives(height, width):
    with torch.device('meta'):
        network = UNet(CLASSIC_UNET)
    expected = classic_multiply_adds(CLASSIC_UNET.widths, height, width)
    assert count_multiply_adds(network, height, width) == expected


def test_counting_leaves_the_network_as_it_was():
    network = UNet(UNetConfig(widths=(4, 8)))
    network.encoder.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    modes = [module.training for module in network.modules()]
    assert count_multiply_adds(network, 32, 64) > 0
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize('scales', [(1,), (1, 2), (3, 4)])
def test_what_stays_beside_the_network_is_counted(scales):
    """A Conv-LoRA with a gate: A, the experts (an even scale has four phases), B."""
    config = TrainConfig(network=UNetConfig(widths=(4, 8)), input=InputSpec(width=64, height=32))
    plain = describe_cost(UNet(config.network), config)['multiply_adds']
    network, pixels, rank = UNet(config.network), 16 * 32, 2  # of the head: 4 to 12 channels
    attach(network, LoraConfig('conv_lora', rank, targets=('head',), scales=scales))
    experts = sum(9 * rank**2 * (1 if scale % 2 else 4) for scale in scales)
    counted = describe_cost(network, config)['multiply_adds']
    assert counted == plain + pixels * (4 * rank + experts + rank * 12)


@pytest.mark.parametrize('config', [
    LoraConfig('lora', targets=('*',)), LoraConfig('dora', targets=('*',)),
    LoraConfig('conv_lora', targets=('*',), scales=(1,), gate='uniform', mergeable=True),
])  # fmt: skip
def test_nothing_is_left_of_what_folds_into_the_weights(config):
    run = TrainConfig(network=UNetConfig(widths=(4, 8), upsampling='transposed'))
    network = UNet(run.network)
    plain = describe_cost(network, run)['multiply_adds']
    attach(network, config)
    assert describe_cost(network, run)['multiply_adds'] == plain
    assert count_multiply_adds(network, 32, 64) > 0  # as it is trained


def test_groups_and_linear_layers_are_counted():
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5))
    network = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1, groups=3), pooled)
    assert count_multiply_adds(network, 8, 10) == 8 * 10 * 6 * 9 + 30
