"""The tensors of an adapter under the keys that peft gives them, and back."""

from collections.abc import Mapping

import torch
from torch import nn
from training.errors import ConfigError
from training.lora.batch_norm import batch_norms
from training.lora.config import LoraConfig
from training.lora.inject import adapters

#: Of every key in adapter_model.safetensors, as peft's: base_model.model.<layer>.lora_A.weight
PREFIX = 'base_model.model.'
_BASE = 'base.'
_MAGNITUDE = '.lora_magnitude_vector'  # which peft writes without .weight


def adapter_state(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return the adapters' own tensors under peft's keys."""
    state = {
        f'{PREFIX}{name}.{key}': value
        for name, adapter in adapters(network).items()
        for key, value in adapter.state_dict().items()
        if not key.startswith(_BASE)
    }
    return {
        key.removesuffix('.weight') if f'{_MAGNITUDE}.' in key else key: value
        for key, value in state.items()
    }


def whole_state(modules: Mapping[str, nn.Module], prefix: str = '') -> dict[str, torch.Tensor]:
    """Return all tensors of modules, keyed by the modules' names."""
    return {
        f'{prefix}{name}.{key}': value
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }


def trained_modules(network: nn.Module, config: LoraConfig) -> dict[str, nn.Module]:
    """
    Return the modules that are trained besides the adapters, as a head may be.

    Batch norms are left out, unless their policy keeps them out of their own file.

    :raises ConfigError: for a parameter that belongs to no such module.
    """
    inside = tuple(f'{name}.' for name in adapters(network))
    norms = batch_norms(network) if config.batch_norm != 'frozen' else {}
    trained: dict[str, nn.Module] = {}
    for key, parameter in network.named_parameters():
        name = key.rpartition('.')[0]
        if not parameter.requires_grad or name in norms:
            continue
        if not name or any(key.startswith(f'{start}{_BASE}') for start in inside):
            raise ConfigError(
                f'{key} is trained, but an adapter cannot hold it: leave it frozen, or leave its '
                'layer out of lora.targets'
            )
        if not key.startswith(inside):
            trained[name] = network.get_submodule(name)
    return trained


def adapted_layers(tensors: Mapping[str, torch.Tensor]) -> list[str]:
    """Return the names of the layers that have an adapter in the file."""
    end = '.lora_A.weight'
    return [
        key.removeprefix(PREFIX).removesuffix(end) for key in sorted(tensors) if key.endswith(end)
    ]


def saved_modules(network: nn.Module, names: list[str], where: str) -> dict[str, nn.Module]:
    """Return the modules that are saved whole; peft names them by the end of their path."""
    modules = dict(network.named_modules())
    found = {
        name: module
        for name, module in modules.items()
        if any(f'.{name}'.endswith(f'.{end}') for end in names)
    }
    lost = [end for end in names if not any(f'.{name}'.endswith(f'.{end}') for name in found)]
    if lost:
        raise ConfigError(
            f'{where} is for another network: there is no module {lost[0]} in this one'
        )
    return found


def fill(
    targets: Mapping[str, torch.Tensor], values: Mapping[str, torch.Tensor], where: str
) -> None:
    """Copy values into tensors of the same names and shapes."""
    for key in (*targets.keys() - values.keys(), *values.keys() - targets.keys()):
        told = 'lacks' if key in targets else 'has an unknown tensor'
        raise ConfigError(f'{where} {told} {key}: it is for another network, or damaged')
    for key, value in values.items():
        if value.shape != targets[key].shape:
            raise ConfigError(
                f'{where} is for another network: {key} is {list(value.shape)}, '
                f'this one needs {list(targets[key].shape)}'
            )
        if not value.isfinite().all():
            raise ConfigError(f'{where}: {key} is not finite: its training failed, train it again')
    with torch.no_grad():
        for key, value in values.items():
            targets[key].copy_(value)
