"""Make a bundle of a run: ``python -m training export --run runs/lane_unet``."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timezone
import importlib.util
import os
from pathlib import Path
import platform
import statistics
import tempfile
import time
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from safetensors.torch import save_file
from seg_node.bundle import describe_file, Manifest, ModelBundle, save_bundle
from seg_node.engines import Engine, load_engine
from seg_node.frame import Frame
from seg_node.postprocess import OutputSpec
from seg_node.preprocess import preprocess
from seg_node.segmenter import Segmenter
from training.data.pairs import PairsFolder
from training.evaluate import BundleSegmenter, measure
from training.export_config import ExportConfig
from training.metrics import pool
from training.models.score_graph import ScoreGraph
from training.onnx_graph import check_parity, write_onnx
from training.runs import Run
from training.settings import plain
from training.thresholds import choose_threshold

#: Engines that run the exported file; TensorRT cannot be checked without an NVIDIA GPU.
_CHECKED = ('onnxruntime', 'openvino', 'torch')
_ENGINES = (*_CHECKED, 'tensorrt')
_PARITY_FRAMES = 8
_TIMED_RUNS = 40


def export(config: ExportConfig, quiet: bool = False) -> dict[str, Any]:
    """
    Write a bundle, or nothing at all when an engine does not compute what torch does.

    :param quiet: no progress bars.
    :return: path, parity, threshold, metrics and latency, for people and scripts.
    :raises SegNodeError: for a run or data that cannot be read, or for a failed parity check.
    """
    config.check()
    run = Run.load(config.run)
    spec = run.config.input
    training = [PairsFolder.open(item, config.data_root) for item in run.config.train]
    validation = [PairsFolder.open(item, config.data_root) for item in run.config.validation]
    threshold = config.lane_threshold or choose_threshold(run.network, run.config, training, quiet)
    with tempfile.TemporaryDirectory() as temporary:
        staged = Path(temporary)
        graph = ScoreGraph(run.network, spec).eval()
        name = config.name or config.output.resolve().name
        write_onnx(graph, (1, spec.height, spec.width, 3), staged / 'model.onnx', name)
        weights = {key: value.contiguous() for key, value in run.network.state_dict().items()}
        save_file(weights, staged / 'model.safetensors')
        manifest = _manifest(run, name, config.description, threshold, staged)
        sources = {file.path: staged / file.path for file in manifest.files}
        draft = save_bundle(staged / 'draft', manifest, sources)
        with _load_checked(draft) as engines:
            batches = _parity_batches(run, validation)
            parity = check_parity(graph, engines, batches)
            latency_ms = {key: _time_ms(engine, batches[0]) for key, engine in engines.items()}
            metrics = _measure(draft, engines['onnxruntime'], validation, quiet)
        manifest = _with_measurements(manifest, metrics, latency_ms, validation)
        save_bundle(config.output, manifest, sources)
    return {
        'bundle': str(config.output),
        'lane_threshold': threshold,
        'parity_max_difference': parity,
        'metrics': metrics,
        'latency_ms': latency_ms,
    }


def _manifest(run: Run, name: str, description: str, threshold: float, staged: Path) -> Manifest:
    return Manifest(
        name=name,
        files=(
            describe_file(staged, 'model.onnx', format='onnx', precision='fp32', engines=_ENGINES),
            describe_file(staged, 'model.safetensors', format='safetensors', precision='fp32'),
        ),
        input=run.config.input,
        output=OutputSpec(lane_threshold=threshold),
        network={'kind': 'unet', **plain(asdict(run.config.network))},
        provenance={
            'run': run.config.name,
            'date': datetime.now(timezone.utc).date().isoformat(),
            **{key: run.facts[key] for key in ('commit', 'data', 'config', 'init_from')},
        },
        description=description,
    )


@contextmanager
def _load_checked(bundle: ModelBundle) -> Iterator[dict[str, Engine]]:
    """Give the engines that are installed here, loaded with the bundle in fp32."""
    engines: dict[str, Engine] = {}
    try:
        for name in _CHECKED:
            if importlib.util.find_spec(name):
                engines[name] = load_engine(bundle, name, 'fp32')
        yield engines
    finally:
        for engine in engines.values():
            engine.close()


def _parity_batches(run: Run, folders: Sequence[PairsFolder]) -> list[np.ndarray]:
    folder = folders[0]
    chosen = np.linspace(0, len(folder) - 1, min(_PARITY_FRAMES, len(folder))).astype(int)
    frames = [Frame(folder.read(index)[0]) for index in chosen.tolist()]
    return [preprocess(frame, run.config.input)[0] for frame in frames]


def _time_ms(engine: Engine, batch: np.ndarray) -> float:
    """Return the median inference time."""
    times_ms = []
    for _ in range(_TIMED_RUNS):
        start_s = time.perf_counter()
        engine.infer(batch)
        times_ms.append((time.perf_counter() - start_s) * 1e3)
    return round(statistics.median(times_ms), 1)


def _measure(
    bundle: ModelBundle, engine: Engine, folders: Sequence[PairsFolder], quiet: bool
) -> dict[str, float]:
    model = BundleSegmenter(Segmenter(bundle, engine))
    counts = [count for folder in folders for count in measure(model, folder, quiet)]
    return {name: round(value, 4) for name, value in pool(counts).items()}


def _with_measurements(
    manifest: Manifest,
    metrics: Mapping[str, float],
    latency_ms: Mapping[str, float],
    folders: Sequence[PairsFolder],
) -> Manifest:
    sets = ', '.join(f'{folder.source.path} ({folder.source.part})' for folder in folders)
    cores = len(os.sched_getaffinity(0))
    model, *others = manifest.files
    measured = replace(
        model,
        metrics=dict(metrics),
        latency_ms=dict(latency_ms),
        measured_on=f'{sets}; {_processor()}, {cores} cores',
    )
    return replace(manifest, files=(measured, *others))


def _processor() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
        return next(line.split(':')[1].strip() for line in lines if line.startswith('model name'))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def show(result: dict[str, Any], console: Console) -> None:
    """Print a result for people."""
    table = Table(title=f'bundle written to {result["bundle"]}', show_header=False)
    for name in ('lane_threshold', 'parity_max_difference', 'metrics', 'latency_ms'):
        value = result[name]
        text = (
            value
            if not isinstance(value, dict)
            else '\n'.join(f'{k} {v}' for k, v in value.items())
        )
        table.add_row(name, str(text))
    console.print(table)
