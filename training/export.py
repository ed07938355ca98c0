"""Make a bundle of a run: ``python -m training export --run runs/lane_unet``."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from seg_node.bundle import (
    Adapter,
    describe_file,
    MANIFEST,
    Manifest,
    ModelBundle,
    save_bundle,
)
from seg_node.labels import LANE_MARKING
from seg_node.postprocess import OutputSpec
from training.bundle_writing import (
    check_output,
    is_same_model,
    label_table,
    only_writer,
    save_weights,
    sources_in,
    staging,
)
from training.data.label_table import lane_id
from training.data.pairs import PairsFolder
from training.engine_figures import (
    describe_conditions,
    ENGINES,
    latencies_ms,
    loaded_engines,
    measure_engine,
    offered_engines,
    real_batches,
    warn_of_unchecked,
)
from training.errors import ConfigError
from training.export_config import ExportConfig
from training.merge_gate import check_finite, check_parity, fold_checked
from training.models.score_graph import ScoreGraph
from training.onnx_graph import write_onnx
from training.runs import Run
from training.settings import plain
from training.thresholds import choose_threshold

#: What a run states of its own making, for the bundle's provenance.
_FACTS = ('commit', 'data', 'config', 'init_from', 'teacher')


def export(config: ExportConfig, quiet: bool = False) -> dict[str, Any]:
    """
    Write a bundle, or nothing at all when an engine does not compute what torch does.

    :param quiet: no progress bars.
    :return: path, parity, threshold, metrics and latency, for people and scripts.
    :raises SegNodeError: for a run or data that cannot be read, or for a failed parity check.
    """
    config.check()
    with only_writer(config.output):
        return _export(config, quiet)


def _export(config: ExportConfig, quiet: bool) -> dict[str, Any]:
    run = Run.load(config.run, folded=False)
    check_output(config.output)
    _refuse_table_without_lanes(run, config)
    check_finite(run.network)
    training, validation = (
        [PairsFolder.open(item, config.data_root, run.config.labels) for item in items]
        for items in (run.config.train, run.config.validation)
    )
    batches = real_batches(validation[0], run.config.input)
    trained = ScoreGraph(run.network, run.config.input).eval()
    folded, merge_difference = fold_checked(trained, batches)
    threshold = config.lane_threshold or choose_threshold(run.network, run.config, training, quiet)
    with staging(config.output) as staged:
        manifest, sources = _stage(config, run, folded, threshold, staged)
        kept, kept_sources = _adapters_that_stay(config, manifest)
        draft = save_bundle(staged / 'draft', manifest, sources)
        with loaded_engines(draft) as engines:
            parity = check_parity(trained, engines, batches)
            latency_ms = latencies_ms(engines, batches[0])
            metrics = measure_engine(draft, engines['onnxruntime'], validation, quiet)
        manifest = _with_measurements(manifest, metrics, latency_ms, validation)
        save_bundle(config.output, replace(manifest, adapters=kept), sources | kept_sources)
    return {
        'bundle': str(config.output),
        'lane_threshold': threshold,
        'merge_max_difference': merge_difference,
        'parity_max_difference': parity,
        'metrics': metrics,
        'latency_ms': latency_ms,
        'warnings': warn_of_unchecked(parity),
    }


def _stage(
    config: ExportConfig, run: Run, folded: ScoreGraph, threshold: float, staged: Path
) -> tuple[Manifest, dict[str, Path]]:
    """Write the files of a bundle; return its manifest, not yet measured, and where they lie."""
    name = config.name or config.output.resolve().name
    spec = run.config.input
    write_onnx(folded, (1, spec.height, spec.width, 3), staged / 'model.onnx', name)
    save_weights(folded.network, staged / 'model.safetensors')
    manifest = Manifest(
        name=name,
        files=(
            describe_file(staged, 'model.onnx', format='onnx', precision='fp32', engines=ENGINES),
            describe_file(staged, 'model.safetensors', format='safetensors', precision='fp32'),
        ),
        input=spec,
        output=OutputSpec(lane_threshold=threshold),
        labels=label_table(run.config.labels),
        network={'kind': 'unet', **plain(asdict(run.config.network))},
        provenance={
            'run': run.config.name,
            'date': datetime.now(timezone.utc).date().isoformat(),
            **{key: run.facts[key] for key in _FACTS if run.facts.get(key) is not None},
        },
        description=config.description,
    )
    return manifest, {file.path: staged / file.path for file in manifest.files}


def _refuse_table_without_lanes(run: Run, config: ExportConfig) -> None:
    if lane_id(run.config.labels) != LANE_MARKING:
        raise ConfigError(
            f'{config.run} has the labels {", ".join(run.config.labels)}: in a bundle '
            f'lane_marking is label {LANE_MARKING}, for the node decides it by a threshold of its '
            'own; evaluate such a run as it is, or train one with other --labels'
        )


def _adapters_that_stay(
    config: ExportConfig, manifest: Manifest
) -> tuple[dict[str, Adapter], dict[str, Path]]:
    """
    Return the adapters of the bundle that is to be replaced, and where their files lie.

    :raises ConfigError: when they were made for another model than the new one.
    """
    if config.drop_adapters or not (config.output / MANIFEST).is_file():
        return {}, {}
    old = ModelBundle.load(config.output)
    adapters = old.manifest.adapters
    if adapters and not is_same_model(old.manifest, manifest):
        raise ConfigError(
            f'{config.output} holds adapters ({", ".join(adapters)}) that were made for the model '
            'there and would be lost: name another --output, or say --drop_adapters and adapt '
            'again'
        )
    paths = sources_in(old)
    return adapters, {f.path: paths[f.path] for a in adapters.values() for f in a.files}


def _with_measurements(
    manifest: Manifest,
    metrics: Mapping[str, float],
    latency_ms: Mapping[str, float],
    folders: Sequence[PairsFolder],
) -> Manifest:
    model, *others = manifest.files
    measured = replace(
        model,
        engines=offered_engines(latency_ms),
        metrics=dict(metrics),
        latency_ms=dict(latency_ms),
        measured_on=describe_conditions(folders),
    )
    return replace(manifest, files=(measured, *others))


def show(result: dict[str, Any], console: Console) -> None:
    """Print a result for people."""
    table = Table(title=f'bundle written to {result["bundle"]}', show_header=False)
    names = ('lane_threshold', 'merge_max_difference', 'parity_max_difference', 'metrics')
    for name in (*names, 'latency_ms'):
        value = result[name]
        if isinstance(value, dict):
            value = '\n'.join(f'{key} {item}' for key, item in value.items())
        if value is not None:
            table.add_row(name, str(value))
    console.print(table)
    for warning in result['warnings']:
        console.print(f'warning: {warning}')
