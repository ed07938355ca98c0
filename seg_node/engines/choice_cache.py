"""Remember which engine was the fastest, for each machine, bundle and request."""

import json
import logging
from pathlib import Path

from seg_node.atomic_files import write_text
from seg_node.cache import cache_folder
from seg_node.machine import library_version, machine_key

_log = logging.getLogger(__name__)

#: How a choice was made, part of its key: those made otherwise are made again.
_METHOD = 'least time by turns'


def key_of(
    digest: str, adapter: str, threads: int, candidates: list[str], libraries: list[str]
) -> str:
    """
    Name a choice: whatever could change the answer changes the key.

    :param digest: of the bundle.
    :param adapter: name, or empty.
    :param threads: as asked for; 0 depends on the machine, which is part of the key.
    :param candidates: names of the engines and precisions to choose from.
    :param libraries: modules whose versions matter.
    """
    # the same module may come from another distribution, as onnxruntime-gpu
    versions = [f'{library} {library_version(library) or "unknown"}' for library in libraries]
    return json.dumps([_METHOD, digest, adapter, threads, candidates, versions, machine_key()])


def recall(key: str) -> str | None:
    """Return the engine chosen before; None when there is none or the file is damaged."""
    choice = _read().get(key)
    return choice.get('engine') if isinstance(choice, dict) else None


def remember(key: str, engine: str, latency_ms: dict[str, float]) -> None:
    """Keep a choice; a cache folder that cannot be written only costs the next start a second."""
    choices = _read() | {key: {'engine': engine, 'latency_ms': latency_ms}}
    try:
        write_text(_path(), json.dumps(choices, indent=2))
    except OSError as error:
        _log.warning('the choice of engine is not kept (%s), every start measures again', error)


def _path() -> Path:
    return cache_folder() / 'engine_choices.json'


def _read() -> dict[str, dict]:
    try:
        content = json.loads(_path().read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
