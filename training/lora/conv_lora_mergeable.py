"""
Conv-LoRA that folds into the layer exactly.

What can be merged is what is linear, looks at no picture, and stays inside the layer's kernel.
So: no GELU, no bias, experts of scale 1, all with the same weight. And the order changes: a 3 x 3
expert behind a k x k A would need a kernel of k + 2 pixels (k + 2 * stride * dilation in fact),
and would see its own zeros at the border instead of the layer's padding, so that no k x k kernel
is equal to it. Here A is 1 x 1 and the experts have the layer's own kernel size, stride, padding
and dilation:

    change = scaling * B (identity + mean over i of E_i) A,

which is exact for every padding mode, since a 1 x 1 convolution without bias keeps zeros zero and
commutes with reflection. Numerically the sum of weights is what the forward pass uses, so merged
and unmerged differ by no more than rounding. For a linear layer the experts are r x r matrices.
This is the Tucker form of LyCORIS: r (Cin + Cout) + experts * r^2 k^2 parameters.
"""

from typing import Any

import torch
from torch import nn
from training.errors import ConfigError
from training.lora.config import LoraConfig
from training.lora.layers import Factor, LowRankLayer


class MergeableConvLora(LowRankLayer):
    """``nn.Conv2d`` or ``nn.Linear`` with the linear Conv-LoRA; groups share A and the experts."""

    experts: Factor  # (experts, r out, r in, kh, kw)
    product_order = 'or,rshw,sc->ochw'  # of B, the experts and A, to the weight's axes

    def __init__(self, base: nn.Module, config: LoraConfig) -> None:
        if set(config.scales) != {1} or config.gate != 'uniform':
            raise ConfigError(
                'lora.mergeable needs --lora.scales [1] and --lora.gate uniform: an enlarged map '
                'or a gate that looks at the picture is no change of a weight'
            )
        super().__init__(base, config)

    def delta_weight(self) -> torch.Tensor:
        """Return what the adapter adds to the weight, of its shape; with gradient."""
        with self.full_precision():
            down, up = self.lora_A.weight.flatten(1), self.lora_B.weight.flatten(1)
            change = torch.einsum(self.product_order, up, self._core(), down)
            return change.reshape(self.weight.shape) * self.scaling

    def _core(self) -> torch.Tensor:
        """Return identity plus the mean expert, (r out, r in, kh, kw)."""
        core = self.experts.weight.mean(0)
        identity = torch.zeros_like(core)
        height, width = core.shape[2:]
        identity[:, :, height // 2, width // 2] = torch.eye(len(core)).to(core)
        return core + identity

    def _make_factors(self, config: LoraConfig) -> None:
        rows, columns, *kernel = self.weight.shape
        self._make(config, columns, rows, kernel)

    def _make(self, config: LoraConfig, inner: int, outer: int, kernel: list[int]) -> None:
        ones, rank = [1] * len(kernel), config.rank
        self.lora_A = Factor(self.weight, rank, inner, *ones)
        self.lora_B = Factor(self.weight, outer, rank, *ones)
        self.experts = Factor(self.weight, len(config.scales), rank, rank, *(kernel or [1, 1]))
        for expert in self.experts.weight:
            nn.init.kaiming_uniform_(expert, a=5**0.5)  # as nn.Conv2d


class MergeableConvLoraTranspose2d(MergeableConvLora):
    """``nn.ConvTranspose2d`` with the linear Conv-LoRA; its identity is enlargement by copies."""

    product_order = 'or,rshw,sc->cohw'

    def _core(self) -> torch.Tensor:
        core = self.experts.weight.mean(0)
        return core + torch.eye(len(core)).to(core)[:, :, None, None]

    def _make_factors(self, config: LoraConfig) -> None:
        rows, columns, *kernel = self.weight.shape
        self._make(config, rows, columns, kernel)


MERGEABLE_LAYERS: dict[type[nn.Module], Any] = {
    nn.Conv2d: MergeableConvLora,
    nn.ConvTranspose2d: MergeableConvLoraTranspose2d,
    nn.Linear: MergeableConvLora,
}
