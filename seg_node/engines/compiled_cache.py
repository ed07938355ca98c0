"""
Compiled models on disk, so that only the first start of a model waits for its compiler.

A compiled model is code and is never trusted for lying in the right place: it is taken only from
a folder that nobody else can write to, only when its own sha256 still holds, and only for the
very model, library, settings and machine that it was made for. Anything else is built again.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
import hashlib
import json
import logging
import os
from pathlib import Path
import stat
from typing import Any, TypeVar

from seg_node.atomic_files import replacing
from seg_node.cache import cache_folder
from seg_node.engines.base import EngineSpec, first_line
from seg_node.machine import machine_key

T = TypeVar('T')

#: Of all compiled models together; those not used for longest go first.
MAX_BYTES = 1 << 30
#: Changes whenever entries are written in another way.
_FORMAT = 1
_MAX_HEADER_BYTES = 1 << 16
_OTHERS_CAN_WRITE = stat.S_IWGRP | stat.S_IWOTH

_log = logging.getLogger(__name__)


class _RefusedError(Exception):
    """Why an entry, or the whole folder, is not to be used."""


def key_of(library: str, spec: EngineSpec, settings: Mapping[str, Any]) -> str:
    """
    Name a compiled model: whatever could change it changes the key.

    :param library: name and version of what compiles.
    :param settings: all that the library is told beside the model.
    """
    model = [spec.sha256, spec.weights_sha256]
    return json.dumps([_FORMAT, library, model, dict(sorted(settings.items())), machine_key()])


def restore_or_build(
    key: str, restore: Callable[[bytes], T], build: Callable[[], tuple[T, bytes]]
) -> T:
    """
    Return a compiled model from the cache, or build it and keep it for the next start.

    :param key: of :func:`key_of`.
    :param restore: makes the model of what was kept; whatever it raises has the model built.
    :param build: makes the model, and the bytes to keep; none when it cannot be kept.
    """
    content = recall(key)
    if content is not None:
        try:
            return restore(content)
        except Exception as error:  # each library has classes of its own for this
            _log.warning('a kept model cannot be used, it is built again: %s', first_line(error))
    model, content = build()
    if content:
        keep(key, content)
    return model


def recall(key: str) -> bytes | None:
    """Return what was kept; None when there is nothing, or nothing that may be trusted."""
    path = path_of(key)
    try:
        _check_folder(path.parent)
        content = _read(path, key)
        with suppress(OSError):  # a cache that can be read alone is as good
            os.utime(path)  # used now: the last to be cleared away
    except FileNotFoundError:
        return None
    except (_RefusedError, OSError) as error:
        _log.warning('%s is not used (%s), the model is built again', path, error)
        return None
    return content


def keep(key: str, content: bytes) -> None:
    """Keep a compiled model; a cache that cannot be written only costs the next start time."""
    path = path_of(key)
    header = {'key': key, 'sha256': hashlib.sha256(content).hexdigest(), 'bytes': len(content)}
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_folder(path.parent)
        with replacing(path) as temporary:
            temporary.chmod(0o600)
            temporary.write_bytes(json.dumps(header).encode() + b'\n' + content)
        _clear(path.parent)
    except (_RefusedError, OSError) as error:
        _log.warning('the compiled model is not kept (%s), every start compiles again', error)


def path_of(key: str) -> Path:
    """Return where a compiled model is kept."""
    return cache_folder() / 'compiled' / hashlib.sha256(key.encode()).hexdigest()[:32]


def _check_folder(folder: Path) -> None:
    found = folder.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise _RefusedError(f'{folder} is no folder')
    _check_owner(found, 'its folder')


def _check_owner(found: os.stat_result, what: str) -> None:
    if found.st_uid != os.geteuid():
        raise _RefusedError(f'{what} belongs to another user')
    if found.st_mode & _OTHERS_CAN_WRITE:
        raise _RefusedError(f'other users can write to {what}: chmod go-w, or delete it')


def _read(path: Path, key: str) -> bytes:
    """
    Return the content of an entry.

    All checks are of the file that is open, so that nothing can be put in its place between.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, 'rb') as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _RefusedError('it is no file')
        _check_owner(found, 'it')
        header = file.readline(_MAX_HEADER_BYTES)
        content = file.read()
    try:
        stated = json.loads(header)
        same = stated['key'] == key and stated['bytes'] == len(content)
        whole = stated['sha256'] == hashlib.sha256(content).hexdigest()
    except (ValueError, TypeError, KeyError) as error:
        raise _RefusedError('it is damaged') from error
    if not same or not whole:
        raise _RefusedError('it is damaged or of another model')
    return content


def _clear(folder: Path) -> None:
    """Delete what was not used for longest, until the rest fits."""
    found = []
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process took it away
            found.append((path.lstat(), path))
    total = 0
    for facts, path in sorted(found, key=lambda item: -item[0].st_mtime):
        total += facts.st_size
        if total > MAX_BYTES:
            path.unlink(missing_ok=True)
