"""Put adapters into a network, merge them, and fold them away."""

from collections.abc import Callable
import copy
from fnmatch import fnmatchcase

from torch import nn
from training.errors import ConfigError
from training.lora.adapter_module import AdapterModule
from training.lora.batch_norm import apply_policy, plain_batch_norms
from training.lora.config import LoraConfig
from training.lora.conv_lora import conv_lora_layers
from training.lora.layers import LOW_RANK_LAYERS
from training.lora.replace import replace_modules


def attach(network: nn.Module, config: LoraConfig) -> tuple[str, ...]:
    """
    Wrap the targets of a network in adapters, in place, and freeze all the rest.

    Only the adapters' parameters are left to train (and the batch norms' scale and shift under
    ``affine``). The frozen batch norms' policy survives ``train()`` of the network. The output is
    the same as before, to the bit.

    :return: the names of the wrapped modules, in the network's order.
    :raises ConfigError: for a pattern that matches nothing, or a network that has adapters.
    """
    if config.kind == 'none':
        raise ConfigError('lora.kind is none, which adds no adapter: choose lora, dora, conv_lora')
    if adapters(network):
        raise ConfigError(
            'this network has adapters already: fold them into it first, or start from its base'
        )
    makers = _makers(config)
    names = _targets(network, config, makers)
    wanted = {network.get_submodule(name) for name in names}
    network.requires_grad_(False)
    apply_policy(network, config.batch_norm)
    replace_modules(
        network,
        lambda module: makers[type(module)](module, config) if module in wanted else module,
    )
    return names


def adapters(network: nn.Module) -> dict[str, AdapterModule]:
    """Return the adapter modules by the name that each layer had before."""
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, AdapterModule)
    }


def merge(network: nn.Module) -> None:
    """
    Add every adapter's change to its base's weight, in place; a second call changes nothing.

    :raises ConfigError: for an adapter that is no change of the weight.
    """
    for adapter in adapters(network).values():
        adapter.delta_weight()  # refuse before anything is changed
    for adapter in adapters(network).values():
        adapter.merge()


def unmerge(network: nn.Module) -> None:
    """Put every base's weight back, to the bit; harmless where nothing is merged."""
    for adapter in adapters(network).values():
        adapter.unmerge()


def fold(network: nn.Module) -> nn.Module:
    """
    Return a copy of the network without adapters, whose weights hold their change.

    Its ``state_dict`` has the keys of the base's, its modules the base's classes; the network
    itself stays as it is.

    :raises ConfigError: for an adapter that is no change of the weight.
    """
    folded = copy.deepcopy(network)
    merge(folded)
    replace_modules(
        folded, lambda module: module.base if isinstance(module, AdapterModule) else module
    )
    plain_batch_norms(folded)
    return folded.requires_grad_(True)


Maker = Callable[[nn.Module, LoraConfig], AdapterModule]


def _makers(config: LoraConfig) -> dict[type[nn.Module], Maker]:
    if config.kind == 'conv_lora':
        return conv_lora_layers(config)
    return dict(LOW_RANK_LAYERS)


def _targets(
    network: nn.Module, config: LoraConfig, makers: dict[type[nn.Module], Maker]
) -> tuple[str, ...]:
    names = [name for name, module in network.named_modules() if name and type(module) in makers]
    for pattern in config.targets:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ConfigError(
                f'lora.targets: {pattern!r} matches no layer; the layers that can have an '
                f'adapter are {", ".join(names) or "none"}'
            )
    return tuple(
        name for name in names if any(fnmatchcase(name, pattern) for pattern in config.targets)
    )
