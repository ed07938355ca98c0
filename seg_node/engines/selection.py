"""Choose an engine: what is installed, what the bundle has files for, what is fastest here."""

from dataclasses import dataclass
import importlib
import importlib.util
import logging
from pathlib import PurePosixPath
import time
from types import ModuleType

import numpy as np
from seg_node.bundle import ModelBundle, WeightFile
from seg_node.engines import choice_cache
from seg_node.engines.base import Engine, EngineError, EngineSpec, first_line

_log = logging.getLogger(__name__)

#: Module and class of each engine, imported only when it is used, and what must be installed.
_ENGINES = {
    'onnxruntime': ('onnxruntime_engine', 'OnnxRuntimeEngine', 'onnxruntime'),
    'openvino': ('openvino_engine', 'OpenVinoEngine', 'openvino'),
    'tensorrt': ('tensorrt_engine', 'TensorRtEngine', 'tensorrt'),
    'torch': ('torch_engine', 'TorchEngine', 'torch'),
}
ENGINE_NAMES = tuple(_ENGINES)
PRECISIONS = ('fp32', 'bf16', 'fp16', 'int8')
#: torch is a development engine: slower than the others, never a choice of `auto`.
_AUTO_ENGINES = ('onnxruntime', 'openvino', 'tensorrt')
#: Timed runs of each candidate.
_TIMED_RUNS = 20


@dataclass(frozen=True)
class Candidate:
    """One way to run a bundle."""

    engine: str
    precision: str
    file: WeightFile

    @property
    def name(self) -> str:
        """Short name for logs and caches."""
        return f'{self.engine} {self.precision}'


def load_engine(
    bundle: ModelBundle,
    engine: str = 'auto',
    precision: str = 'auto',
    adapter: str = '',
    threads: int = 0,
) -> Engine:
    """
    Load the engine asked for, or the fastest of what fits.

    :param engine: ``auto`` or one of ``ENGINE_NAMES``.
    :param precision: ``auto`` or one of ``PRECISIONS``.
    :param adapter: an adapter of the bundle, or empty for the base model.
    :param threads: 0 for one for each core.
    :raises EngineError: when nothing fits, saying what was asked for and what there is.
    """
    candidates = find_candidates(bundle, engine, precision, adapter)
    if len(candidates) == 1:
        return _load(bundle, candidates[0], threads)
    libraries = sorted({_ENGINES[candidate.engine][2] for candidate in candidates})
    names = [candidate.name for candidate in candidates]
    key = choice_cache.key_of(bundle.digest, adapter, threads, names, libraries)
    remembered = choice_cache.recall(key)
    for candidate in candidates:
        if candidate.name == remembered:
            try:
                loaded = _load(bundle, candidate, threads)
            except EngineError as error:
                _log.warning('engine %s, fastest before, fails now: %s', candidate.name, error)
                break
            _log.info('engine %s: fastest when measured here before', candidate.name)
            return loaded
    return _measure_and_choose(bundle, candidates, threads, key)


def find_candidates(
    bundle: ModelBundle, engine: str = 'auto', precision: str = 'auto', adapter: str = ''
) -> list[Candidate]:
    """
    List the ways to run a bundle here.

    :raises EngineError: for an unknown name, or when there is no way.
    """
    _check_name('engine', engine, ENGINE_NAMES)
    _check_name('precision', precision, PRECISIONS)
    names = _AUTO_ENGINES if engine == 'auto' else (engine,)
    installed = [name for name in names if name == engine or _is_usable(name)]
    candidates = [
        Candidate(name, chosen, file)
        for name in installed
        for file in bundle.select(name, 'auto', adapter)
        for chosen in _precisions_of(name, file)
        if precision in ('auto', chosen)
    ]
    if not candidates:
        has = sorted({f'{name} {file.precision}' for file in bundle.manifest.all_files()
                      for name in file.engines})  # fmt: skip
        raise EngineError(
            f'bundle {bundle.manifest.name} has nothing for engine {engine} with precision '
            f'{precision}' + (f' and adapter {adapter}' if adapter else '') + ' on this machine; '
            f'it has {", ".join(has)}, installed are {", ".join(installed) or "none of those"}'
        )
    return candidates


def is_installed(engine: str) -> bool:
    """Return whether an engine's library is there; it may still fail to load."""
    return importlib.util.find_spec(_ENGINES[engine][2]) is not None


