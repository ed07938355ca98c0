"""Conv-LoRA: its formula, on every layer and shape, in every precision."""

from conv_lora_layers import adapted, config_of, every_layer, MERGEABLE, picture, stirred
from hypothesis import given, settings, strategies
import pytest
import torch
from torch import nn
from torch.nn import functional
from training.errors import ConfigError
from training.lora.conv_lora import (
    ConvLoraConv2d,
    ConvLoraConvTranspose2d,
    ConvLoraLinear,
    total_balance_loss,
)
from training.lora.conv_lora_experts import ScaleExpert


@every_layer
@pytest.mark.parametrize('gate', ['soft', 'top_k', 'uniform', 'mergeable'])
def test_it_begins_as_the_base_to_the_bit_and_trains_only_itself(name, gate):
    changes = MERGEABLE if gate == 'mergeable' else {'gate': gate}
    base, network, x = adapted(name, **changes)
    assert torch.equal(network(x), base(x))
    stirred(network)
    network(x).square().mean().backward()
    assert not torch.allclose(network.eval()(x), base(x), atol=1e-2)
    for key, parameter in network.named_parameters():
        if '.base.' in key:
            assert parameter.grad is None
        elif gate == 'top_k' and '.experts.' in key:
            assert parameter.grad is not None, 'though 0 for an expert that no picture took'
        else:
            assert parameter.grad.abs().max() > 0, key


def enlarged_and_shrunk(expert, u, scale):
    """Compute the expert as the paper defines it, step by step."""
    size = u.shape[-2:]
    large = functional.interpolate(u, [side * scale for side in size], mode='bilinear')
    padded = functional.pad(large, (1, 1, 1, 1), mode='replicate')
    return functional.interpolate(functional.gelu(expert.conv(padded)), size, mode='bilinear')


@pytest.mark.parametrize('scale', [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize('size', [(1, 1), (1, 4), (5, 7)])
def test_an_expert_is_what_enlarging_and_shrinking_would_give(scale, size):
    expert = stirred(ScaleExpert(3, scale))
    u = picture(2, 3, *size)
    expected = enlarged_and_shrunk(expert, u, scale)
    torch.testing.assert_close(expert(u), expected, atol=1e-5, rtol=1e-5)


def test_it_computes_the_formula_of_the_paper():
    """With the residual and the GELU of the public code, and bilinear enlargement."""
    base = nn.Conv2d(3, 5, 3, stride=2, padding=1)
    layer = stirred(ConvLoraConv2d(base, config_of(scales=(1, 4, 3), alpha=6.0))).eval()
    x = picture(2, 3, 9, 13)
    u = functional.conv2d(x, layer.lora_A.weight, stride=2, padding=1)
    gates = (u.mean((2, 3)) @ layer.mixture.gate.weight).softmax(1)
    mixed = u + sum(
        gates[:, i, None, None, None] * enlarged_and_shrunk(expert, u, scale)
        for i, (expert, scale) in enumerate(zip(layer.mixture.experts, (1, 4, 3), strict=True))
    )
    expected = base(x) + 6 / 2 * functional.conv2d(mixed, layer.lora_B.weight)
    torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-5)


def test_groups_are_adapted_each_by_itself():
    """A grouped layer is as many layers side by side that share A, the experts and the gate."""
    base = nn.Conv2d(4, 6, 3, padding=1, groups=2, bias=False)
    layer = stirred(ConvLoraConv2d(base, config_of())).eval()
    x = picture(1, 4, 5, 6)
    gates = layer.mixture.gates(layer.lora_A(x.view(2, 2, 5, 6)), 2)
    assert torch.equal(gates[0], gates[1]), 'one decision for a picture'
    parts = []
    for half in range(2):
        u = layer.lora_A(x[:, 2 * half : 2 * half + 2])
        mixed = u + sum(gates[0, i] * expert(u) for i, expert in enumerate(layer.mixture.experts))
        rows = slice(3 * half, 3 * half + 3)
        parts.append(layer.scaling * functional.conv2d(mixed, layer.lora_B.weight[rows]))
    torch.testing.assert_close(layer(x) - base(x), torch.cat(parts, 1), atol=1e-5, rtol=1e-4)


@settings(max_examples=25, deadline=None)
@given(
    height=strategies.integers(1, 9),
    width=strategies.integers(1, 9),
    scales=strategies.sampled_from([(1,), (1, 2, 4), (3, 8)]),
    gate=strategies.sampled_from(['soft', 'top_k', 'uniform']),
)
def test_any_feature_map_will_do(height, width, scales, gate):
    layer = ConvLoraConv2d(nn.Conv2d(2, 3, 3, padding=1), config_of(scales=scales, gate=gate))
    out = stirred(layer)(picture(2, 2, height, width))
    assert out.shape == (2, 3, height, width)
    assert torch.isfinite(out).all()


def test_linear_layers_need_a_grid():
    layer = stirred(ConvLoraLinear(nn.Linear(3, 5), config_of())).eval()
    x = picture(2, 4, 6, 3)
    expected = layer(x).flatten(1, 2)
    with pytest.raises(ConfigError, match=r'grid of 4x4: set \.grid = \(height, width\)'):
        layer(x.flatten(1, 2))
    layer.grid = (4, 6)
    torch.testing.assert_close(layer(x.flatten(1, 2)), expected)
    layer.grid = None
    assert layer(picture(2, 16, 3)).shape == (2, 16, 5), 'a square needs no statement'
    pixels = picture(7, 3)
    torch.testing.assert_close(layer(pixels), layer(pixels[:, None, None])[:, 0, 0])
    with pytest.raises(ConfigError, match='cannot lay an input of shape'):
        layer(picture(2, 2, 2, 2, 3))


def test_transposed_layers_take_an_output_size():
    layer = stirred(ConvLoraConvTranspose2d(nn.ConvTranspose2d(2, 3, 3, 2, 1), config_of()))
    assert layer(picture(1, 2, 4, 5), [8, 10]).shape == (1, 3, 8, 10)


@pytest.mark.parametrize('gate', ['soft', 'top_k'])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
@every_layer
def test_half_precision_and_large_activations_stay_finite(name, dtype, gate):
    """A log of a sum of exponentials, as the public code has, overflows from 11 (float16)."""
    _, network, x = adapted(name, gate=gate, alpha=2.0)
    stirred(network).to(dtype).train()
    out = network((x * 500).to(dtype))
    loss = out.float().abs().mean() + total_balance_loss(network)
    loss.backward()
    assert out.dtype == dtype
    assert torch.isfinite(out).all()
    assert torch.isfinite(total_balance_loss(network))
    for parameter in network.parameters():
        assert parameter.grad is None or torch.isfinite(parameter.grad).all()


def test_autocast_leaves_the_gate_in_full_precision():
    layer = stirred(ConvLoraConv2d(nn.Conv2d(3, 5, 3), config_of())).train()
    with torch.autocast('cpu', torch.bfloat16):
        out = layer(picture(2, 3, 9, 9))
    assert out.dtype == torch.bfloat16
    assert layer.balance_loss().dtype == torch.float32
