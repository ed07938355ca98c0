"""
The model bundle: a folder that states everything the node must know about a model.

``bundle.json`` lies beside the weight files it lists with size and sha256. Nothing in a bundle is
ever unpickled, and no file outside the folder is ever opened.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
import hashlib
import json
from pathlib import Path
import shutil
import sys
import tempfile
from typing import Any

from seg_node.atomic_files import put_folder, write_text
from seg_node.bundle_report import describe_bundle
from seg_node.errors import SegNodeError
from seg_node.manifest import (
    Adapter,
    Comparison,
    Manifest,
    SCHEMA_VERSION,
    to_json,
    WeightFile,
)
from seg_node.share import shared_path
from seg_node.strict_json import from_json, parse_json

__all__ = [
    'MANIFEST',
    'SCHEMA_VERSION',
    'Adapter',
    'BundleError',
    'Comparison',
    'Manifest',
    'ModelBundle',
    'WeightFile',
    'check_replaceable',
    'default_bundle_path',
    'describe_file',
    'hash_file',
    'save_bundle',
]

MANIFEST = 'bundle.json'
_MAX_MANIFEST_BYTES = 1 << 20


class BundleError(SegNodeError):
    """A bundle that is missing, incomplete, altered or of another schema."""


@dataclass(frozen=True)
class ModelBundle:
    """A bundle on disk whose files were found whole."""

    folder: Path
    manifest: Manifest

    @classmethod
    def load(cls, folder: str | Path) -> 'ModelBundle':
        """
        Read a bundle and check every file it lists.

        A bundle that is installed as links is followed to where its manifest really lies.

        :param folder: the bundle's folder.
        :raises BundleError: one line with the remedy: no such folder, damaged or unknown
            ``bundle.json``, a file missing, altered, or outside the folder.
        """
        folder = Path(folder)
        try:
            manifest = _read_manifest(folder)
            folder = (folder / MANIFEST).resolve().parent
            for file in manifest.all_files():
                _check_file(folder, file)
        except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
            raise BundleError(
                f'{folder} cannot be read ({error}): fetch the bundle again'
            ) from error
        return cls(folder, manifest)

    @property
    def digest(self) -> str:
        """A hash of all weights and settings, to key caches by."""
        return hashlib.sha256(to_json(self.manifest).encode()).hexdigest()

    def select(self, engine: str, precision: str = 'auto', adapter: str = '') -> list[WeightFile]:
        """
        Return the files that an engine can run, in the bundle's order.

        :param engine: engine name as in ``WeightFile.engines``.
        :param precision: ``auto`` for any, else ``fp32`` or ``int8``.
        :param adapter: an adapter's name, or empty for the base model.
        :raises BundleError: when the adapter is unknown.
        """
        if adapter and adapter not in self.manifest.adapters:
            known = ', '.join(self.manifest.adapters) or 'none'
            raise BundleError(
                f"bundle {self.manifest.name} has no adapter '{adapter}': it has {known}"
            )
        files = self.manifest.adapters[adapter].files if adapter else self.manifest.files
        return [
            file
            for file in files
            if engine in file.engines and precision in ('auto', file.precision)
        ]

    def path_of(self, file: WeightFile) -> Path:
        """Return where a file of the bundle lies."""
        return self.folder / file.path


def default_bundle_path() -> Path:
    """Return the bundle that ships with the package."""
    return shared_path('models/lane_unet')


def describe_file(folder: Path, path: str, **facts: Any) -> WeightFile:
    """
    Make the manifest entry of a file that lies in ``folder``.

    :param folder: the bundle (or the folder in which one is being made).
    :param path: the file, relative to it.
    :param facts: the other fields of ``WeightFile``.
    """
    target = folder / path
    return WeightFile(
        path=path, size_bytes=target.stat().st_size, sha256=hash_file(target), **facts
    )


def hash_file(path: Path) -> str:
    """Return the sha256 of a file, as hex."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def save_bundle(folder: Path, manifest: Manifest, sources: Mapping[str, Path]) -> ModelBundle:
    """
    Write a bundle as a whole: either all of it stands at ``folder`` afterwards or nothing new.

    :param folder: where; a bundle that stands there is replaced.
    :param manifest: its content.
    :param sources: where the files of the manifest are to be copied from, by their path in it.
    :raises BundleError: when ``folder`` holds anything that is no part of a bundle, or a source
        is missing or not the file that the manifest describes.
    """
    folder = Path(folder).resolve()
    check_replaceable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f'.{folder.name}-') as temporary:
        staged = Path(temporary, 'new')
        for file in manifest.all_files():
            if file.path not in sources:
                raise BundleError(f'{folder}: no source is given for {file.path}; name one')
            (staged / file.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(sources[file.path], staged / file.path)
        write_text(staged / MANIFEST, to_json(manifest) + '\n')
        ModelBundle.load(staged)
        put_folder(staged, folder)
    return ModelBundle.load(folder)


def check_replaceable(folder: Path) -> None:
    """
    Refuse a place whose files a new bundle would do away with.

    :raises BundleError: when ``folder`` holds anything that is no part of a bundle.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        known = {MANIFEST, *(file.path for file in _read_manifest(folder).all_files())}
    except BundleError as error:
        raise BundleError(
            f'{folder} holds other files and no readable {MANIFEST}: name another folder, or '
            'remove this one'
        ) from error
    for path in folder.rglob('*'):
        relative = path.relative_to(folder).as_posix()
        if relative not in known and (path.is_symlink() or not path.is_dir()):
            raise BundleError(
                f'{folder} holds {relative}, which is no part of its bundle: name another '
                'folder, or move the file away'
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what a bundle is and whether it is whole; return the exit status."""
    parser = argparse.ArgumentParser(
        prog='python -m seg_node.bundle',
        description='Say what a model bundle is, and check every file of it.',
    )
    parser.add_argument(
        'folder', type=Path, nargs='?', metavar='DIR', help='default: the bundle that ships'
    )
    parser.add_argument('--json', action='store_true', help='print JSON instead of text')
    options = parser.parse_args(arguments)
    try:
        bundle = ModelBundle.load(options.folder or default_bundle_path())
    except SegNodeError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    facts = {'folder': str(bundle.folder), 'whole': True, 'digest': bundle.digest}
    if options.json:
        print(json.dumps(facts | {'manifest': asdict(bundle.manifest)}, indent=2))
    else:
        print(describe_bundle(bundle.folder, bundle.manifest))
        print('whole: yes')
    return 0


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not folder.is_dir():
        raise BundleError(f'no bundle at {folder}: there is no such folder; name another one')
    if not path.is_file():
        raise BundleError(f'{folder} is not a bundle: it has no {MANIFEST}; name another folder')
    if path.stat().st_size > _MAX_MANIFEST_BYTES:
        raise BundleError(f'{path} is over 1 MiB: this is no bundle manifest; fetch it again')
    try:
        content = parse_json(path.read_text(encoding='utf-8'))
    except (ValueError, RecursionError) as error:
        raise BundleError(f'{path} is not valid JSON ({error}): fetch the bundle again') from error
    if isinstance(content, dict) and content.get('schema_version') != SCHEMA_VERSION:
        raise BundleError(
            f'{path} has schema_version {content.get("schema_version")!r:.40}, this seg_node '
            f'reads {SCHEMA_VERSION}: export the model again or install the seg_node it was '
            'made for'
        )
    try:
        return from_json(Manifest, content)
    except (TypeError, ValueError, RecursionError) as error:
        raise BundleError(f'{path}: {error}; mend it or export the model again') from error


def _check_file(folder: Path, file: WeightFile) -> None:
    path = folder / file.path
    if not path.resolve().is_relative_to(folder):
        raise BundleError(
            f'{folder}: {file.path} is a link to outside the bundle; put the file itself there'
        )
    if not path.is_file():
        raise BundleError(f'{folder}: {file.path} is missing; fetch the bundle again')
    size = path.stat().st_size
    if size != file.size_bytes:
        raise BundleError(
            f'{folder}: {file.path} has {size} bytes instead of {file.size_bytes}; '
            'fetch the bundle again (git lfs pull, if it is a pointer)'
        )
    if hash_file(path) != file.sha256:
        raise BundleError(f'{folder}: {file.path} was altered (sha256 differs); fetch it again')


if __name__ == '__main__':
    sys.exit(main())
