import copy

from hypothesis import assume, given, settings
from hypothesis import strategies as st
import pytest
import torch
from torch import nn
from torch.nn import functional
from training.errors import ConfigError
from training.lora import delta
from training.lora.config import LoraConfig
from training.lora.inject import adapters, attach, fold, merge, unmerge
from training.models.cost import count_parameters
from training.models.unet import CLASSIC_UNET, UNet, UNetConfig

TINY = UNetConfig(widths=(4, 8), upsampling='transposed')
SIDE = st.integers(1, 3)
PAIR = st.tuples(SIDE, SIDE)


def shaken(network):
    """Move every trainable number, as a training would."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return network


@st.composite
def convolutions(draw):
    groups, channels = draw(st.sampled_from([(1, (4, 6)), (2, (4, 6)), (4, (4, 4)), (3, (3, 6))]))
    kernel, stride = draw(PAIR), draw(PAIR)
    padding = draw(st.one_of(st.tuples(*[st.integers(0, 2)] * 2), st.just('same')))
    assume(padding != 'same' or stride == (1, 1))
    return nn.Conv2d(
        *channels, kernel, stride, padding, draw(PAIR), groups, draw(st.booleans()),
        draw(st.sampled_from(['zeros', 'reflect', 'replicate', 'circular'])),
    )  # fmt: skip


@st.composite
def transposed_convolutions(draw):
    groups, channels = draw(st.sampled_from([(1, (6, 4)), (2, (4, 6)), (4, (4, 4)), (3, (3, 6))]))
    stride, dilation = draw(PAIR), draw(PAIR)
    extra = tuple(
        draw(st.integers(0, max(pair) - 1)) for pair in zip(stride, dilation, strict=True)
    )
    padding = draw(st.tuples(*[st.integers(0, 1)] * 2))
    return nn.ConvTranspose2d(
        *channels, draw(PAIR), stride, padding, extra, groups, draw(st.booleans()), dilation
    )


LAYERS = st.one_of(
    convolutions(),
    transposed_convolutions(),
    st.builds(nn.Linear, st.just(9), st.integers(1, 6), st.booleans()),
)
CONFIGS = st.builds(
    LoraConfig,
    kind=st.sampled_from(['lora', 'dora']),
    rank=st.integers(1, 3),
    alpha=st.sampled_from([1.0, 8.0]),
    rslora=st.booleans(),
    factorization=st.sampled_from(['peft', 'loralib']),
    targets=st.just(('0',)),
)


def thin_path(layer, adapter, x):
    """Return what two thin layers beside the base add: the textbook's form of the adapter."""
    down, up = adapter.lora_A.weight, adapter.lora_B.weight
    if isinstance(layer, nn.Linear):
        return functional.linear(functional.linear(x, down), up)
    if isinstance(layer, nn.ConvTranspose2d):
        groups = layer.groups
        mix = down.unflatten(1, (groups, -1)).transpose(0, 1).flatten(0, 1)  # r for each group
        thin = functional.conv2d(x, mix, groups=groups)
        return functional.conv_transpose2d(
            thin, up.repeat(groups, 1, 1, 1), None, layer.stride, layer.padding,
            layer.output_padding, groups, layer.dilation,
        )  # fmt: skip
    rank, groups = len(down), layer.groups
    settings_ = (layer.kernel_size, layer.stride, layer.padding, layer.dilation, groups, False)
    narrow = nn.Conv2d(layer.in_channels, rank * groups, *settings_, layer.padding_mode)
    narrow.weight.data.copy_(down.repeat(groups, 1, 1, 1))
    return functional.conv2d(narrow(x), up, groups=groups)


@settings(max_examples=300, deadline=None)
@given(LAYERS, CONFIGS, st.integers(0, 2**31))
def test_adapter_begins_as_the_base_and_merges_exactly(layer, config, seed):
    torch.manual_seed(seed)
    channels = getattr(layer, 'in_channels', 2)
    x = torch.randn(2, channels, 7, 9)
    plain, network = copy.deepcopy(layer), nn.Sequential(layer)
    attach(network, config)
    adapter = adapters(network)['0']
    assert torch.equal(network(x), plain(x))
    assert torch.equal(adapter.delta_weight(), torch.zeros_like(plain.weight))

    network(x).square().sum().backward()
    learning = {name for name, p in network.named_parameters() if p.requires_grad}
    assert learning == {
        f'0.{name}' for name, _ in adapter.named_parameters() if 'base' not in name
    }
    assert all(p.grad is not None for p in network.parameters() if p.requires_grad)

    shaken(network)
    unmerged = network(x)
    if config.kind == 'lora' and (config.factorization == 'peft' or plain.weight.ndim == 2):
        expected = plain(x) + config.scaling * thin_path(plain, adapter, x)
        assert torch.allclose(unmerged, expected, atol=1e-5)
    folded = fold(network)
    assert torch.allclose(folded(x), unmerged, atol=1e-5)
    assert type(folded[0]) is type(plain)
    network.eval()
    merge(network)
    merge(network)  # as if once
    assert torch.allclose(network(x), unmerged, atol=1e-5)
    assert torch.allclose(adapter.delta_weight(), folded[0].weight - plain.weight, atol=1e-5)
    unmerge(network)
    assert torch.equal(network(x), unmerged)
    assert torch.equal(adapter.weight, plain.weight)


