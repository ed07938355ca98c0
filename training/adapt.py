"""Adapt a bundle: ``python -m training adapt training/configs/adapt_track.yaml``."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
import shutil
from typing import Any

from seg_node.bundle import Adapter, MANIFEST, Manifest, ModelBundle, save_bundle
from seg_node.engines import load_engine
from training.adapt_config import AdaptConfig
from training.adapt_report import provenance_of, result_of, show, with_figures
from training.adapter_files import write_adapter
from training.base_model import BaseModel
from training.bundle_writing import check_output, is_same_model, only_writer, sources_in, staging
from training.data.pairs import PairsFolder
from training.engine_figures import (
    latencies_ms,
    loaded_engines,
    measure_engine,
    real_batches,
    warn_of_unchecked,
)
from training.errors import ConfigError
from training.merge_gate import check_parity
from training.runs import FACTS, Run
from training.train import train

__all__ = ['adapt', 'show']


def adapt(config: AdaptConfig, quiet: bool = False) -> dict[str, Any]:
    """
    Train an adapter and put it into its bundle, or change nothing at all.

    :param quiet: no progress bars.
    :return: what it is, what it is better at, what it forgot, and what it costs.
    :raises SegNodeError: for settings, data or a bundle that cannot be used, or when an engine
        does not compute what was trained.
    """
    config.check()
    with only_writer(config.target):
        return _adapt(config, quiet)


def _adapt(config: AdaptConfig, quiet: bool) -> dict[str, Any]:
    base = BaseModel.open(config.bundle)
    home = _bundle_to_extend(config, base)
    check_output(config.target)
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
    cost = train(training, quiet)['resources']
    run = Run.load(config.folder, folded=False)
    with staging(config.target) as staged:
        batches = real_batches(sets[0], training.input)
        made = write_adapter(staged, config.name, base, run.network, config.lora, batches)
        adapter = Adapter(
            made.files, provenance_of(config, base, run, made, cost), base.weights.sha256
        )
        draft = save_bundle(staged / 'draft', *_extended(home, config.name, adapter, staged))
        with loaded_engines(draft, config.name) as engines:
            parity = check_parity(made.reference, engines, batches)
            latency_ms = latencies_ms(engines, batches[0])
            after = [measure_engine(draft, engines['onnxruntime'], [s], quiet) for s in sets]
        adapter = with_figures(adapter, sets, before, after, latency_ms)
        save_bundle(config.target, *_extended(home, config.name, adapter, staged))
    threshold = base.bundle.manifest.output.lane_threshold
    result = result_of(config, adapter, made, cost, threshold)
    result['warnings'] += warn_of_unchecked(parity)
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
