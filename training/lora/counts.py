"""How many parameters an adaptation trains, keeps and leaves alone."""

from dataclasses import dataclass

from torch import nn
from training.lora.inject import adapters


@dataclass(frozen=True)
class AdapterCounts:
    """
    Numbers of parameters; buffers, as batch norms' statistics, are not counted.

    :param trainable: that take gradients: adapters, and whatever else is not frozen.
    :param adapter: of the adapters alone.
    :param base: of the network without adapters.
    """

    trainable: int
    adapter: int
    base: int

    @property
    def share(self) -> float:
        """Trainable parameters over the base's."""
        return self.trainable / self.base

    def __str__(self) -> str:
        return (
            f'{self.trainable:,} trainable, {self.adapter:,} of them in adapters, '
            f"{self.share:.2%} of the base's {self.base:,}"
        )


def count(network: nn.Module) -> AdapterCounts:
    """Count the parameters of a network, with adapters or without."""
    parameters = list(network.parameters())
    total = sum(parameter.numel() for parameter in parameters)
    adapter = sum(
        parameter.numel()
        for module in adapters(network).values()
        for name, parameter in module.named_parameters()
        if not name.startswith('base.')
    )
    trainable = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
    return AdapterCounts(trainable, adapter, total - adapter)
