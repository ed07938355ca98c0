"""
Conv-LoRA (Zhong et al., ICLR 2024, https://arxiv.org/abs/2401.17868), for convolutions too.

LoRA whose bottleneck holds convolution experts of several scales, and a gate that looks at the
picture: with u = A x,

    y = W0 x + scaling * B (u + sum over i of G(u)_i E_i(u)),    E_i = shrink GELU conv3x3 enlarge.

What is as published, and what is not (public code: AutoGluon's ``ConvLoRALinear``):

================== ====================== ============================ ==========================
item               paper                  public code                  here
================== ====================== ============================ ==========================
layers             linear (q, k, v)       one for the fused qkv        Conv2d, ConvTranspose2d,
                                                                       Linear
A, B               r x C, C x r           the same, B = 0 at first     A: the layer's own kernel
                                                                       size, stride, padding,
                                                                       dilation; B: 1 x 1, 0
residual u + E(u)  not in the equation    yes                          yes
activation         not mentioned          GELU                         GELU
scales             up to 8                1, 2, 3, ... 8               any; 1, 2, 4 by default
interpolation      up and down            bicubic, both ways           bilinear, both ways;
                                                                       folded into the kernel
border of a map    not mentioned          zeros                        repeated
feature map        square                 square, else an error        any
one decision per   picture                picture or attention window  picture
gate               noisy top-1            noisy top-1, its value 1:    ``soft``, ``top_k``
                                          **no gradient from the       (straight through) or
                                          task**                       ``uniform``; both of the
                                                                       former learn from the task
combining          sum                    log of a sum of exp:         sum
                                          overflows
balancing          CV^2 of importance     the same; importance counts  the same; importance is
                   and of load            choices, so has no gradient  the sum of the softmax.
                                                                       ``soft`` has no load
its weight         1                      0.01, summed over layers     ``balance``, 0.01
export             no                     no: data-dependent branches  one static graph
merging            no                     no                           ``mergeable``: see
                                                                       ``conv_lora_mergeable``
================== ====================== ============================ ==========================

A transposed convolution is the mirror image: A is 1 x 1, the experts work on its coarse grid, and
B has the layer's kernel. With groups, all groups of channels share A and the experts.
"""

from collections.abc import Callable
import math
from typing import Any

import torch
from torch import nn
from training.errors import ConfigError
from training.lora.adapter_module import AdapterModule
from training.lora.config import LoraConfig
from training.lora.conv_lora_experts import ExpertMixture
from training.lora.conv_lora_mergeable import MERGEABLE_LAYERS


class ConvLoraLayer(AdapterModule):
    """
    A frozen layer plus Conv-LoRA beside it; its output begins as the base's, to the bit.

    :param base: the layer to adapt; frozen here.
    :param config: rank, scaling, dropout, scales and gate.
    """

    base: Any
    lora_A: Any  # noqa: N815 (the names that the low-rank layers have)
    lora_B: Any  # noqa: N815

    def __init__(self, base: nn.Module, config: LoraConfig) -> None:
        super().__init__(base)
        if config.mergeable:
            raise ConfigError(
                f'{type(self).__name__} cannot be merged: attach() makes the mergeable layer'
            )
        self.scaling = config.scaling
        self.dropout = nn.Dropout(config.dropout)
        factory = {'device': self.weight.device, 'dtype': self.weight.dtype}
        self._make_factors(config.rank, factory)
        nn.init.kaiming_uniform_(self.lora_A.weight, a=math.sqrt(5))
        nn.init.zeros_(self.lora_B.weight)
        self.mixture = ExpertMixture(config.rank, config, **factory)
        self.train(base.training)

    def _make_factors(self, rank: int, factory: dict[str, Any]) -> None:
        """Create ``lora_A`` and ``lora_B``."""
        raise NotImplementedError

    def delta_weight(self) -> torch.Tensor:
        """
        Refuse: what Conv-LoRA adds depends on the picture.

        :raises ConfigError: always, with the remedy.
        """
        raise ConfigError(
            'Conv-LoRA with a gate or a GELU is no change of a weight, so it cannot be merged: '
            'use the network with the adapter in it (it exports as one graph), or train with '
            '--lora.mergeable true --lora.scales [1] --lora.gate uniform'
        )

    def balance_loss(self) -> torch.Tensor:
        """Return how unevenly the latest training batch used the experts, a scalar."""
        gate = self.mixture.gate
        return self.weight.new_zeros(()) if gate is None else gate.balance_loss()


