"""Conv-LoRA: its formula, its gate, every shape and precision, merging, files and export."""

import copy

from hypothesis import given, settings, strategies
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from training.errors import ConfigError
from training.lora.config import LoraConfig
from training.lora.conv_lora import (
    ConvLoraConv2d,
    ConvLoraConvTranspose2d,
    ConvLoraLinear,
    total_balance_loss,
)
from training.lora.conv_lora_experts import expected_load, ScaleExpert, squared_variation
from training.lora.files import load_adapter, save_adapter
from training.lora.fingerprint import weights_sha256
from training.lora.inject import adapters, attach, fold, merge, unmerge
from training.models.unet import UNet, UNetConfig

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


@pytest.mark.parametrize('gate', ['soft', 'top_k'])
def test_the_task_reaches_the_gate(gate):
    """In the public code this gradient does not exist."""
    layer = stirred(ConvLoraConv2d(nn.Conv2d(3, 5, 3), config_of(gate=gate))).train()
    task = layer(picture(2, 3, 9, 9)).square().mean()
    (push,) = torch.autograd.grad(task, layer.mixture.gate.weight)
    assert (push.abs().max(0).values > 1e-6).all(), 'each expert, also one that was not taken'


@pytest.mark.parametrize('gate', ['soft', 'top_k'])
def test_the_gate_learns_which_scale_a_picture_needs(gate):
    """Bright pictures were made with the fine expert, dark ones with the coarse one."""
    torch.manual_seed(0)
    base = nn.Conv2d(1, 1, 1, bias=False)
    layer = ConvLoraConv2d(base, config_of(rank=1, alpha=1.0, scales=(1, 4), gate=gate))
    with torch.no_grad():
        layer.lora_A.weight.fill_(1)
        layer.lora_B.weight.fill_(1)
        for expert in layer.mixture.experts:
            expert.conv.weight.copy_(torch.tensor([[-1.0, -1, -1], [-1, 9, -1], [-1, -1, -1]]))
    bright = torch.arange(32) % 2 == 0
    x = torch.randn(32, 1, 8, 8) + torch.where(bright, 1.0, -1.0).view(-1, 1, 1, 1)
    with torch.no_grad():
        fine, coarse = (expert(x) for expert in layer.mixture.experts)
        truth = base(x) + x + torch.where(bright.view(-1, 1, 1, 1), fine, coarse)
    gate_parameters = list(layer.mixture.gate.parameters())
    optimizer = torch.optim.Adam(gate_parameters, lr=0.1)
    layer.train()
    for _ in range(100):
        optimizer.zero_grad()
        functional.mse_loss(layer(x), truth).backward()
        optimizer.step()
    layer.eval()
    with torch.no_grad():
        chosen = layer.mixture.gates(x)
        assert torch.equal(chosen.argmax(1) == 0, bright)
        assert chosen.max(1).values.mean() > 0.9
        assert functional.mse_loss(layer(x), truth) < 0.1 * (fine - coarse).square().mean()


def test_top_k_takes_that_many_and_makes_no_noise_in_evaluation():
    layer = stirred(ConvLoraConv2d(nn.Conv2d(3, 5, 3), config_of(gate='top_k', top_k=2)), 1.0)
    u = picture(6, 2, 5, 5)
    gates = layer.eval().mixture.gates(u)
    assert ((gates > 0).sum(1) == 2).all()
    torch.testing.assert_close(gates.sum(1), torch.ones(6))
    assert torch.equal(gates, layer.mixture.gates(u))
    layer.train()
    assert not torch.equal(layer.mixture.gates(u), layer.mixture.gates(u))
    assert ((layer.mixture.gates(u) > 1e-6).sum(1) == 2).all()


def test_balancing_pulls_towards_equal_use():
    torch.manual_seed(0)
    for gate in ('soft', 'top_k'):
        layer = ConvLoraConv2d(nn.Conv2d(3, 5, 3), config_of(gate=gate))
        with torch.no_grad():
            layer.lora_A.weight.abs_()
            layer.mixture.gate.weight[:, 0] = 3.0  # all to the first expert
        x = torch.rand(16, 3, 8, 8)
        network = nn.Sequential(layer).train()
        optimizer = torch.optim.Adam(layer.mixture.gate.parameters(), lr=0.1)
        network(x)
        before = total_balance_loss(network).item()
        for _ in range(60):
            optimizer.zero_grad()
            network(x)
            total_balance_loss(network).backward()
            optimizer.step()
        assert total_balance_loss(network).item() < 0.1 * before
        network.eval()
        assert total_balance_loss(network).item() == 0


def test_load_is_the_chance_to_be_taken_if_the_noise_were_drawn_again():
    """Against counting, for one picture whose other experts keep their noise."""
    clean = torch.tensor([[0.3, 0.0, -0.2]])
    strength = torch.tensor([[0.5, 1.0, 0.8]])
    noisy = torch.tensor([[0.1, 0.9, -1.0]])
    generator = torch.Generator().manual_seed(0)
    counted = []
    for expert in range(3):
        others = [noisy[0, other].item() for other in range(3) if other != expert]
        drawn = clean[0, expert] + strength[0, expert] * torch.randn(200000, generator=generator)
        counted.append((drawn > max(others)).float().mean())
    torch.testing.assert_close(
        expected_load(clean, noisy, strength, 1), torch.stack(counted), atol=5e-3, rtol=0
    )


