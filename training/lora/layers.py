"""Low-rank adapters of convolutions, transposed convolutions and linear layers."""

from collections.abc import Callable, Sequence
import math
from typing import Any

import torch
from torch import nn
from torch.func import functional_call
from training.lora import delta
from training.lora.adapter_module import AdapterModule
from training.lora.config import LoraConfig

Product = Callable[[torch.Tensor, torch.Tensor, Sequence[int], float], torch.Tensor]


class Factor(nn.Module):
    """One trained tensor, named ``weight`` so that its key in files is the one peft writes."""

    def __init__(self, like: torch.Tensor, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(like.new_zeros(shape))


class LowRankLayer(AdapterModule):
    """
    A frozen layer plus a product of two thin factors (Hu et al. 2021, arXiv:2106.09685).

    The forward pass adds the factors' product to the weight and runs the layer once, instead of
    running two thin convolutions beside it. Both are exact; this one holds for both
    factorisations, all groups and DoRA, and keeps no second feature map. On two CPU cores a
    training step of it took half the time at 16 to 64 channels and the same at 128, in float32 and
    in bfloat16: convolutions to 4 channels leave the vector units idle. Only dropout, which
    concerns the input of the adapter alone, needs a second run. Under autocast the sum is made in
    full precision.

    The second factor begins at zero, so the output begins as the base's, to the bit.

    :param base: the layer to adapt; frozen here.
    :param config: rank, scaling, factorisation, ``dora``.
    """

    base: Any  # a layer with weight, bias and, for convolutions, groups
    lora_A: Factor  # noqa: N815 (the name in peft's files)
    lora_B: Factor  # noqa: N815
    transposed_groups = 0

    def __init__(self, base: nn.Module, config: LoraConfig) -> None:
        super().__init__(base)
        self.scaling = config.scaling
        self.dropout = nn.Dropout(config.dropout)
        self.product: Product = delta.two_convolutions
        self._make_factors(config)
        nn.init.kaiming_uniform_(self.lora_A.weight, a=math.sqrt(5))  # as peft and loralib
        self.lora_magnitude_vector: Factor | None = None
        if config.kind == 'dora':
            norms = delta.channel_norms(self.weight.detach(), self.transposed_groups)
            shape = (1, -1, 1, 1) if self.weight.ndim == 4 else (-1,)  # as peft
            self.lora_magnitude_vector = Factor(self.weight, *norms.view(shape).shape)
            self.lora_magnitude_vector.weight.data.copy_(norms.view(shape))
        self.train(base.training)

    def delta_weight(self) -> torch.Tensor:
        """Return what the adapter adds to the weight, of its shape; with gradient."""
        weight = self._unmerged if self._unmerged is not None else self.weight
        with self.full_precision():
            change = self.product(
                self.lora_A.weight, self.lora_B.weight, weight.shape, self.scaling
            )
            if self.lora_magnitude_vector is None:
                return change
            magnitude = self.lora_magnitude_vector.weight
            return delta.with_magnitude(weight, change, magnitude, self.transposed_groups)

    def forward(self, x: torch.Tensor, *arguments: Any) -> torch.Tensor:
        """Return what the base returns for its weight plus ``delta_weight()``."""
        if self.merged:
            return self.apply_base(x, *arguments)
        if self.training and self.dropout.p:
            change = {
                name: torch.zeros_like(value) for name, value in self.base.named_parameters()
            }
            change['weight'] = self.delta_weight()
            dropped = functional_call(self.base, change, (self.dropout(x), *arguments))
            return self.base(x, *arguments) + dropped
        return self.apply_weight(self.weight + self.delta_weight(), x, *arguments)

    def _make_factors(self, config: LoraConfig) -> None:
        """Create ``lora_A`` and ``lora_B``, all zero, and choose their product."""
        rows, columns = self.weight.shape[0], self.weight.shape[1:]
        if config.factorization == 'loralib' and self.weight.ndim == 4:
            return self._make_reshaped(config.rank)
        ones = [1] * (len(columns) - 1)
        self.lora_A = Factor(self.weight, config.rank, *columns)
        self.lora_B = Factor(self.weight, rows, config.rank, *ones)
        return None

    def _make_reshaped(self, rank: int) -> None:
        """Loralib's factors; it knows square kernels only, others take their shorter side."""
        rows, columns, height, width = self.weight.shape
        groups, inner = self.base.groups, rank * min(height, width)
        self.lora_A = Factor(self.weight, inner, columns * groups * width)
        self.lora_B = Factor(self.weight, rows // groups * height, inner)
        self.product = delta.reshaped_product


class LoraLinear(LowRankLayer):
    """``nn.Linear`` with an adapter: (..., Cin) in, (..., Cout) out."""


class LoraConv2d(LowRankLayer):
    """``nn.Conv2d`` with an adapter, whatever its stride, padding, dilation and groups."""


class LoraConvTranspose2d(LowRankLayer):
    """``nn.ConvTranspose2d`` with an adapter; takes ``output_size`` as the layer does."""

    @property
    def transposed_groups(self) -> int:  # type: ignore[override]
        """Groups of the layer, whose weight has its output channels second."""
        return self.base.groups

    def _make_factors(self, config: LoraConfig) -> None:
        if config.factorization == 'loralib':
            return self._make_reshaped(config.rank)
        rows, *columns = self.weight.shape
        self.lora_A = Factor(self.weight, config.rank, rows, 1, 1)
        self.lora_B = Factor(self.weight, config.rank, *columns)
        self.product = delta.two_transposed_convolutions
        return None


#: The adapter of each kind of layer. Sub-classes have none: they may compute something else.
LOW_RANK_LAYERS: dict[type[nn.Module], type[LowRankLayer]] = {
    nn.Conv2d: LoraConv2d,
    nn.ConvTranspose2d: LoraConvTranspose2d,
    nn.Linear: LoraLinear,
}
