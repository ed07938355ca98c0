import pytest
import torch
from training.models.unet import UNet, UNetConfig


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


@pytest.mark.parametrize(('wrong', 'told'), [
    ({'widths': (4,)}, 'widths'),
    ({'stem_factor': 3}, 'stem_factor'),
    ({'upsampling': 'nearest'}, 'upsampling'),
])  # fmt: skip
def test_impossible_shape_is_refused_by_name(wrong, told):
    with pytest.raises(ValueError, match=told):
        UNetConfig(**wrong)
