"""
U-Net (Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597), one class for all sizes.

Width, depth, stem, norm, blocks and up-sampling are configuration: the 31.04M-parameter net of
the literature and the small nets that ship are two configurations of the same code.
"""

from dataclasses import dataclass
from typing import get_args

import torch
from torch import nn
from torch.nn import functional
from training.models.blocks import Block, Build, Norm, Stem, StridedStem, Upsampling


@dataclass(frozen=True)
class UNetConfig:
    """
    Shape of a U-Net; the defaults are the shipped small lane net.

    :param widths: channels of each level, finest first; its length is the depth.
    :param classes: number of label ids predicted (channels of the logits).
    :param stem_factor: 1 works at full resolution; 2 or 4 works at a half or a quarter, with the
        logits of 2x2 or 4x4 pixels predicted together and unfolded last (depth to space), which
        divides the arithmetic by the square.
    :param stem: how a stem factor is reached. ``fold`` puts blocks of pixels into channels
        (space to depth), which costs no detail that a convolution could not keep; ``strided`` is
        one convolution with that stride, as in most encoders.
    :param upsampling: ``transposed`` (2x2 transposed convolution, as in the paper), ``bilinear``
        (resize, then a 1x1 convolution; no checkerboard, and int8 kernels have it), ``nearest``
        (the same with the cheapest resize) or ``shuffle`` (1x1 convolution, then depth to space).
    :param norm: ``batch``, which folds into the convolution when exported; ``group`` (Wu and He
        2018), which does not depend on the batch and cannot fold; ``none``.
    :param block: ``double`` (two 3x3 convolutions, as in the paper), ``residual`` (the same with
        a shortcut around them) or ``separable`` (two times depthwise 3x3 and 1x1).
    """

    widths: tuple[int, ...] = (16, 32, 64, 96, 128)
    classes: int = 3
    stem_factor: int = 2
    upsampling: Upsampling = 'bilinear'
    stem: Stem = 'fold'
    norm: Norm = 'batch'
    block: Block = 'double'

    def __post_init__(self) -> None:
        """Refuse shapes that cannot be built, naming the field."""
        if len(self.widths) < 2:
            raise ValueError(f'widths: needs two levels or more, got {list(self.widths)}')
        if min(self.widths) < 1:
            raise ValueError(f'widths: needs one channel or more each, got {list(self.widths)}')
        if self.classes < 2:
            raise ValueError(f'classes: needs two labels or more, got {self.classes}')
        if self.stem_factor not in (1, 2, 4):
            raise ValueError(f'stem_factor: must be 1, 2 or 4, got {self.stem_factor}')
        for name, kinds in _CHOICES.items():
            if getattr(self, name) not in get_args(kinds):
                raise ValueError(
                    f'{name}: one of {", ".join(get_args(kinds))}, got {getattr(self, name)!r}'
                )
        if self.stem == 'strided' and self.stem_factor == 1:
            raise ValueError('stem: strided needs a stem_factor of 2 or 4, its stride')

    @property
    def stride(self) -> int:
        """Input height and width must be multiples of this many pixels."""
        return self.stem_factor * 2 ** (len(self.widths) - 1)


_CHOICES = {'upsampling': Upsampling, 'stem': Stem, 'norm': Norm, 'block': Block}

#: The net of the literature: 64 to 1024 channels, full resolution, 31.04M parameters.
CLASSIC_UNET = UNetConfig(widths=(64, 128, 256, 512, 1024), stem_factor=1, upsampling='transposed')


class UNet(nn.Module):
    """Normalised RGB (N, 3, H, W) float in, logits (N, classes, H, W) out."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths, factor = config.widths, config.stem_factor
        build = Build(config.norm, config.block, config.upsampling)
        folded = config.stem == 'fold'
        self.fold: nn.Module = (
            nn.PixelUnshuffle(factor) if folded else StridedStem(widths[0], factor, config.norm)
        )
        first = 3 * factor**2 if folded else widths[0]
        self.encoder = nn.ModuleList(
            build.convolve(cin, cout) for cin, cout in zip((first, *widths), widths, strict=False)
        )
        self.decoder = nn.ModuleList(
            build.rise(coarse, skip)
            for coarse, skip in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(widths[0], config.classes * factor**2, kernel_size=1)
        self.unfold = nn.PixelShuffle(factor)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """
        Segment a batch.

        :param x: (N, 3, H, W) float, normalised; H and W multiples of ``config.stride``.
        :return: logits (N, classes, H, W).
        :raises ValueError: when H or W does not divide.
        """
        self._check_size(x)
        x = self.encoder[0](self.fold(x))
        skips: list[torch.Tensor] = []
        for down in self.encoder[1:]:
            skips.append(x)
            x = down(functional.max_pool2d(x, 2))
        for up, skip in zip(self.decoder, reversed(skips), strict=True):
            x = up(x, skip)
        return self.unfold(self.head(x))

    def _check_size(self, x: torch.Tensor) -> None:
        if torch.compiler.is_compiling() or torch.onnx.is_in_onnx_export():
            return
        stride, (height, width) = self.config.stride, x.shape[-2:]
        if height % stride or width % stride:
            raise ValueError(
                f'input is {width}x{height}, this U-Net needs multiples of {stride}: '
                f'pad to {-(-width // stride) * stride}x{-(-height // stride) * stride}'
            )
