"""Write files so that nobody ever sees half of one: temporary file, fsync, rename."""

from collections.abc import Iterator
from contextlib import contextmanager
import ctypes
import os
from pathlib import Path
import secrets

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """
    Give a temporary path beside ``path`` and move it there when the block ends well.

    The temporary name keeps the suffix (encoders choose the format by it). After an exception
    the old file, if any, is untouched and the temporary one is gone.

    :param path: the file to create or replace; its folder is made when missing.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.stem[:40]}-{secrets.token_hex(6)}{path.suffix}')
    try:
        # Created by us, for then the umask gives the permissions; reading it would change it for
        # a moment for every thread. Within the try: Ctrl-C may come right after it.
        temporary.touch(exist_ok=False)
        yield temporary
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content``, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Replace ``path`` by ``content`` (UTF-8), whole or not at all."""
    write_bytes(path, content.encode())


def put_folder(new: Path, path: Path) -> None:
    """
    Move a folder to ``path``, whole or not at all; what stands there ends up at ``new``.

    Linux exchanges the two in one step, so that a folder stands at ``path`` at every moment.
    Elsewhere it takes two renames; the first is taken back when the second fails.

    :param new: on the file system of ``path``.
    """
    if not path.exists():
        new.rename(path)
    elif not _exchange(new, path):
        previous = new.with_name(f'{new.name}.previous')
        path.rename(previous)
        try:
            new.rename(path)
        except BaseException:
            previous.rename(path)
            raise
        previous.rename(new)
    sync(path.parent)


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two names in one step; return False where system or file system cannot."""
    system = ctypes.CDLL(None)
    if not hasattr(system, 'renameat2'):
        return False
    names = os.fsencode(first), os.fsencode(second)
    return (
        system.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], ctypes.c_uint(_RENAME_EXCHANGE))
        == 0
    )


def sync(path: Path) -> None:
    """Wait until a file, or what a folder lists, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