def _check_name(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in ('auto', *known):
        raise EngineError(f"{what} '{value}' is unknown: use auto, {', '.join(known)}")


def _is_usable(engine: str) -> bool:
    """Return whether an engine's library is there and can be imported."""
    if not is_installed(engine):
        return False
    try:
        _module_of(engine)
    except EngineError as error:
        _log.warning('%s; it is left out', error)
        return False
    return True


def _module_of(engine: str) -> ModuleType:
    """
    Import the module of an engine, and with it the engine's library.

    :raises EngineError: whatever a library that is installed badly makes of it; torch without one
        of its shared objects raises OSError, a wheel for another numpy AttributeError.
    """
    try:
        return importlib.import_module(f'seg_node.engines.{_ENGINES[engine][0]}')
    except EngineError:
        raise
    except Exception as error:
        raise EngineError(
            f'engine {engine} cannot be imported ({type(error).__name__}: {first_line(error)}): '
            f'install {_ENGINES[engine][2]} anew, or use another engine'
        ) from error


def _precisions_of(engine: str, file: WeightFile) -> tuple[str, ...]:
    """fp32 weights also run in half precision where engine and processor do that by themselves."""
    if file.precision != 'fp32' or engine not in ('openvino', 'torch'):
        return (file.precision,)
    module = _module_of(engine)
    try:
        if engine == 'openvino':
            return ('fp32', 'bf16') if module.has_bf16() else ('fp32',)
        return ('fp32', *module.half_precisions())
    except Exception as error:  # a driver or plugin that does not answer
        _log.warning('half precision of %s left out: %s', engine, first_line(error))
        return ('fp32',)


def _load(bundle: ModelBundle, candidate: Candidate, threads: int) -> Engine:
    engine_class = getattr(_module_of(candidate.engine), _ENGINES[candidate.engine][1])
    manifest = bundle.manifest
    spec = EngineSpec(
        path=bundle.path_of(candidate.file),
        sha256=candidate.file.sha256,
        height=manifest.input.height,
        width=manifest.input.width,
        classes=len(manifest.labels),
        precision=candidate.precision,
        threads=threads,
        weights_sha256=_weights_beside(bundle, candidate.file),
    )
    try:
        return engine_class(spec)
    except EngineError:
        raise
    except Exception as error:  # whatever a library makes of a file that it was not made for
        _log.debug('engine %s failed to load', candidate.name, exc_info=True)
        raise EngineError(
            f'{candidate.engine} cannot run {candidate.file.path} ({type(error).__name__}: '
            f'{first_line(error)}): export the model again'
        ) from error


def _weights_beside(bundle: ModelBundle, file: WeightFile) -> str:
    """Return the sha256 of the file that holds the weights of an OpenVINO IR; else empty."""
    if file.format != 'openvino_xml':
        return ''
    path = PurePosixPath(file.path).with_suffix('.bin')
    files = {PurePosixPath(other.path): other for other in bundle.manifest.all_files()}
    return files[path].sha256  # the manifest was refused if it had none


def _measure_and_choose(
    bundle: ModelBundle, candidates: list[Candidate], threads: int, key: str
) -> Engine:
    engines: dict[str, Engine] = {}
    for candidate in candidates:
        try:
            engines[candidate.name] = _load(bundle, candidate, threads)
        except EngineError as error:
            _log.warning('engine %s left out: %s', candidate.name, error)
    if not engines:
        raise EngineError(f'no engine could load bundle {bundle.manifest.name}: see above')
    latency_ms = _time_by_turns(engines, bundle)
    best = min(latency_ms, key=lambda name: latency_ms[name])
    shown = ', '.join(f'{name} {value:.1f} ms' for name, value in latency_ms.items())
    _log.info('engine %s: fastest of %s', best, shown)
    choice_cache.remember(key, best, latency_ms)
    for name, engine in engines.items():
        if name != best:
            engine.close()
    return engines[best]


def _time_by_turns(engines: dict[str, Engine], bundle: ModelBundle) -> dict[str, float]:
    """
    Return the least inference time of each engine, in ms.

    The least, and in turns of drawn order: the choice is kept, and at the first start other
    programs are often busy. By the median of fixed turns the shipped model got the engine that is
    2.6 times slower in 10 of 18 trials beside 1 to 2 cores of other work; by the least in 0 of 20.
    """
    size = (1, bundle.manifest.input.height, bundle.manifest.input.width, 3)
    rng = np.random.default_rng(0)
    batch = rng.integers(0, 256, size, np.uint8)
    least_ms = dict.fromkeys(engines, float('inf'))
    for _ in range(_TIMED_RUNS):
        for name in rng.permutation(list(engines)).tolist():
            start_s = time.perf_counter()
            engines[name].infer(batch)
            least_ms[name] = min(least_ms[name], (time.perf_counter() - start_s) * 1e3)
    return least_ms
