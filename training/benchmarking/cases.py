"""What is measured: every model in every engine, precision, size and number of threads."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from seg_node.bundle import ModelBundle
from seg_node.engines import EngineError
from seg_node.engines.selection import Candidate, find_candidates, is_installed
from seg_node.machine import core_count
from training.benchmark_config import BenchmarkConfig, OWN_SIZE, parse_size
from training.benchmarking.case import Case, Size
from training.benchmarking.errors import BenchmarkError
from training.benchmarking.peer_config import PeerConfig
from training.benchmarking.resized_bundle import resized
from training.errors import ConfigError
from training.evaluation.models import ModelName

#: Tried where nobody names engines; TensorRT would build plans for minutes.
_USUAL = ('onnxruntime', 'openvino', 'torch')
_PEER_ENGINES = ('onnxruntime', 'openvino')
_QUANTIZED = (b'QuantizeLinear', b'FakeQuantize', b'QLinearConv', b'ConvInteger')


def list_cases(config: BenchmarkConfig, scratch: Path) -> list[Case]:
    """
    Return all that is to be measured.

    :param scratch: folder for bundles at other sizes.
    :raises SegNodeError: when a model cannot be read, does not work at a size, or nothing fits.
    """
    for engine in config.engines:
        if not is_installed(engine):
            raise BenchmarkError(
                f'--engines names {engine}, which is not installed: pip install {engine}, or '
                'leave it out'
            )
    sizes: list[Size | None] = [
        None if text == OWN_SIZE else parse_size(text, 'sizes') for text in config.sizes
    ]
    found: list[tuple[Path, Case]] = []
    for text in config.models:
        name = ModelName.parse(text)
        found += [(name.path, case) for case in _of_bundle(name, config, sizes or [None], scratch)]
    for peer in config.all_peers:
        found += [(peer.file, case) for case in _of_peer(peer, config, sizes or [None])]
    return list(dict.fromkeys(_told_apart(found)))


def _told_apart(found: Sequence[tuple[Path, Case]]) -> Iterator[Case]:
    """Yield the cases; models of one name get their paths into it, for they are not the same."""
    places: dict[str, set[Path]] = {}
    for path, case in found:
        places.setdefault(case.model, set()).add(path.resolve())
    for path, case in found:
        alone = len(places[case.model]) == 1
        yield case if alone else replace(case, model=f'{case.model} ({path})')


def _threads(config: BenchmarkConfig) -> list[int]:
    return list(dict.fromkeys(count or core_count() for count in config.threads))


def _of_bundle(
    name: ModelName, config: BenchmarkConfig, sizes: Sequence[Size | None], scratch: Path
) -> Iterator[Case]:
    if name.is_run:
        raise ConfigError(f'--models names {name.path}, a run: export it as a bundle first')
    original = ModelBundle.load(name.path)
    shown = original.manifest.name + (f':{name.adapter}' if name.adapter else '')
    own = original.manifest.input
    for size in sizes:
        is_own = size in (None, (own.width, own.height))
        bundle = resized(original, size, scratch) if size and not is_own else original
        spec = bundle.manifest.input
        for candidate in _candidates(bundle, name, config):
            for threads in _threads(config):
                yield Case(
                    shown, candidate.engine, candidate.precision, threads, bundle.folder,
                    bundle.path_of(candidate.file), name.adapter, size=(spec.width, spec.height),
                )  # fmt: skip


def _candidates(bundle: ModelBundle, name: ModelName, config: BenchmarkConfig) -> list[Candidate]:
    """
    Return the ways to run a bundle that were asked for and are there.

    :raises EngineError: when there is none.
    """
    asked = config.engines or tuple(filter(is_installed, _USUAL))
    engines = asked if name.engine == 'auto' else (name.engine,)
    precisions = config.precisions or ('auto',)
    if name.precision != 'auto':
        precisions = (name.precision,)
    found: list[Candidate] = []
    failure: EngineError | None = None
    for engine in engines:
        for precision in precisions:
            try:
                found += find_candidates(bundle, engine, precision, name.adapter)
            except EngineError as error:
                failure = error
    if not found and failure:
        raise failure
    return found


def _of_peer(
    peer: PeerConfig, config: BenchmarkConfig, sizes: Sequence[Size | None]
) -> Iterator[Case]:
    able = _PEER_ENGINES if peer.file.suffix == '.onnx' else ('openvino',)
    engines = [name for name in able if name in (config.engines or able) and is_installed(name)]
    if not engines:
        raise BenchmarkError(
            f'--peer {peer.file} needs engine {" or ".join(able)}: add it to --engines, or pip '
            f'install {able[0]}'
        )
    quantized = any(mark in peer.file.read_bytes() for mark in _QUANTIZED)
    for size in sizes:
        for engine in engines:
            for precision in _peer_precisions(engine, quantized, config):
                for threads in _threads(config):
                    yield Case(
                        peer.shown, engine, precision, threads, peer.file, peer.file, peer=peer,
                        size=size,
                    )  # fmt: skip


def _peer_precisions(engine: str, quantized: bool, config: BenchmarkConfig) -> list[str]:
    """Go by what is in the file; fp32 also runs in bf16 where engine and processor do that."""
    if quantized:
        return ['int8']
    if engine == 'openvino' and 'bf16' in (config.precisions or ('bf16',)):
        from seg_node.engines.openvino_engine import has_bf16

        if has_bf16():
            return ['fp32', 'bf16']
    return ['fp32']


def products_for(cases: Sequence[Case], folder: Path) -> list[Case]:
    """
    Return the matrix products to hold cases against: of each engine, precision and threads.

    :param folder: for their files.
    """
    kinds = dict.fromkeys((case.engine, case.precision, case.threads) for case in cases)
    return [
        Case('', engine, precision, threads, folder, folder)
        for engine, precision, threads in kinds
        if (engine, precision) != ('torch', 'int8')
    ]
