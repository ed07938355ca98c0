"""
The model bundle: a folder that states everything the node must know about a model.

``bundle.json`` lies beside the weight files it lists with size and sha256. Nothing in a bundle is
ever unpickled, and no file outside the folder is ever opened.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
import hashlib
import json
from pathlib import Path, PurePosixPath
import shutil
import tempfile
from typing import Any, Literal

from seg_node.atomic_files import write_text
from seg_node.errors import SegNodeError
from seg_node.labels import Label, LANE_LABELS
from seg_node.postprocess import OutputSpec
from seg_node.preprocess import InputSpec
from seg_node.share import shared_path
from seg_node.strict_json import from_json

SCHEMA_VERSION = 1
MANIFEST = 'bundle.json'
_MAX_MANIFEST_BYTES = 1 << 20

Precision = Literal['fp32', 'int8']


class BundleError(SegNodeError):
    """A bundle that is missing, incomplete, altered or of another schema."""


@dataclass(frozen=True)
class WeightFile:
    """One file of weights, what it is for, and how it was found to be."""

    path: str  # relative to the bundle, forward slashes
    format: Literal['onnx', 'openvino_xml', 'openvino_bin', 'safetensors']
    precision: Precision
    size_bytes: int
    sha256: str
    engines: tuple[str, ...] = ()  # engines it was checked with; empty for files to train from
    metrics: dict[str, float] = field(default_factory=dict)  # such as lane_iou, on `measured_on`
    latency_ms: dict[str, float] = field(default_factory=dict)  # p50 by engine
    measured_on: str = ''  # data set and machine of metrics and latency


@dataclass(frozen=True)
class Adapter:
    """A model adapted from the bundle's own: its files, ready to run, under adapters/NAME/."""

    files: tuple[WeightFile, ...]
    provenance: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """The content of ``bundle.json``."""

    name: str
    files: tuple[WeightFile, ...]
    input: InputSpec = field(default_factory=InputSpec)
    output: OutputSpec = field(default_factory=OutputSpec)
    labels: tuple[Label, ...] = LANE_LABELS
    network: dict[str, Any] = field(default_factory=dict)  # architecture, to fine-tune from
    adapters: dict[str, Adapter] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    description: str = ''
    schema_version: int = SCHEMA_VERSION

    def all_files(self) -> Iterator[WeightFile]:
        """Yield the files of the model, then those of its adapters."""
        yield from self.files
        for adapter in self.adapters.values():
            yield from adapter.files


@dataclass(frozen=True)
class ModelBundle:
    """A bundle on disk whose files were found whole."""

    folder: Path
    manifest: Manifest

    @classmethod
    def load(cls, folder: str | Path) -> 'ModelBundle':
        """
        Read a bundle and check every file it lists.

        :param folder: the bundle's folder.
        :raises BundleError: one sentence with the remedy: no such folder, damaged or unknown
            ``bundle.json``, a file missing, altered, or outside the folder.
        """
        folder = Path(folder)
        manifest = _read_manifest(folder)
        for file in manifest.all_files():
            _check_file(folder, file)
        return cls(folder.resolve(), manifest)

    @property
    def digest(self) -> str:
        """A hash of all weights and settings, to key caches by."""
        return hashlib.sha256(_to_json(self.manifest).encode()).hexdigest()

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
    :raises BundleError: when ``folder`` holds something that is not a bundle.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
        raise BundleError(f'{folder} holds other files and no {MANIFEST}: name another folder')
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f'.{folder.name}-') as temporary:
        staged, previous = Path(temporary, 'new'), Path(temporary, 'previous')
        for path, source in sources.items():
            (staged / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, staged / path)
        write_text(staged / MANIFEST, _to_json(manifest) + '\n')
        ModelBundle.load(staged)
        if folder.exists():
            folder.rename(previous)
        staged.rename(folder)
    return ModelBundle.load(folder)


def _to_json(manifest: Manifest) -> str:
    return json.dumps(asdict(manifest), indent=2)


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not folder.is_dir():
        raise BundleError(f'no bundle at {folder}: there is no such folder')
    if not path.is_file():
        raise BundleError(f'{folder} is not a bundle: it has no {MANIFEST}')
    if path.stat().st_size > _MAX_MANIFEST_BYTES:
        raise BundleError(f'{path} is over 1 MiB: this is not a bundle manifest')
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (ValueError, RecursionError) as error:
        raise BundleError(f'{path} is not valid JSON ({error}): fetch the bundle again') from error
    version = content.get('schema_version') if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise BundleError(
            f'{path} has schema_version {version}, this seg_node reads {SCHEMA_VERSION}: '
            'export the model again or install the seg_node it was made for'
        )
    try:
        return from_json(Manifest, content)
    except (TypeError, ValueError) as error:
        raise BundleError(f'{path}: {error}; mend it or export the model again') from error


def _check_file(folder: Path, file: WeightFile) -> None:
    pure = PurePosixPath(file.path)
    path = folder / file.path
    outside = pure.is_absolute() or '..' in pure.parts or '\\' in file.path
    if outside or not path.resolve().is_relative_to(folder.resolve()):
        raise BundleError(f'{folder}: {file.path} lies outside the bundle; refused')
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
