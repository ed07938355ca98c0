from itertools import product

import numpy as np
import onnxruntime
import pytest
from seg_node.preprocess import InputSpec
import torch
from training.models.blocks import normalization
from training.models.cost import count_parameters
from training.models.score_graph import ScoreGraph
from training.models.unet import UNet, UNetConfig
from training.onnx_graph import write_onnx

VARIANTS = [
    UNetConfig((8, 16), 3, factor, upsampling, stem, norm, block)
    for (stem, factor), upsampling, norm, block in product(
        (('fold', 1), ('fold', 2), ('strided', 2), ('strided', 4)),
        ('transposed', 'bilinear', 'nearest', 'shuffle'),
        ('batch', 'group', 'none'),
        ('double', 'residual', 'separable'),
    )
]


@pytest.mark.parametrize('config', [
    UNetConfig(widths=(4, 8), stem_factor=1, upsampling='transposed'),
    UNetConfig(widths=(4, 8, 12), stem_factor=2),
    UNetConfig(widths=(4, 8), stem_factor=4, classes=5),
])  # fmt: skip
def test_logits_have_the_size_of_the_picture(config):
    x = torch.rand(2, 3, 2 * config.stride, 3 * config.stride)
    assert UNet(config)(x).shape == (2, config.classes, *x.shape[2:])
    with pytest.raises(ValueError, match=f'multiples of {config.stride}'):
        UNet(config)(x[..., 1:])


def test_every_variant_has_logits_of_its_input_and_learns_with_all_its_parameters():
    for config in VARIANTS:
        torch.manual_seed(0)
        network = UNet(config)
        logits = network(torch.rand(2, 3, 16, 24))
        assert logits.shape == (2, 3, 16, 24), config
        logits.square().sum().backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, (config, name)


@pytest.mark.parametrize(('changes', 'extra'), [
    # by hand, for widths 4, 8 at full resolution with batch norm
    ({}, 0),
    ({'block': 'residual'}, (3 * 4 + 8) + (4 * 8 + 16) + (8 * 4 + 8)),
    ({'block': 'separable'}, sum(9 * cin + cin * cout - 9 * cin * cout for cin, cout in (
        (3, 4), (4, 4), (4, 8), (8, 8), (8, 4), (4, 4)))),
    ({'norm': 'group'}, 0),
    ({'norm': 'none'}, -(4 + 4 + 8 + 8 + 4 + 4)),  # a bias instead of scale and shift
    ({'upsampling': 'shuffle'}, 3 * (8 * 4 + 4)),
    ({'upsampling': 'transposed'}, 3 * 8 * 4),
])  # fmt: skip
def test_parameters_of_a_variant_are_what_a_count_by_hand_gives(changes, extra):
    plain = UNetConfig((4, 8), stem_factor=1)
    network = UNet(UNetConfig((4, 8), stem_factor=1, **changes))
    assert count_parameters(network) == count_parameters(UNet(plain)) + extra


def test_strided_stem_sees_the_pixels_of_its_block_and_their_neighbours():
    for factor in (2, 4):
        stem = UNet(UNetConfig((4, 8), stem_factor=factor, stem='strided', norm='none')).fold
        x = torch.rand(1, 3, 8 * factor, 8 * factor, requires_grad=True)
        stem[0](x)[0, :, 3, 4].sum().backward()
        rows, columns = torch.nonzero(x.grad[0].abs().sum(0), as_tuple=True)
        reach = factor // 2
        assert (rows.min(), rows.max()) == (3 * factor - reach, 4 * factor + reach - 1)
        assert (columns.min(), columns.max()) == (4 * factor - reach, 5 * factor + reach - 1)


def test_without_norm_the_signal_keeps_its_strength():
    torch.manual_seed(0)
    network = UNet(UNetConfig((16, 32, 64, 128), stem_factor=1, norm='none'))
    x = torch.randn(1, 3, 64, 64)
    for block in network.encoder:
        x = block(x)
        assert 0.2 < x.square().mean().sqrt() < 5


def test_group_norm_divides_any_number_of_channels():
    for channels in (1, 6, 12, 96):
        norm = normalization('group', channels)
        assert norm(torch.rand(2, channels, 4, 4)).shape == (2, channels, 4, 4)
    assert normalization('group', 96).num_groups == 8


def test_names_of_weights_stay_what_files_of_weights_have():
    names = set(UNet(UNetConfig()).state_dict())
    norm = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')
    expected = {'head.weight', 'head.bias'}
    for level in range(5):
        blocks = [f'encoder.{level}'] + [f'decoder.{level}.fuse'] * (level < 4)
        for block in blocks:
            expected |= {f'{block}.{place}.weight' for place in (0, 3)}
            expected |= {f'{block}.{place}.{name}' for place in (1, 4) for name in norm}
    expected |= {f'decoder.{level}.upsample.project.{name}' for level in range(4)
                 for name in ('weight', 'bias')}  # fmt: skip
    assert names == expected


@pytest.mark.parametrize('config', [
    UNetConfig((4, 8), 3, 2, 'nearest', 'strided', 'group', 'residual'),
    UNetConfig((4, 8), 4, 2, 'shuffle', 'fold', 'none', 'separable'),
])  # fmt: skip
def test_variants_run_outside_torch_as_they_do_inside(config, tmp_path):
    torch.manual_seed(1)
    spec = InputSpec(width=32, height=16)
    graph = ScoreGraph(UNet(config), spec).eval()
    write_onnx(graph, (1, 16, 32, 3), tmp_path / 'net.onnx', 'variant')
    frame = np.random.default_rng(0).integers(0, 256, (1, 16, 32, 3), np.uint8)
    session = onnxruntime.InferenceSession(tmp_path / 'net.onnx')
    scores = session.run(None, {'frame': frame})[0].astype(int)
    with torch.inference_mode():
        expected = graph(torch.from_numpy(frame)).numpy()
    assert scores.shape == (1, config.classes, 16, 32)
    assert np.abs(scores - expected).max() <= 1
    assert scores.std() > 1, 'not the same everywhere'


@pytest.mark.parametrize(('wrong', 'told'), [
    ({'widths': (4,)}, 'widths'),
    ({'widths': (4, 0)}, 'widths'),
    ({'classes': 1}, 'classes'),
    ({'stem_factor': 3}, 'stem_factor'),
    ({'upsampling': 'bicubic'}, 'upsampling: one of transposed, bilinear, nearest, shuffle'),
    ({'norm': 'layer'}, 'norm'),
    ({'block': 'dense'}, 'block'),
    ({'stem': 'patch'}, 'stem'),
    ({'stem': 'strided', 'stem_factor': 1}, 'stem: strided needs'),
])  # fmt: skip
def test_impossible_shape_is_refused_by_name(wrong, told):
    with pytest.raises(ValueError, match=told):
        UNetConfig(**wrong)
