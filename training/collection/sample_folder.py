"""
A pairs folder that grows: each sample whole or absent, whatever ends the process.

Files are written aside, synced and moved in; then their lines are appended to ``samples.jsonl``,
then the ledger is replaced. A sample counts when the ledger counts it: what a kill leaves beyond
that is cut off when the folder is opened again, and is collected once more.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
import errno
import fcntl
import json
import os
from pathlib import Path
import re
import shutil
from typing import Any

from seg_node.atomic_files import sync
from training.collection.errors import CollectError
from training.collection.ledger import LEDGER, Ledger

IMAGES, MASKS, SAMPLES, STATEMENT = 'images', 'masks', 'samples.jsonl', 'dataset.json'
_ASIDE = '.partial'
#: The names that we give, so that nothing else is ever removed: samples, and files that a kill
#: kept from taking the place of an older one.
_SAMPLE = re.compile(r'\d{4,}_\d{5,}\.(jpg|png)')
_TEMPORARY = re.compile(r'\.(collect|dataset|contact_sheet)-[0-9a-f]{12}\.(json|jpg)')
_LOCK = '.lock'
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True)
class EncodedSample:
    """The content of a sample's two files, and its line."""

    name: str
    suffix: str  # of the picture, with the dot
    image: bytes
    mask: bytes
    line: dict[str, Any] = field(default_factory=dict)


class SampleFolder:
    """An open pairs folder; nobody else may write to it meanwhile."""

    def __init__(self, path: Path, what: dict[str, Any]) -> None:
        """
        Open a folder, new or begun; what an interrupted run left half done is removed.

        :param path: made when missing.
        :param what: the settings that decide what is collected.
        :raises CollectError: when it is not ours, is in use, was begun with other settings, or
            cannot be written.
        """
        self.path = path
        with told_plainly(path):
            path.mkdir(parents=True, exist_ok=True)
            ledger = Ledger.read(path)
            _refuse_foreign(path, ledger)
            self._lock = _lock(path)
            try:
                if ledger is not None and ledger.samples:
                    ledger.check_what(what, path)
                # without samples there is nothing that other settings could spoil
                self.ledger = ledger if ledger and ledger.what == what else Ledger(what)
                self.ledger.write(path)  # first, for it says that the folder is ours
                for name in (IMAGES, MASKS, _ASIDE):
                    (path / name).mkdir(exist_ok=True)
                self.removed = self._recover()
                self._samples = (path / SAMPLES).open('ab', buffering=0)
            except BaseException:
                os.close(self._lock)
                raise

    def put(self, sample: EncodedSample) -> None:
        """
        Write the two files of a sample; it counts after the next :meth:`commit`.

        :raises CollectError: when the disk is full or the like.
        """
        image, mask = self.path / _ASIDE / 'image', self.path / _ASIDE / 'mask'
        with told_plainly(self.path):
            _write(image, sample.image)
            _write(mask, sample.mask)
            image.replace(self.path / IMAGES / f'{sample.name}{sample.suffix}')
            mask.replace(self.path / MASKS / f'{sample.name}.png')

    def commit(self, lines: Sequence[dict[str, Any]], ledger: Ledger) -> None:
        """
        Make samples count.

        :param lines: of the samples that were put since the last commit.
        :param ledger: the state with them; its ``samples`` and ``size`` are filled in here.
        :raises CollectError: when the disk is full; the state before stays.
        """
        content = b''.join(
            json.dumps(line, separators=(',', ':')).encode() + b'\n' for line in lines
        )
        after = replace(
            ledger,
            samples=self.ledger.samples + len(lines),
            size=self.ledger.size + len(content),
        )
        with told_plainly(self.path):
            for name in (IMAGES, MASKS):
                sync(self.path / name)
            try:
                _write_all(self._samples.fileno(), content)
                os.fsync(self._samples.fileno())
                after.write(self.path)
            except OSError:
                self._samples.truncate(self.ledger.size)
                raise
        self.ledger = after

    def finish(self) -> None:
        """Note that nothing is left to collect."""
        with told_plainly(self.path):
            self.ledger = replace(self.ledger, done=True)
            self.ledger.write(self.path)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield the lines of the samples that count."""
        path = self.path / SAMPLES
        if path.is_file():
            with path.open('rb') as file:
                content = file.read(self.ledger.size)
            yield from (json.loads(line) for line in content.splitlines())

    def close(self) -> None:
        """Let others write; a second call does nothing."""
        if not self._samples.closed:
            self._samples.close()
            shutil.rmtree(self.path / _ASIDE, ignore_errors=True)
            os.close(self._lock)

    def __enter__(self) -> 'SampleFolder':
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _recover(self) -> int:
        """Cut off what does not count; return how many files that were."""
        samples = self.path / SAMPLES
        samples.touch()
        if samples.stat().st_size < self.ledger.size:
            raise CollectError(
                f'{samples} is shorter than {LEDGER} says: it was changed; restore it, or name '
                'another --output'
            )
        if not self.ledger.done:
            os.truncate(samples, self.ledger.size)
        try:
            known = {self.path / line[key] for line in self.lines() for key in ('image', 'mask')}
        except (ValueError, KeyError, TypeError) as error:
            raise CollectError(
                f'{samples} is damaged ({error}): restore it, or name another --output'
            ) from error
        if self.ledger.done:
            return 0  # nothing of ours is left over; what is there was put there since
        orphans = [
            path
            for name in (IMAGES, MASKS)
            for path in _files(self.path / name, _SAMPLE)
            if path not in known
        ]
        for path in (*orphans, *_files(self.path, _TEMPORARY)):
            path.unlink()
        return len(orphans)


def _files(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    return [path for path in folder.iterdir() if pattern.fullmatch(path.name) and path.is_file()]


@contextmanager
def told_plainly(folder: Path) -> Iterator[None]:
    """Turn what the system refuses into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise CollectError(f'the disk of {folder} is full: free some space') from error
        if error.errno in _FORBIDDEN:
            raise CollectError(
                f'no permission to write in {folder} ({error.strerror}): name another --output, '
                'or change its owner or mode'
            ) from error
        raise CollectError(f'{folder} cannot be written ({error}): mend that') from error


def _refuse_foreign(path: Path, ledger: Ledger | None) -> None:
    """Leave folders alone that hold something else, for recovery removes files."""
    strangers = [
        item.name
        for item in path.iterdir()
        if item.name != _LOCK and not _TEMPORARY.fullmatch(item.name)
    ]
    if ledger is None and strangers:
        raise CollectError(
            f'{path} holds other files ({sorted(strangers)[0]}): name a new or empty folder '
            'with --output'
        )


def _lock(path: Path) -> int:
    """Take the folder for this process; the system lets go of it when the process ends."""
    descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise CollectError(
            f'another collection is writing to {path}: wait for it, or name another --output'
        ) from error
    return descriptor


def _write(path: Path, content: bytes) -> None:
    with path.open('wb', buffering=0) as file:
        _write_all(file.fileno(), content)
        os.fsync(file.fileno())


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
