"""
An adapter in a folder, as tensors and JSON; no file is a pickle.

``adapter_config.json``, ``adapter_model.safetensors``, and ``batch_norm.safetensors`` unless batch
norms are frozen. peft forgets batch norms (its issue 1732): where it can read the adapter, they
are among its tensors besides, as ``modules_to_save``, so that it computes the same.
"""

from collections.abc import Mapping
import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from seg_node.atomic_files import write_bytes, write_text
import torch
from torch import nn
from training.errors import ConfigError
from training.lora import peft_config
from training.lora.adapter_state import (
    adapted_layers,
    adapter_state,
    fill,
    PREFIX,
    saved_modules,
    trained_modules,
    whole_state,
)
from training.lora.batch_norm import batch_norms
from training.lora.config import LoraConfig
from training.lora.fingerprint import weights_sha256
from training.lora.inject import adapters, attach

CONFIG, TENSORS = 'adapter_config.json', 'adapter_model.safetensors'
BATCH_NORM = 'batch_norm.safetensors'


def save_adapter(folder: Path, network: nn.Module, config: LoraConfig, base_sha256: str) -> None:
    """
    Write the adapter of a network.

    Other modules that are trained besides, as a head, go in whole. The configuration is written
    last and holds the hashes of the others, so a folder that was left half-written is told.

    :param config: what ``attach`` was given.
    :param base_sha256: of the network before it was adapted, from ``weights_sha256``; or of its
        file, if ``load_adapter`` will be given the same.
    :raises ConfigError: when something is trained that the files would lose, or nothing is there.
    """
    if not adapters(network):
        raise ConfigError('this network has no adapter to save: attach one first')
    trained = trained_modules(network, config)
    norms = {} if config.batch_norm == 'frozen' else dict(batch_norms(network))
    readable = peft_config.peft_reads(adapters(network), config)
    whole = {**trained, **(norms if readable else {})}
    contents = {TENSORS: _bytes(adapter_state(network) | whole_state(whole, PREFIX))}
    if norms:
        contents[BATCH_NORM] = _bytes(whole_state(norms))
    facts = {
        'base_sha256': base_sha256,
        'files': {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    }
    settings = peft_config.to_json(
        network, config, list(adapters(network)), list(whole), readable, facts
    )
    for name, content in contents.items():
        write_bytes(folder / name, content)
    if not norms:
        (folder / BATCH_NORM).unlink(missing_ok=True)
    write_text(folder / CONFIG, json.dumps(settings, indent=2) + '\n')


def load_adapter(folder: Path, network: nn.Module, base_sha256: str = '') -> LoraConfig:
    """
    Attach the adapter in a folder to its base and fill it; one that peft saved will do, too.

    :param network: the base; after an error it may be half adapted and is of no use.
    :param base_sha256: of the base, when the adapter was saved with the hash of its file; by
        default ``weights_sha256(network)``.
    :return: the adapter's settings.
    :raises ConfigError: when a file is missing, damaged or for another network.
    """
    content = _read_config(folder / CONFIG)
    facts = peft_config.facts_of(content, str(folder / CONFIG))
    hashes = facts.get('files', {})
    _check_base(folder, facts, base_sha256 or weights_sha256(network))
    tensors = _read_tensors(folder / TENSORS, hashes.get(TENSORS))
    config = peft_config.from_json(content, adapted_layers(tensors), str(folder / CONFIG))
    where = f'adapter {folder}'
    whole = saved_modules(network, content.get('modules_to_save') or [], where)
    norms = batch_norms(network)
    if not facts:
        policy = 'affine' if whole.keys() & norms.keys() else 'frozen'
        config = LoraConfig(**{**vars(config), 'batch_norm': policy})
    attach(network, config)
    whole = {name: network.get_submodule(name) for name in whole}
    expected = adapter_state(network) | whole_state(whole, PREFIX)
    fill(expected, tensors, where)
    for name, module in whole.items():
        module.requires_grad_(name not in norms or config.batch_norm == 'affine')
    if facts and config.batch_norm != 'frozen' and norms:
        state = _read_tensors(folder / BATCH_NORM, hashes.get(BATCH_NORM))
        fill(whole_state(batch_norms(network)), state, where)
    return config


def _bytes(state: Mapping[str, torch.Tensor]) -> bytes:
    tensors = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    return save(tensors, metadata={'format': 'pt'})


def _read_config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigError(f'no adapter at {path.parent}: it needs a {CONFIG}')
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise ConfigError(f'{path} is no JSON: {error}; make the adapter again') from error
    if not isinstance(content, dict):
        raise ConfigError(f'{path} is no adapter: it must hold keys and values')
    return content


def _read_tensors(path: Path, sha256: str | None) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise ConfigError(f'{path} is missing: make the adapter again')
    content = path.read_bytes()
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise ConfigError(
            f'{path} is damaged or from another training than its {CONFIG}: make the adapter again'
        )
    try:
        return load(content)
    except SafetensorError as error:
        raise ConfigError(f'{path} is damaged ({error}): make the adapter again') from error


def _check_base(folder: Path, facts: Mapping[str, Any], base_sha256: str) -> None:
    stated = facts.get('base_sha256')
    if stated and stated != base_sha256:
        raise ConfigError(
            f'adapter {folder} was made for other weights (sha256 {stated[:12]}…, this base has '
            f'{base_sha256[:12]}…): use the base it names, or adapt this one'
        )
