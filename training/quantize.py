"""Quantize a bundle: ``python -m training quantize models/lane_unet --data track_tape``."""

from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from seg_node.bundle import MANIFEST, ModelBundle, save_bundle
from training.bundle_writing import check_output, is_same_model, only_writer, staging
from training.code_commit import code_commit
from training.engine_figures import describe_conditions
from training.errors import ConfigError
from training.evaluation.report import prepare
from training.progress import counting
from training.quantization.bundle_entries import Entry, with_entries
from training.quantization.calibration import calibration_of
from training.quantization.explaining import explain
from training.quantization.judging import baselines_of, measure_and_judge
from training.quantization.methods import check_installed, make_variants, Workshop
from training.quantization.report import keep_files, write_quantize_report
from training.quantization.results import rows_of
from training.quantization.subject_data import (
    data_of_all,
    describe_sets,
    judging_set,
    SubjectData,
)
from training.quantization.tables import show
from training.quantization.variants import Subject, subjects_of
from training.quantize_config import QuantizeConfig
from training.settings import plain

__all__ = ['quantize', 'show']


def quantize(config: QuantizeConfig, quiet: bool = False) -> dict[str, Any]:
    """
    Make int8 variants of a bundle's models, and put those that pass the gate into it.

    :param quiet: no progress bars.
    :return: for each model its variants with figures and verdicts, and what was written.
    :raises SegNodeError: for settings, data or a bundle that cannot be used.
    """
    config.check()
    with only_writer(config.target):
        return _quantize(config, quiet)


def _quantize(config: QuantizeConfig, quiet: bool) -> dict[str, Any]:
    check_installed(config)
    bundle = ModelBundle.load(config.bundle)
    _check_target(config, bundle)
    subjects = subjects_of(bundle)
    data = data_of_all(config, bundle, subjects)
    if config.report:
        prepare(config.report)
    with staging(config.target) as staged:
        models, entries = [], []
        for position, (subject, sets) in enumerate(zip(subjects, data, strict=True)):
            folder = staged / str(position)
            result, entered = _quantize_model(config, bundle, subject, sets, folder, quiet)
            models.append(result)
            entries += entered
        if entries:
            save_bundle(config.target, *with_entries(bundle, entries))
    result = {
        'bundle': str(config.target),
        'written': bool(entries),
        'gate': asdict(config.gate),
        'models': models,
        'settings': plain(asdict(config)),
    }
    if config.report:
        write_quantize_report(config.report, result)
    return result


def _check_target(config: QuantizeConfig, bundle: ModelBundle) -> None:
    """Refuse to put another model's place at risk before anything is computed."""
    target, report = config.target, config.report
    if report and report.resolve().is_relative_to(target.resolve()):
        raise ConfigError(f'--report {report} lies in {target}, a bundle: name another folder')
    check_output(target)
    if target == config.bundle or not (target / MANIFEST).is_file():
        return
    there = ModelBundle.load(target).manifest
    if not is_same_model(there, bundle.manifest):
        raise ConfigError(
            f'{target} holds another model than {config.bundle}: name another --output'
        )
    if lost := set(there.adapters) - set(bundle.manifest.adapters):
        raise ConfigError(
            f'{target} has the adapter {min(lost)}, which {config.bundle} has not: quantize '
            f'{target} itself, or name another --output'
        )


def _quantize_model(
    config: QuantizeConfig,
    bundle: ModelBundle,
    subject: Subject,
    data: SubjectData,
    folder: Path,
    quiet: bool,
) -> tuple[dict[str, Any], list[Entry]]:
    """Return what is told of one model, and the variants of it that enter the bundle."""
    calibration = calibration_of(
        data.calibration, config.calibration.frames, bundle.manifest.input
    )
    work = Workshop(config, bundle, subject, calibration, folder / 'made')
    variants = baselines_of(config, work.graph)
    with counting(f'{subject.name}: variants made', None, quiet) as tell:
        for variant in make_variants(work):
            variants.append(variant)
            tell(len(variants), variant.name)
    measured = measure_and_judge(
        config, bundle, variants, data.validation, calibration.batches[0], folder / 'small', quiet
    )
    result = {
        'model': subject.name,
        'notes': [*data.notes, *work.notes],
        'calibration': calibration.facts(),
        'validation': describe_sets(data.validation),
        'conditions': describe_conditions(data.validation),
        'variants': rows_of(measured),
    }
    if config.report:
        keep_files(config.report, subject.name, variants)
        result |= explain(work, measured, data.validation[0], config.report, folder / 'explained')
    facts = {
        'date': datetime.now(timezone.utc).date().isoformat(),
        'commit': code_commit(),
        'calibration': calibration.facts(),
    }
    where = describe_conditions([judging_set(data.validation)])
    entered = [Entry(subject, one, where, facts) for one in measured if one.enters]
    return result, entered