@settings(max_examples=60, deadline=None)
@given(LAYERS, st.integers(0, 2**31))
def test_dora_gives_each_output_channel_the_length_it_learnt(layer, seed):
    torch.manual_seed(seed)
    network = nn.Sequential(layer)
    attach(network, LoraConfig('dora', 2, targets=('0',)))
    shaken(network)
    magnitude = adapters(network)['0'].lora_magnitude_vector.weight
    weight = fold(network)[0].weight
    if isinstance(layer, nn.ConvTranspose2d):  # (Cin, Cout/g, ...): channels of a group together
        kernels = [part.transpose(0, 1) for part in weight.chunk(layer.groups)]
    else:
        kernels = [weight]
    lengths = torch.cat([part.flatten(1).norm(dim=1) for part in kernels])
    assert torch.allclose(lengths, magnitude.flatten().abs(), rtol=1e-4, atol=1e-6)


@given(st.integers(1, 4), st.sampled_from([(6, 4, 3, 3), (8, 1, 3, 3), (4, 6, 1, 5)]))
def test_change_of_the_weight_has_the_rank_it_is_paid_for(rank, shape):
    rows, *columns = shape
    change = delta.two_convolutions(
        torch.randn(rank, *columns), torch.randn(rows, rank, 1, 1), shape, 2.0
    )
    assert change.shape == shape
    assert torch.linalg.matrix_rank(change.flatten(1), rtol=1e-4) <= rank


def test_channel_of_zeros_stays_finite_under_dora():
    layer = nn.Conv2d(2, 3, 3)
    layer.weight.data[1] = 0
    network = nn.Sequential(layer)
    attach(network, LoraConfig('dora', targets=('0',)))
    shaken(network)(torch.randn(1, 2, 5, 5)).sum().backward()
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.requires_grad)


def test_only_the_input_of_the_adapter_is_dropped():
    layer = nn.Conv2d(3, 4, 3, padding=1)
    plain, network = copy.deepcopy(layer), nn.Sequential(layer)
    attach(network, LoraConfig('lora', targets=('0',), dropout=0.5))
    shaken(network)
    x = torch.randn(1, 3, 6, 6)
    torch.manual_seed(3)
    out = network(x)
    torch.manual_seed(3)
    change = adapters(network)['0'].delta_weight()
    dropped = functional.conv2d(functional.dropout(x, 0.5), change, padding=1)
    assert torch.allclose(out, plain(x) + dropped, atol=1e-6)
    assert torch.allclose(network.eval()(x), fold(network)(x), atol=1e-6)


def test_reduced_precision_does_not_round_the_change():
    network = nn.Sequential(nn.Conv2d(3, 4, 3))
    attach(network, LoraConfig('dora', targets=('0',)))
    exact = adapters(shaken(network))['0'].delta_weight()
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(adapters(network)['0'].delta_weight(), exact)
        assert network(torch.randn(1, 3, 5, 5)).dtype == torch.bfloat16


@pytest.mark.parametrize('upsampling', ['transposed', 'bilinear'])
@pytest.mark.parametrize('factorization', ['peft', 'loralib'])
def test_order_in_memory_changes_no_bit_of_the_beginning(upsampling, factorization):
    plain = UNet(UNetConfig(widths=(8, 16, 16), upsampling=upsampling)).eval()
    network = copy.deepcopy(plain)
    attach(network, LoraConfig('dora', factorization=factorization, targets=('*coder.*', 'head')))
    for changed in (plain, network):
        changed.to(memory_format=torch.channels_last)
    x = torch.rand(2, 3, 32, 64).to(memory_format=torch.channels_last)
    assert torch.equal(network(x), plain(x))