def test_squared_variation_is_variance_over_squared_mean():
    assert squared_variation(torch.tensor([2.0, 2, 2])) == 0
    assert squared_variation(torch.tensor([0.0, 3, 0])).item() == pytest.approx(3)


@every_layer
@settings(max_examples=4, deadline=None)
@given(rank=strategies.integers(1, 5), experts=strategies.integers(1, 3))
def test_the_mergeable_kind_merges_exactly(name, rank, experts):
    changes = {**MERGEABLE, 'scales': (1,) * experts, 'rank': rank}
    _, network, x = adapted(name, **changes)
    stirred(network).eval()
    network, x = network.double(), x.double()
    before = network(x)
    torch.testing.assert_close(fold(network)(x), before, atol=1e-10, rtol=1e-10)
    merge(network)
    torch.testing.assert_close(network(x), before, atol=1e-10, rtol=1e-10)
    unmerge(network)
    assert torch.equal(network(x), before)
    single = network.float()
    torch.testing.assert_close(fold(single)(x.float()), single(x.float()), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('name', ['plain', 'dilated, reflecting', 'stride, even kernel'])
def test_the_mergeable_kind_is_a_chain_of_three_convolutions(name):
    """1 x 1, the experts with the layer's own geometry, 1 x 1: what the documentation says."""
    base, network, x = adapted(name, **MERGEABLE)
    layer = stirred(network).eval()[0]
    core = copy.deepcopy(base)
    core.in_channels = core.out_channels = 2
    identity = torch.zeros_like(layer.experts.weight[0])
    middle = [size // 2 for size in base.kernel_size]
    identity[:, :, middle[0], middle[1]] = torch.eye(2)
    core.weight = nn.Parameter(layer.experts.weight[0] + identity)
    core.bias = None
    chain = functional.conv2d(core(functional.conv2d(x, layer.lora_A.weight)), layer.lora_B.weight)
    torch.testing.assert_close(layer(x), base(x) + layer.scaling * chain, atol=1e-4, rtol=1e-4)


def test_what_cannot_be_merged_says_so():
    _, network, _ = adapted('plain')
    for refused in (merge, fold):
        with pytest.raises(ConfigError, match='cannot be merged: use the network with'):
            refused(network)
    for changes in ({'scales': (1, 2)}, {'gate': 'soft'}):
        with pytest.raises(ConfigError, match=r'lora\.mergeable needs --lora\.scales \[1\]'):
            adapted('plain', **{**MERGEABLE, **changes})


@pytest.fixture
def network():
    torch.manual_seed(0)
    return UNet(UNetConfig(widths=(4, 8), upsampling='transposed')).eval()


def test_a_network_is_adapted_copied_saved_and_loaded(network, tmp_path):
    base = copy.deepcopy(network)
    config = config_of(targets=('encoder.*', 'decoder.*'), gate='top_k', batch_norm='frozen')
    names = attach(network, config)
    stirred(network).train()(picture(2, 3, 16, 32)).square().mean().backward()
    assert total_balance_loss(network) > 0
    copy.deepcopy(network)  # a graph hangs on the balancing loss
    save_adapter(tmp_path, network, config, weights_sha256(base))
    assert load_adapter(tmp_path, base) == config
    assert tuple(adapters(base)) == names
    x = picture(1, 3, 32, 48)
    assert torch.equal(base.eval()(x), network.eval()(x))


def test_a_network_without_conv_lora_has_nothing_to_balance(network):
    assert total_balance_loss(network).item() == 0
    attach(network, config_of(**MERGEABLE))
    assert total_balance_loss(network.train()).item() == 0


def exported(network, x, path):
    """Return what ONNX Runtime computes with the exported network."""
    onnxruntime = pytest.importorskip('onnxruntime')
    torch.onnx.export(network, (x,), str(path), dynamo=True, verbose=False, external_data=False)
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    return session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]


@pytest.mark.filterwarnings('ignore')
def test_a_network_is_exported_as_one_static_graph(network, tmp_path):
    base = copy.deepcopy(network)
    attach(network, config_of(targets=('decoder.*',), gate='top_k'))
    stirred(network, 0.1).eval()
    x = picture(1, 3, 16, 32)
    with torch.inference_mode():
        expected, before = network(x).numpy(), base(x).numpy()
    computed = exported(network, x, tmp_path / 'network.onnx')
    assert np.abs(computed - expected).max() < 1e-4
    assert np.abs(before - expected).max() > 1e-2


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize(
    ('name', 'gate'),
    [('linear', 'soft'), ('groups', 'top_k'), ('transposed, overlapping', 'uniform')],
)
def test_every_layer_and_gate_exports(name, gate, tmp_path):
    _, network, x = adapted(name, gate=gate)
    stirred(network).eval()
    with torch.inference_mode():
        expected = network(x).numpy()
    assert np.abs(exported(network, x, tmp_path / 'layer.onnx') - expected).max() < 1e-4
