"""Adapt a bundle: ``python -m training adapt training/configs/adapt_track.yaml``."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
import shutil
import time
from typing import Any

from rich.console import Console
from rich.table import Table
from seg_node.bundle import Adapter, Comparison, MANIFEST, Manifest, ModelBundle, save_bundle
from seg_node.engines import load_engine
from training.adapt_config import AdaptConfig
from training.adapter_files import AdapterFiles, write_adapter
from training.base_model import BaseModel
from training.bundle_writing import is_same_model, sources_in, staging
from training.data.pairs import PairsFolder
from training.engine_figures import (
    describe_conditions,
    latencies_ms,
    loaded_engines,
    measure_engine,
    name_of_set,
    real_batches,
)
from training.errors import ConfigError
from training.merge_gate import check_parity
from training.models.cost import count_parameters
from training.runs import FACTS, Run
from training.settings import plain
from training.train import train

#: From here on an adapter is none: of the base's parameters, and bytes of its weights.
SHARE_LIMIT, BYTES_LIMIT = 0.05, 300_000


def adapt(config: AdaptConfig, quiet: bool = False) -> dict[str, Any]:
    """
    Train an adapter and put it into its bundle, or change nothing at all.

    :param quiet: no progress bars.
    :return: what it is, what it is better at, what it forgot, and what it costs.
    :raises SegNodeError: for settings, data or a bundle that cannot be used, or when an engine
        does not compute what was trained.
    """
    config.check()
    base = BaseModel.open(config.bundle)
    home = _bundle_to_extend(config, base)
    training = config.as_training(
        network=base.config,
        input=base.bundle.manifest.input,
        labels=base.labels,
        loss=config.loss or base.loss(),
    )
    training.check()
    sets = [
        PairsFolder.open(item, config.data_root, base.labels)
        for item in (config.test, *config.base_sets, config.source)
    ][:-1]
    _make_room_for_run(config)
    before = _measure_base(base.bundle, sets, quiet)
    start_s = time.perf_counter()
    train(training, quiet)
    wall_s = time.perf_counter() - start_s
    run = Run.load(config.folder, folded=False)
    with staging(config.target) as staged:
        batches = real_batches(sets[0], training.input)
        made = write_adapter(staged, config.name, base, run.network, config.lora, batches)
        adapter = Adapter(
            made.files, _provenance(config, base, run, made, wall_s), base.weights.sha256
        )
        draft = save_bundle(staged / 'draft', *_extended(home, config.name, adapter, staged))
        with loaded_engines(draft, config.name) as engines:
            parity = check_parity(made.reference, engines, batches)
            latency_ms = latencies_ms(engines, batches[0])
            after = [measure_engine(draft, engines['onnxruntime'], [s], quiet) for s in sets]
        adapter = _with_figures(adapter, sets, before, after, latency_ms)
        save_bundle(config.target, *_extended(home, config.name, adapter, staged))
    threshold = base.bundle.manifest.output.lane_threshold
    result = _result(config, adapter, made, wall_s, threshold)
    return result | {'parity_max_difference': parity, 'latency_ms': latency_ms}


def _bundle_to_extend(config: AdaptConfig, base: BaseModel) -> ModelBundle:
    """
    Return the bundle whose other adapters stay: the one at the output, or the base's own.

    :raises ConfigError: when another model is there, or an adapter of this name.
    """
    home = base.bundle
    if config.output and (config.output / MANIFEST).is_file():
        home = ModelBundle.load(config.output)
        if not is_same_model(home.manifest, base.bundle.manifest):
            raise ConfigError(
                f'{config.output} holds another model than {config.bundle}: name another --output'
            )
    if config.name in home.manifest.adapters and not config.replace:
        raise ConfigError(
            f"{home.folder} has an adapter '{config.name}' already: choose another --name, or say "
            '--replace'
        )
    return home


def _make_room_for_run(config: AdaptConfig) -> None:
    """
    Remove the run of an adapter that is to be replaced.

    :raises ConfigError: when there is one and nobody said so.
    """
    if not (config.folder / FACTS).is_file() or config.resume:
        return
    if not config.replace:
        raise ConfigError(
            f'{config.folder} holds the run of an adapter: go on with it by --resume, or start '
            'over with --replace'
        )
    shutil.rmtree(config.folder)


def _measure_base(
    bundle: ModelBundle, sets: Sequence[PairsFolder], quiet: bool
) -> list[dict[str, float]]:
    engine = load_engine(bundle, 'onnxruntime', 'fp32')
    try:
        return [measure_engine(bundle, engine, [folder], quiet) for folder in sets]
    finally:
        engine.close()


def _extended(
    home: ModelBundle, name: str, adapter: Adapter, staged: Path
) -> tuple[Manifest, dict[str, Path]]:
    """Return a bundle's manifest with one adapter more, and where the files of it lie."""
    manifest = replace(home.manifest, adapters={**home.manifest.adapters, name: adapter})
    return manifest, sources_in(home) | {f.path: staged / f.path for f in adapter.files}