def test_network_is_frozen_but_for_its_adapters():
    network = UNet(TINY)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    names = attach(network, LoraConfig('lora', batch_norm='frozen'))
    assert names == (
        'encoder.0.0', 'encoder.0.3', 'encoder.1.0', 'encoder.1.3',
        'decoder.0.upsample', 'decoder.0.fuse.0', 'decoder.0.fuse.3',
    )  # fmt: skip
    assert names == tuple(adapters(network))
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    for _ in range(2):
        network.train()(torch.randn(2, 3, 16, 16)).square().mean().backward()
        optimizer.step()
    after = {name.replace('.base.', '.'): value for name, value in network.state_dict().items()}
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert all(adapter.lora_B.weight.any() for adapter in adapters(network).values())


def test_fold_gives_a_plain_network_and_leaves_the_adapted_one():
    plain = UNet(TINY)
    network = copy.deepcopy(plain)
    attach(network, LoraConfig('dora', targets=('*coder.*', 'head'), batch_norm='frozen'))
    shaken(network).eval()
    x = torch.randn(1, 3, 16, 32)
    before = network(x)
    folded = fold(network)
    assert list(folded.state_dict()) == list(plain.state_dict())
    assert [type(m) for m in folded.modules()] == [type(m) for m in plain.modules()]
    assert torch.allclose(folded(x), before, atol=1e-5)
    assert not torch.allclose(plain.eval()(x), before, atol=1e-3)
    assert torch.equal(network(x), before)
    again = UNet(TINY)
    again.load_state_dict(folded.state_dict())
    assert torch.equal(again.eval()(x), folded(x))


def test_layer_in_two_places_gets_one_adapter():
    shared = nn.Linear(4, 4)
    network = nn.ModuleDict({'first': shared, 'second': nn.Sequential(shared)})
    assert attach(network, LoraConfig('lora', targets=('first',))) == ('first',)
    assert network['first'] is network['second'][0] is adapters(network)['first']
    folded = fold(network)
    assert folded['first'] is folded['second'][0]


def test_merged_network_refuses_to_learn_nothing():
    network = UNet(TINY)
    attach(network, LoraConfig('lora'))
    merge(network)
    with pytest.raises(ConfigError, match='unmerge it'):
        network.train()(torch.randn(1, 3, 16, 16))
    network.eval()(torch.randn(1, 3, 16, 16))


@pytest.mark.parametrize(('targets', 'told'), [
    (('encoder.*', 'backbone.*'), r"'backbone\.\*' matches no layer.*encoder\.0\.0.*head"),
    (('encoder.0.1',), 'matches no layer'),  # a batch norm
])  # fmt: skip
def test_pattern_without_a_layer_is_refused_with_the_names(targets, told):
    with pytest.raises(ConfigError, match=told):
        attach(UNet(TINY), LoraConfig('lora', targets=targets))


def test_second_adapter_is_refused():
    network = UNet(TINY)
    attach(network, LoraConfig('lora'))
    with pytest.raises(ConfigError, match='adapters already'):
        attach(network, LoraConfig('lora'))
    with pytest.raises(ConfigError, match=r'lora\.kind is none'):
        attach(UNet(TINY), LoraConfig())


@pytest.mark.parametrize('wrong', [
    {'kind': 'qlora'}, {'rank': 0}, {'alpha': float('nan')}, {'alpha': 0.0}, {'dropout': 1.0},
    {'targets': (), 'kind': 'lora'}, {'factorization': 'tucker'}, {'batch_norm': 'train'},
    {'scales': (1, 0)}, {'scales': ()}, {'gate': 'hard'}, {'top_k': 4}, {'balance': -1.0},
])  # fmt: skip
def test_wrong_setting_is_refused_by_its_name(wrong):
    with pytest.raises(ConfigError, match=rf'lora\.{next(iter(wrong))}\b'):
        LoraConfig(**wrong)


@pytest.mark.parametrize(('factorization', 'channels', 'expected'), [
    ('loralib', 3, 421_740),  # the poster's 0.42M: rank * 9 * (Cin + Cout), eighteen times
    ('loralib', 1, 421_668),  # the same of a network of grey pictures
    ('peft', 3, 233_324),  # rank * (9 * Cin + Cout)
])  # fmt: skip
def test_counts_of_the_published_network(factorization, channels, expected):
    with torch.device('meta'):
        network = UNet(CLASSIC_UNET)
        network.encoder[0][0] = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
        size = count_parameters(network)
        targets = ('encoder.*', 'decoder.?.fuse.*')  # all 3x3 convolutions
        config = LoraConfig('lora', 4, factorization=factorization, targets=targets)
        assert len(attach(network, config)) == 18
    assert count_parameters(network, trainable_only=True) == expected
    assert count_parameters(network) == size + expected
    assert 31.03e6 < size < 31.05e6
