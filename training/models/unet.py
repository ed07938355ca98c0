"""
U-Net (Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597), one class for all sizes.

Width, depth, stem and up-sampling are configuration: the 31.04M-parameter net of the literature
and the small nets that ship are two configurations of the same code.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True)
class UNetConfig:
    """
    Shape of a U-Net; the defaults are the shipped small lane net.

    :param widths: channels of each level, finest first; its length is the depth.
    :param classes: number of label ids predicted (channels of the logits).
    :param stem_factor: 1 works at full resolution; 2 or 4 folds blocks of 2x2 or 4x4 pixels into
        channels first (space to depth) and unfolds the logits last, which costs no detail that a
        convolution could not keep and divides the arithmetic by the square.
    :param upsampling: ``transposed`` (2x2 transposed convolution, as in the paper) or
        ``bilinear`` (resize, then a 1x1 convolution; no checkerboard, and int8 kernels have it).
    """

    widths: tuple[int, ...] = (16, 32, 64, 96, 128)
    classes: int = 3
    stem_factor: int = 2
    upsampling: Literal['transposed', 'bilinear'] = 'bilinear'

    def __post_init__(self) -> None:
        """Refuse shapes that cannot be built, naming the field."""
        if len(self.widths) < 2:
            raise ValueError(f'widths: needs two levels or more, got {list(self.widths)}')
        if self.stem_factor not in (1, 2, 4):
            raise ValueError(f'stem_factor: must be 1, 2 or 4, got {self.stem_factor}')
        if self.upsampling not in ('transposed', 'bilinear'):
            raise ValueError(f'upsampling: transposed or bilinear, got {self.upsampling!r}')

    @property
    def stride(self) -> int:
        """Input height and width must be multiples of this many pixels."""
        return self.stem_factor * 2 ** (len(self.widths) - 1)


#: The net of the literature: 64 to 1024 channels, full resolution, 31.04M parameters.
CLASSIC_UNET = UNetConfig(widths=(64, 128, 256, 512, 1024), stem_factor=1, upsampling='transposed')


class DoubleConv(nn.Sequential):
    """Two times 3x3 convolution, batch norm, ReLU; keeps height and width."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        layers: list[nn.Module] = []
        for channels in (in_channels, out_channels):
            layers += [
                nn.Conv2d(channels, out_channels, kernel_size=3, padding=1, bias=False),
                nn.BatchNorm2d(out_channels),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


class BilinearUpsample(nn.Module):
    """Resize by two, after a 1x1 convolution on the small grid (a quarter of the arithmetic)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(in_channels, out_channels, kernel_size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, out_channels, 2H, 2W) of (N, in_channels, H, W)."""
        return functional.interpolate(self.project(x), scale_factor=2.0, mode='bilinear')


class UpBlock(nn.Module):
    """Up-sample the coarse features, join the skip, convolve twice."""

    def __init__(self, coarse: int, skip: int, upsampling: str) -> None:
        super().__init__()
        self.upsample: nn.Module = (
            nn.ConvTranspose2d(coarse, skip, kernel_size=2, stride=2)
            if upsampling == 'transposed'
            else BilinearUpsample(coarse, skip)
        )
        self.fuse = DoubleConv(2 * skip, skip)

    def forward(self, coarse: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """Return (N, skip, H, W) of coarse (N, coarse, H/2, W/2) and skip (N, skip, H, W)."""
        return self.fuse(torch.cat((skip, self.upsample(coarse)), dim=1))


class UNet(nn.Module):
    """Normalised RGB (N, 3, H, W) float in, logits (N, classes, H, W) out."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths, factor = config.widths, config.stem_factor
        self.fold = nn.PixelUnshuffle(factor)
        self.encoder = nn.ModuleList(
            DoubleConv(cin, cout)
            for cin, cout in zip((3 * factor**2, *widths), widths, strict=False)
        )
        self.decoder = nn.ModuleList(
            UpBlock(coarse, skip, config.upsampling)
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
