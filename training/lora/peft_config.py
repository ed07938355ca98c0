"""
``adapter_config.json``: peft's keys, and beside them what only this project knows.

What peft cannot express gets a ``peft_type`` that peft does not know, so that it refuses the
file: peft 0.21 drops a layer's dilation and padding mode without a word, has no transposed
convolutions, no factors of loralib's shape and no experts. Our own settings are under
``auto_mapping``, peft's place for facts on the base model, where it does not warn of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from torch import nn
from training.command_line import from_plain
from training.errors import ConfigError
from training.lora.adapter_module import AdapterModule
from training.lora.config import LoraConfig
from training.settings import plain

OURS, SCHEMA_VERSION = 'seg_node', 1
_PEFT_TYPE = 'LORA'
_KEYS = {'r': 'rank', 'lora_alpha': 'alpha', 'use_rslora': 'rslora', 'lora_dropout': 'dropout'}
#: Keys of peft that change the result and have no counterpart here, with the values that do not.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    'bias': ('none',),
    'lora_bias': (False,),
    'fan_in_fan_out': (False,),
    'init_lora_weights': (True, False, 'gaussian'),  # others change the base
    'rank_pattern': ({},),
    'alpha_pattern': ({},),
    'target_parameters': (),
    'trainable_token_indices': (),
    'layer_replication': (),
    'alora_invocation_tokens': (),
    'use_qalora': (False,),
    'use_bdlora': (),
    'arrow_config': (),
}


def peft_reads(modules: Mapping[str, AdapterModule], config: LoraConfig) -> bool:
    """Return whether peft would compute the same as these adapters do."""
    return config.kind in ('lora', 'dora') and all(
        _peft_layer(adapter.base, config.factorization) for adapter in modules.values()
    )


def _peft_layer(base: nn.Module, factorization: str) -> bool:
    if isinstance(base, nn.Conv2d):
        return (
            factorization == 'peft'
            and base.groups == 1
            and base.padding_mode == 'zeros'
            and set(base.dilation) == {1}
        )
    return isinstance(base, nn.Linear)


def to_json(
    network: nn.Module,
    config: LoraConfig,
    targets: Sequence[str],
    modules_to_save: Sequence[str],
    readable: bool,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """
    Return the content of the file.

    :param targets: names of the adapted layers.
    :param modules_to_save: names of other modules whose tensors are in the file whole.
    :param readable: whether peft would compute the same.
    :param facts: further entries of our own.
    """
    settings = plain(asdict(config))
    shared = {theirs: settings.pop(ours) for theirs, ours in _KEYS.items()}
    return {
        'peft_type': _PEFT_TYPE if readable else f'{OURS}_{config.kind}'.upper(),
        'auto_mapping': {
            'base_model_class': type(network).__name__,
            'parent_library': type(network).__module__,
            OURS: {'schema_version': SCHEMA_VERSION, **facts, 'settings': settings},
        },
        'base_model_name_or_path': None,
        'task_type': None,
        'inference_mode': True,
        **shared,
        'use_dora': config.kind == 'dora',
        'bias': 'none',
        'target_modules': list(targets),
        'modules_to_save': list(modules_to_save) or None,
    }


def facts_of(content: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """
    Return our own entries; empty for a file that peft wrote.

    :raises ConfigError: when a newer version of this project wrote it, or they are damaged.
    """
    mapping = content.get('auto_mapping')
    facts = mapping.get(OURS) if isinstance(mapping, dict) else None
    if facts is None:
        return {}
    version = facts.get('schema_version') if isinstance(facts, dict) else None
    if version != SCHEMA_VERSION or not isinstance(facts.get('files'), dict):
        raise ConfigError(
            f'{where}: auto_mapping.{OURS} has schema_version {version}, this version reads '
            f'{SCHEMA_VERSION}: make the adapter again, or update seg_node'
        )
    return facts


def from_json(content: Mapping[str, Any], names: Sequence[str], where: str) -> LoraConfig:
    """
    Return the settings of a file that this project or peft wrote.

    :param names: of the adapted layers, as the tensors say; peft's own file may name them by a
        pattern of another kind.
    :raises ConfigError: naming the key that cannot be.
    """
    facts = facts_of(content, where)
    missing = [key for key in ('peft_type', *_KEYS) if key not in content]
    if missing:
        raise ConfigError(f'{where} is no adapter: {", ".join(missing)} is missing')
    shared = {ours: content[theirs] for theirs, ours in _KEYS.items()}
    if facts:
        settings = facts.get('settings')
        known = {field.name for field in fields(LoraConfig)} - set(shared)
        if not isinstance(settings, dict) or not known <= set(settings):
            raise ConfigError(f'{where}: auto_mapping.{OURS}.settings is not whole: export again')
        return from_plain(LoraConfig, {**settings, **shared}, where)
    _check_foreign(content, where)
    kind = 'dora' if content.get('use_dora') else 'lora'
    return from_plain(LoraConfig, {**shared, 'kind': kind, 'targets': list(names)}, where)


def _check_foreign(content: Mapping[str, Any], where: str) -> None:
    """Refuse what peft can do and we cannot."""
    if content['peft_type'] != _PEFT_TYPE:
        raise ConfigError(
            f'{where}: peft_type is {content["peft_type"]!r}, only {_PEFT_TYPE} (with DoRA and '
            'rsLoRA) can be read'
        )
    for key, neutral in _NEUTRAL.items():
        value = content.get(key)
        if value is not None and value not in neutral:
            raise ConfigError(
                f'{where}: {key} is {value!r}, which adapters here do not know: train it without'
            )