class ConvLoraConv2d(ConvLoraLayer):
    """``nn.Conv2d`` with Conv-LoRA; the experts work on the grid of its output."""

    def _make_factors(self, rank: int, factory: dict[str, Any]) -> None:
        base = self.base
        self.lora_A = nn.Conv2d(
            base.in_channels // base.groups,
            rank,
            base.kernel_size,
            base.stride,
            base.padding,
            base.dilation,
            bias=False,
            padding_mode=base.padding_mode,
            **factory,
        )
        width = rank * base.groups
        self.lora_B = nn.Conv2d(
            width, base.out_channels, 1, groups=base.groups, bias=False, **factory
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, Cout, H', W') for (N, Cin, H, W)."""
        groups = self.base.groups
        u = self.mixture(self.lora_A(split_groups(self.dropout(x), groups)), groups)
        return self.base(x) + self.scaling * self.lora_B(join_groups(u, groups))


class ConvLoraConvTranspose2d(ConvLoraLayer):
    """``nn.ConvTranspose2d`` with Conv-LoRA; the experts work on the grid of its input."""

    def _make_factors(self, rank: int, factory: dict[str, Any]) -> None:
        base = self.base
        width = rank * base.groups
        self.lora_A = nn.Conv2d(
            base.in_channels, width, 1, groups=base.groups, bias=False, **factory
        )
        self.lora_B = nn.ConvTranspose2d(
            rank,
            base.out_channels // base.groups,
            base.kernel_size,
            base.stride,
            base.padding,
            base.output_padding,
            bias=False,
            dilation=base.dilation,
            **factory,
        )

    def forward(self, x: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """Return (N, Cout, H', W') for (N, Cin, H, W)."""
        groups = self.base.groups
        u = self.mixture(split_groups(self.lora_A(self.dropout(x)), groups), groups)
        return self.base(x, output_size) + self.scaling * join_groups(
            self.lora_B(u, output_size), groups
        )


class ConvLoraLinear(ConvLoraLayer):
    """
    ``nn.Linear`` with Conv-LoRA, on inputs that lie on a grid.

    Supported are (N, H, W, C); (N, tokens, C), row by row on the grid that ``grid`` states, or
    on a square one; and (N, C), where each row is a picture of one pixel. A class token among
    the tokens is not.
    """

    #: Height and width of the tokens' grid; None means that it is square.
    grid: tuple[int, int] | None = None

    def _make_factors(self, rank: int, factory: dict[str, Any]) -> None:
        base = self.base
        self.lora_A = nn.Linear(base.in_features, rank, bias=False, **factory)
        self.lora_B = nn.Linear(rank, base.out_features, bias=False, **factory)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """
        Return (..., Cout) for (..., Cin).

        :raises ConfigError: for an input that lies on no grid.
        """
        u = self.lora_A(self.dropout(x))
        maps = u.reshape(u.shape[0], *self._grid_of(u.shape), u.shape[-1]).permute(0, 3, 1, 2)
        mixed = self.mixture(maps).permute(0, 2, 3, 1).reshape(u.shape)
        return self.base(x) + self.scaling * self.lora_B(mixed)

    def _grid_of(self, shape: torch.Size) -> tuple[int, int]:
        if len(shape) == 4:
            return shape[1], shape[2]
        if len(shape) == 2:
            return 1, 1
        tokens = shape[1] if len(shape) == 3 else -1
        grid = self.grid or (math.isqrt(max(tokens, 0)),) * 2
        if grid[0] * grid[1] != tokens:
            raise ConfigError(
                f'Conv-LoRA cannot lay an input of shape {tuple(shape)} on a grid of '
                f'{grid[0]}x{grid[1]}: set .grid = (height, width) of the layer, or give '
                '(N, H, W, C)'
            )
        return grid


def split_groups(x: torch.Tensor, groups: int) -> torch.Tensor:
    """Return (N * groups, C / groups, H, W) of (N, C, H, W): each group a map of its own."""
    return x if groups == 1 else x.unflatten(1, (groups, -1)).flatten(0, 1)


def join_groups(x: torch.Tensor, groups: int) -> torch.Tensor:
    """Undo ``split_groups``."""
    return x if groups == 1 else x.unflatten(0, (-1, groups)).flatten(1, 2)


def total_balance_loss(network: nn.Module) -> torch.Tensor:
    """
    Return the sum of all Conv-LoRA layers' balancing losses of the latest training batch.

    :return: a scalar; 0 for a network without such layers.
    """
    losses = [
        module.balance_loss() for module in network.modules() if isinstance(module, ConvLoraLayer)
    ]
    if not losses:
        parameter = next(network.parameters(), None)
        return torch.zeros((), device=parameter.device if parameter is not None else None)
    return torch.stack([loss.float() for loss in losses]).sum()


_LAYERS: dict[type[nn.Module], type[AdapterModule]] = {
    nn.Conv2d: ConvLoraConv2d,
    nn.ConvTranspose2d: ConvLoraConvTranspose2d,
    nn.Linear: ConvLoraLinear,
}


def conv_lora_layers(
    config: LoraConfig,
) -> dict[type[nn.Module], Callable[[nn.Module, LoraConfig], AdapterModule]]:
    """Return the adapter of each kind of layer, as ``attach`` wants them."""
    return dict(MERGEABLE_LAYERS if config.mergeable else _LAYERS)