def _provenance(
    config: AdaptConfig, base: BaseModel, run: Run, made: AdapterFiles, wall_s: float
) -> dict[str, Any]:
    trained = count_parameters(run.network, trainable_only=True)
    return {
        'date': datetime.now(timezone.utc).date().isoformat(),
        'commit': run.facts['commit'],
        'data': run.facts['data'],
        'lora': plain(asdict(config.lora)),
        'size': {
            'parameters': trained,
            'share_of_base': round(trained / count_parameters(base.build()), 4),
            'bytes': made.weights_bytes,
        },
        'training': {
            'steps': config.steps_done,
            'batch_size': config.batch_size,
            'seed': config.seed,
            'optimizer': plain(asdict(config.optimizer)),
            'wall_s': round(wall_s, 1),
        },
        'merge_max_difference': made.merge_difference,
    }


def _with_figures(
    adapter: Adapter,
    sets: Sequence[PairsFolder],
    before: Sequence[dict[str, float]],
    after: Sequence[dict[str, float]],
    latency_ms: dict[str, float],
) -> Adapter:
    comparisons = tuple(
        Comparison(name_of_set(folder), 'base' if place else 'target', len(folder), old, new)
        for place, (folder, old, new) in enumerate(zip(sets, before, after, strict=True))
    )
    graph, *others = adapter.files
    measured = replace(
        graph,
        metrics=after[0],
        latency_ms=latency_ms,
        measured_on=describe_conditions(sets[:1]),
    )
    return replace(adapter, files=(measured, *others), comparisons=comparisons)


def _result(
    config: AdaptConfig, adapter: Adapter, made: AdapterFiles, wall_s: float, threshold: float
) -> dict[str, Any]:
    target, *known = (asdict(comparison) for comparison in adapter.comparisons)
    size = adapter.provenance['size']
    return {
        'bundle': str(config.target),
        'adapter': config.name,
        'kind': config.lora.kind,
        'target': target,
        'base_sets': known,
        'parameters': size['parameters'],
        'share_of_base': size['share_of_base'],
        'weights_bytes': made.weights_bytes,
        'graph_bytes': made.graph_bytes,
        'steps': config.steps_done,
        'step_ms': round(wall_s * 1e3 / config.steps_done, 1),
        'train_s': round(wall_s, 1),
        'lane_threshold': threshold,
        'merge_max_difference': made.merge_difference,
        'warnings': _warnings(size['share_of_base'], made.weights_bytes),
        'run': str(config.folder),
    }


def _warnings(share: float, weights_bytes: int) -> list[str]:
    """Say where an adapter is larger than one should be."""
    warnings = []
    if share >= SHARE_LIMIT:
        warnings.append(
            f'the adapter trains {share:.1%} of the parameters of its base, an adapter should '
            f'stay below {SHARE_LIMIT:.0%}: use a smaller --lora.rank or fewer --lora.targets'
        )
    if weights_bytes >= BYTES_LIMIT:
        warnings.append(
            f'the adapter takes {weights_bytes / 1e3:.0f} kB, it should stay below '
            f'{BYTES_LIMIT / 1e3:.0f} kB: use a smaller --lora.rank or fewer --lora.targets'
        )
    return warnings


def show(result: dict[str, Any], console: Console) -> None:
    """Print a result for people."""
    table = Table('', 'base', 'adapter', title=f'adapter {result["adapter"]}')
    for row in (result['target'], *result['base_sets']):
        table.add_section()
        table.add_row(f'[bold]{row["data"]}, {row["samples"]} frames', '', '')
        for name, value in row['base'].items():
            table.add_row(name, f'{value:.3f}', f'{row["adapted"][name]:.3f}')
    console.print(table)
    merged = result['merge_max_difference']
    console.print(
        f'{result["parameters"]} parameters ({result["share_of_base"]:.2%} of the base), '
        f'{result["weights_bytes"] / 1e3:.0f} kB; {result["steps"]} steps of '
        f'{result["step_ms"]:.0f} ms\n'
        + (
            'kept beside the base, for it cannot be folded'
            if merged is None
            else f'folded: a probability differs by {merged:.1g} at most'
        )
        + f'; scores of engines differ by {result["parity_max_difference"]} of 255 at most\n'
        f'lane threshold {result["lane_threshold"]}, the one of the bundle\n'
        f'in {result["bundle"]}; next: python -m seg_node.segment --bundle {result["bundle"]} '
        f'--adapter {result["adapter"]}'
    )
    for warning in result['warnings']:
        console.print(f'warning: {warning}')
