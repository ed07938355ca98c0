"""What a bundle does on this machine: its engines, their speed, its metrics."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
import importlib.util

import numpy as np
from seg_node.bundle import ModelBundle
from seg_node.engines import Engine, load_engine
from seg_node.frame import Frame
from seg_node.machine import core_count, processor_name
from seg_node.preprocess import InputSpec, preprocess
from seg_node.segmenter import Segmenter
from training.data.pairs import PairsFolder
from training.evaluation.counts import pool
from training.evaluation.measure import measure
from training.evaluation.models import BundleSegmenter
from training.timing import time_by_turns

#: Engines that run the exported file; TensorRT cannot be checked without an NVIDIA GPU.
CHECKED = ('onnxruntime', 'openvino', 'torch')
ENGINES = (*CHECKED, 'tensorrt')
_PARITY_FRAMES = 8
_TIMED_RUNS = 40


@contextmanager
def loaded_engines(bundle: ModelBundle, adapter: str = '') -> Iterator[dict[str, Engine]]:
    """Give the engines that are installed here, loaded with a bundle's model in fp32."""
    engines: dict[str, Engine] = {}
    try:
        for name in CHECKED:
            if importlib.util.find_spec(name):
                engines[name] = load_engine(bundle, name, 'fp32', adapter)
        yield engines
    finally:
        for engine in engines.values():
            engine.close()


def real_batches(folder: PairsFolder, spec: InputSpec) -> list[np.ndarray]:
    """Return pictures of a set, evenly spread over it, as the node would feed them."""
    chosen = np.linspace(0, len(folder) - 1, min(_PARITY_FRAMES, len(folder))).astype(int)
    frames = [Frame(folder.read_image(index)) for index in chosen.tolist()]
    return [preprocess(frame, spec)[0] for frame in frames]


def latencies_ms(engines: Mapping[str, Engine], batch: np.ndarray) -> dict[str, float]:
    """Return the median inference time of each engine, taken by turns."""
    timed = time_by_turns(engines, batch, _TIMED_RUNS)
    return {name: round(latency.p50_ms, 1) for name, latency in timed.items()}


def offered_engines(checked: Collection[str]) -> tuple[str, ...]:
    """
    Return the engines that a file is declared for: nobody is given one that was not checked here.

    :param checked: names of those that computed what torch does. TensorRT is declared without, for
        the node says itself that it was not run.
    """
    return tuple(name for name in ENGINES if name in checked or name not in CHECKED)


def warn_of_unchecked(checked: Collection[str]) -> list[str]:
    """Return what people should know of engines that are not installed, so not checked."""
    missing = [name for name in CHECKED if name not in checked]
    return [
        f'{name} is not installed, so the file was not checked on it and is not offered to it: '
        f'pip install {name}, and write it again'
        for name in missing
    ]


def measure_engine(
    bundle: ModelBundle, engine: Engine, folders: Sequence[PairsFolder], quiet: bool
) -> dict[str, float]:
    """Return the metrics of a loaded engine, pooled over sets."""
    model = BundleSegmenter(Segmenter(bundle, engine))
    counts = [count for folder in folders for count in measure(model, folder, quiet)]
    return {name: round(value, 4) for name, value in pool(counts).items()}


def describe_conditions(folders: Sequence[PairsFolder]) -> str:
    """Return on what and where figures were measured."""
    sets = ', '.join(map(name_of_set, folders))
    return f'{sets}; {processor_name()}, {core_count()} cores'


def name_of_set(folder: PairsFolder) -> str:
    """Return a set's path and part."""
    return f'{folder.source.path} ({folder.source.part})'
