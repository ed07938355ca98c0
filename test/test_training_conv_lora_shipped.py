"""Conv-LoRA on its way out: merged where it can be, in files, exported."""

import copy

from conv_lora_layers import adapted, config_of, every_layer, MERGEABLE, picture, stirred
from hypothesis import given, settings, strategies
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from training.errors import ConfigError
from training.lora.conv_lora import (
    total_balance_loss,
)
from training.lora.files import load_adapter, save_adapter
from training.lora.fingerprint import weights_sha256
from training.lora.inject import adapters, attach, fold, merge, unmerge
from training.models.unet import UNet, UNetConfig


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
