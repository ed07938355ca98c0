"""The parts a U-Net is built of; which of them is configuration."""

from dataclasses import dataclass
import math
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

Norm = Literal['batch', 'group', 'none']
Block = Literal['double', 'residual', 'separable']
Stem = Literal['fold', 'strided']
Upsampling = Literal['transposed', 'bilinear', 'nearest', 'shuffle']
#: Groups of a group norm: the largest number up to this that divides the channels.
_GROUPS = 8


def normalization(norm: Norm, channels: int) -> nn.Module:
    """Return what follows a convolution: (N, channels, H, W) in and out."""
    if norm == 'batch':
        return nn.BatchNorm2d(channels)
    if norm == 'group':
        return nn.GroupNorm(math.gcd(_GROUPS, channels), channels)
    return nn.Identity()


class DoubleConv(nn.Sequential):
    """Two times 3x3 convolution, norm, ReLU; keeps height and width."""

    def __init__(
        self, in_channels: int, out_channels: int, norm: Norm = 'batch', separable: bool = False
    ) -> None:
        layers: list[nn.Module] = []
        for channels in (in_channels, out_channels):
            layers += [
                _convolution(channels, out_channels, norm, separable),
                normalization(norm, out_channels),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


def _convolution(
    in_channels: int, out_channels: int, norm: Norm, separable: bool
) -> nn.Conv2d | nn.Sequential:
    """Return a 3x3 convolution, or a depthwise one and a 1x1."""
    if not separable:
        return _before_norm(nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False), norm)
    depthwise = nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False)
    pointwise = nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False)
    return nn.Sequential(depthwise, _before_norm(pointwise, norm))


def _before_norm(convolution: nn.Conv2d, norm: Norm) -> nn.Conv2d:
    """Give a convolution without norm a bias, and weights that keep the signal's strength."""
    if norm == 'none':
        convolution.bias = nn.Parameter(torch.zeros(convolution.out_channels))
        nn.init.kaiming_normal_(convolution.weight, nonlinearity='relu')
    return convolution


class ResidualBlock(nn.Module):
    """``DoubleConv`` and a shortcut, added before the last ReLU (He et al. 2016)."""

    def __init__(self, in_channels: int, out_channels: int, norm: Norm = 'batch') -> None:
        super().__init__()
        self.body = nn.Sequential(*list(DoubleConv(in_channels, out_channels, norm))[:-1])
        self.shortcut: nn.Module = (
            nn.Identity()
            if in_channels == out_channels
            else nn.Sequential(
                _before_norm(nn.Conv2d(in_channels, out_channels, 1, bias=False), norm),
                normalization(norm, out_channels),
            )
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, out_channels, H, W) of (N, in_channels, H, W)."""
        return functional.relu(self.body(x) + self.shortcut(x))


class StridedStem(nn.Sequential):
    """One convolution whose stride is the stem factor; each output sees its neighbours' pixels."""

    def __init__(self, out_channels: int, factor: int, norm: Norm) -> None:
        # an even kernel keeps the outputs centred on their blocks of pixels
        super().__init__(
            _before_norm(
                nn.Conv2d(3, out_channels, 2 * factor, factor, factor // 2, bias=False), norm
            ),
            normalization(norm, out_channels),
            nn.ReLU(inplace=True),
        )


class ResizeUpsample(nn.Module):
    """Resize by two, after a 1x1 convolution on the small grid (a quarter of the arithmetic)."""

    def __init__(self, in_channels: int, out_channels: int, mode: str) -> None:
        super().__init__()
        self.project = nn.Conv2d(in_channels, out_channels, kernel_size=1)
        self._mode = mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, out_channels, 2H, 2W) of (N, in_channels, H, W)."""
        return functional.interpolate(self.project(x), scale_factor=2.0, mode=self._mode)


class ShuffleUpsample(nn.Sequential):
    """Four values a pixel by a 1x1 convolution, then depth to space (Shi et al. 2016)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, 4 * out_channels, kernel_size=1), nn.PixelShuffle(2)
        )


class UpBlock(nn.Module):
    """Up-sample the coarse features, join the skip, convolve."""

    def __init__(self, upsample: nn.Module, fuse: nn.Module) -> None:
        super().__init__()
        self.upsample = upsample
        self.fuse = fuse

    def forward(self, coarse: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """Return (N, skip, H, W) of coarse (N, coarse, H/2, W/2) and skip (N, skip, H, W)."""
        return self.fuse(torch.cat((skip, self.upsample(coarse)), dim=1))


@dataclass(frozen=True)
class Build:
    """Makes the parts of one net, all of the same kind."""

    norm: Norm
    block: Block
    upsampling: Upsampling

    def convolve(self, in_channels: int, out_channels: int) -> nn.Module:
        """Return the block of one level; it keeps height and width."""
        if self.block == 'residual':
            return ResidualBlock(in_channels, out_channels, self.norm)
        return DoubleConv(in_channels, out_channels, self.norm, self.block == 'separable')

    def rise(self, coarse: int, skip: int) -> UpBlock:
        """Return the way from one level to the next finer one."""
        return UpBlock(self._upsample(coarse, skip), self.convolve(2 * skip, skip))

    def _upsample(self, coarse: int, skip: int) -> nn.Module:
        if self.upsampling == 'transposed':
            return nn.ConvTranspose2d(coarse, skip, kernel_size=2, stride=2)
        if self.upsampling == 'shuffle':
            return ShuffleUpsample(coarse, skip)
        return ResizeUpsample(coarse, skip, self.upsampling)
