"""One way to run a model, as files of its own, and loaded as the node would load it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from seg_node.bundle import describe_file, ModelBundle, save_bundle, WeightFile
from seg_node.engines import Engine, load_engine
from seg_node.manifest import Precision
from training.errors import ConfigError

_FORMATS = {'.onnx': 'onnx', '.xml': 'openvino_xml', '.bin': 'openvino_bin'}


@dataclass(frozen=True)
class Subject:
    """
    A model of a bundle that is to be quantized.

    :param adapter: its name; empty for the bundle's own model.
    :param graph: the fp32 ONNX file in the bundle.
    """

    adapter: str
    graph: WeightFile

    @property
    def name(self) -> str:
        """Name for people."""
        return f'adapter {self.adapter}' if self.adapter else 'base'

    @property
    def prefix(self) -> str:
        """Folder of its files in the bundle, with a slash at its end where there is one."""
        return f'adapters/{self.adapter}/' if self.adapter else ''


@dataclass(frozen=True)
class Variant:
    """
    A model in one engine and precision.

    :param engine: that it is for.
    :param method: how it was quantized; fp32 and bf16 have their precision here.
    :param precision: that the engine is told: fp32, bf16 or int8.
    :param files: the file to load and, with an IR, its weights.
    :param runs_on: the engine that it is measured in, where that is another one.
    :param never: why it does not enter a bundle whatever it reaches; empty for none.
    :param notes: what was done that people should know.
    :param facts: the same for scripts.
    """

    engine: str
    method: str
    precision: str
    files: tuple[Path, ...]
    runs_on: str = ''
    never: str = ''
    notes: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name for people: engine and method."""
        return f'{self.engine} {self.method}'

    @property
    def bytes(self) -> int:
        """What all its files take."""
        return sum(path.stat().st_size for path in self.files)

    @property
    def weights_bytes(self) -> int:
        """What the file with the weights takes."""
        return self.files[-1].stat().st_size


def subjects_of(bundle: ModelBundle) -> list[Subject]:
    """
    Return the bundle's model and its adapters.

    :raises ConfigError: when one of them has no fp32 ONNX file to quantize.
    """
    models = {'': bundle.manifest.files} | {
        name: adapter.files for name, adapter in bundle.manifest.adapters.items()
    }
    return [Subject(name, _graph_of(bundle, name, files)) for name, files in models.items()]


def _graph_of(bundle: ModelBundle, adapter: str, files: Sequence[WeightFile]) -> WeightFile:
    for file in files:
        if file.format == 'onnx' and file.precision == 'fp32':
            return file
    what = f'adapter {adapter} of {bundle.folder}' if adapter else str(bundle.folder)
    raise ConfigError(
        f'{what} has no ONNX file in fp32 to quantize: name a bundle that python -m training '
        'export made'
    )


def load(bundle: ModelBundle, variant: Variant, folder: Path, threads: int) -> tuple[
    ModelBundle, Engine
]:  # fmt: skip
    """
    Load a variant as the node would, from a bundle that holds nothing else.

    :param bundle: states how pictures go in and what scores mean.
    :param folder: where that small bundle is to lie.
    :param threads: 0 for one a core.
    :raises EngineError: when the engine cannot run the files.
    """
    engine = variant.runs_on or variant.engine
    precision: Precision = 'int8' if variant.precision == 'int8' else 'fp32'
    sources = {path.name: path for path in variant.files}
    files = describe(variant.files, engine, precision)
    manifest = replace(bundle.manifest, files=files, adapters={}, provenance={})
    small = save_bundle(folder, manifest, sources)
    return small, load_engine(small, engine, variant.precision, threads=threads)


def describe(
    paths: Sequence[Path], engine: str, precision: Precision, place: str = ''
) -> tuple[WeightFile, ...]:
    """
    Return the manifest's entries of a variant's files.

    :param paths: the file to load first.
    :param place: folder of the files in the bundle.
    """
    return tuple(
        replace(
            describe_file(
                path.parent,
                path.name,
                format=_FORMATS[path.suffix],
                precision=precision,
                engines=() if position else (engine,),
            ),
            path=f'{place}{path.name}',
        )
        for position, path in enumerate(paths)
    )
