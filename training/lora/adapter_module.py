"""What every adapter module is: a frozen layer and something trained beside it."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.func import functional_call
from training.errors import ConfigError


class AdapterModule(nn.Module):
    """
    A frozen layer with an adapter; it takes the layer's place in the network.

    Merging is an explicit call and never a side effect of ``train()`` or ``eval()``: in the
    reference implementation, whose root ``eval()`` does not reach the layers' own, that is a trap.
    While merged, ``state_dict`` holds the merged weight: unmerge before saving it.

    :param base: the layer; its parameters are frozen here.
    """

    _unmerged: torch.Tensor | None

    def __init__(self, base: nn.Module) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        # kept to give back the very same bits; w + d - d would not
        self.register_buffer('_unmerged', None, persistent=False)

    @property
    def weight(self) -> torch.Tensor:
        """The frozen layer's weight."""
        weight = self.base.weight
        assert isinstance(weight, torch.Tensor)
        return weight

    @property
    def merged(self) -> bool:
        """Whether the base's weight holds the adapter's change now."""
        return self._unmerged is not None

    def delta_weight(self) -> torch.Tensor:
        """
        Return what the adapter adds to the weight, of its shape.

        :raises ConfigError: for an adapter that is no change of the weight.
        """
        raise NotImplementedError

    def full_precision(self) -> AbstractContextManager:
        """Return what keeps autocast out of the sums that make the change of the weight."""
        if self.weight.is_meta:  # whose arithmetic is only counted
            return nullcontext()
        return torch.autocast(self.weight.device.type, enabled=False)

    def merge(self) -> None:
        """Add the change to the base's weight; merging twice is merging once."""
        if self.merged:
            return
        with torch.no_grad():
            delta = self.delta_weight()
            self._unmerged = self.weight.detach().clone()
            self.weight.add_(delta)

    def unmerge(self) -> None:
        """Put the base's weight back, to the bit; harmless when it is not merged."""
        if self._unmerged is not None:
            with torch.no_grad():
                self.weight.copy_(self._unmerged)
            self._unmerged = None

    def apply_base(self, *arguments: Any) -> torch.Tensor:
        """
        Run the merged base.

        :raises ConfigError: in training, where the adapter would get no gradient.
        """
        if self.training and torch.is_grad_enabled():
            raise ConfigError(
                'this network is merged, its adapters would not learn: unmerge it, then train'
            )
        return self.base(*arguments)

    def apply_weight(self, weight: torch.Tensor, *arguments: Any) -> torch.Tensor:
        """Run the base with another weight: its own forward, so every setting is obeyed."""
        return functional_call(self.base, {'weight': weight}, arguments)
