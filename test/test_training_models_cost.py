from itertools import pairwise

import pytest
import torch
from torch import nn
from training.models.cost import count_flops, count_multiply_adds, count_parameters
from training.models.unet import CLASSIC_UNET, UNet, UNetConfig


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
    assert count_flops(network, height, width) == 2 * expected


def test_counting_leaves_the_network_as_it_was():
    network = UNet(UNetConfig(widths=(4, 8)))
    network.encoder.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    modes = [module.training for module in network.modules()]
    assert count_flops(network, 32, 64) > 0
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_groups_and_linear_layers_are_counted():
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5))
    network = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1, groups=3), pooled)
    assert count_multiply_adds(network, 8, 10) == 8 * 10 * 6 * 9 + 30
