"""The content of a bundle's ``bundle.json``, and the rules that it keeps."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
import json
from pathlib import PurePosixPath
import re
from typing import Any, Literal

from seg_node.labels import Label, LANE_LABELS, LANE_MARKING, UNLABELLED
from seg_node.postprocess import OutputSpec
from seg_node.preprocess import InputSpec

SCHEMA_VERSION = 1

Precision = Literal['fp32', 'int8']

_SHA256 = re.compile('[0-9a-f]{64}')
_ADAPTER_NAME = re.compile('[A-Za-z0-9][A-Za-z0-9._-]*')


@dataclass(frozen=True)
class WeightFile:
    """One file of weights, what it is for, and how it was found to be."""

    path: str  # relative to the bundle, forward slashes
    format: Literal['onnx', 'openvino_xml', 'openvino_bin', 'safetensors', 'json']
    precision: Precision
    size_bytes: int
    sha256: str
    engines: tuple[str, ...] = ()  # engines it was checked with; empty for files to train from
    metrics: dict[str, float] = field(default_factory=dict)  # such as lane_iou, on `measured_on`
    latency_ms: dict[str, float] = field(default_factory=dict)  # p50 by engine
    measured_on: str = ''  # data set and machine of metrics and latency

    def __post_init__(self) -> None:
        pure = PurePosixPath(self.path)
        if not pure.parts or not self.path.isprintable():
            raise ValueError(f'path: {self.path!r} names no file')
        if pure.is_absolute() or '..' in pure.parts or '\\' in self.path:
            raise ValueError(f'path: {self.path} lies outside the bundle')
        if self.size_bytes < 0:
            raise ValueError(f'size_bytes: must not be negative, got {self.size_bytes}')
        if not _SHA256.fullmatch(self.sha256):
            raise ValueError(f'sha256: must be 64 lower-case hex digits, got {self.sha256!r:.80}')


@dataclass(frozen=True)
class Comparison:
    """An adapter beside the model it was made from, on one data set."""

    data: str  # name of the set, with its part
    use: Literal['target', 'base']  # what it was adapted to, or what it may have forgotten
    samples: int
    base: dict[str, float]  # metrics of the bundle's own model
    adapted: dict[str, float]  # the same of the adapter


@dataclass(frozen=True)
class Adapter:
    """A model adapted from the bundle's own: its files, ready to run, under adapters/NAME/."""

    files: tuple[WeightFile, ...]
    provenance: dict[str, Any] = field(default_factory=dict)
    base_sha256: str = ''  # of the bundle's weights that it was made for; empty where not stated
    comparisons: tuple[Comparison, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """The content of ``bundle.json``; a field that cannot be is a ``ValueError`` naming it."""

    name: str
    files: tuple[WeightFile, ...]
    input: InputSpec = field(default_factory=InputSpec)
    output: OutputSpec = field(default_factory=OutputSpec)
    #: One for each class of the network, in its order: a label's id is its place.
    labels: tuple[Label, ...] = LANE_LABELS
    network: dict[str, Any] = field(default_factory=dict)  # architecture, to fine-tune from
    adapters: dict[str, Adapter] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    description: str = ''
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        if not self.name or not self.name.isprintable():
            raise ValueError(f'name: must be one line of text, got {self.name!r:.80}')
        _check_labels(self.labels)
        _check_adapters(self.adapters, {file.sha256 for file in self.files})
        paths = [PurePosixPath(file.path) for file in self.all_files()]
        if twice := next((path for path in paths if paths.count(path) > 1), None):
            raise ValueError(f'files: {twice} is listed twice')
        for file in self.all_files():
            weights = PurePosixPath(file.path).with_suffix('.bin')
            if file.format == 'openvino_xml' and weights not in paths:
                raise ValueError(f'files: {file.path} needs {weights} listed beside it')

    def all_files(self) -> Iterator[WeightFile]:
        """Yield the files of the model, then those of its adapters."""
        yield from self.files
        for adapter in self.adapters.values():
            yield from adapter.files


def to_json(manifest: Manifest) -> str:
    """
    Return the text of ``bundle.json``.

    :raises ValueError: for NaN and infinity, which JSON does not have.
    """
    return json.dumps(asdict(manifest), indent=2, allow_nan=False)


def _check_labels(labels: tuple[Label, ...]) -> None:
    if not LANE_MARKING < len(labels) <= UNLABELLED:
        raise ValueError(
            f'labels: there are {len(labels)}, a network has from {LANE_MARKING + 1} (lane '
            f'marking is id {LANE_MARKING}) to {UNLABELLED} ({UNLABELLED} means unlabelled)'
        )
    for index, label in enumerate(labels):
        if label.id != index:
            raise ValueError(
                f'labels[{index}].id: must be {index}, its place in the table, got {label.id}'
            )
        if not label.name or not label.name.isprintable():
            raise ValueError(f'labels[{index}].name: must be one line, got {label.name!r:.80}')
        if not all(0 <= value <= 255 for value in label.color):
            raise ValueError(f'labels[{index}].color: must be 0 to 255, got {label.color}')
    if len({label.name for label in labels}) < len(labels):
        raise ValueError('labels: two of them have the same name')


def _check_adapters(adapters: dict[str, Adapter], bases: set[str]) -> None:
    for name, adapter in adapters.items():
        if not _ADAPTER_NAME.fullmatch(name):
            raise ValueError(
                f'adapters: {name!r:.80} is no name of letters, digits, dots, dashes and '
                'underscores'
            )
        if adapter.base_sha256 and adapter.base_sha256 not in bases:
            raise ValueError(
                f'adapters[{name!r}].base_sha256: it was made for other weights than the '
                "bundle's; adapt again"
            )
        for file in adapter.files:
            if PurePosixPath(file.path).parts[:2] != ('adapters', name):
                raise ValueError(
                    f'adapters[{name!r}].files: {file.path} does not lie under adapters/{name}/'
                )
