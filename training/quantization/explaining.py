"""What a report tells beside the figures: where time goes, which layers suffer, what differs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seg_node.segmenter import Segmenter
from training.data.pairs import PairsFolder
from training.evaluation.models import BundleSegmenter
from training.quantization.differences import write_differences
from training.quantization.judging import Measured
from training.quantization.methods import Workshop
from training.quantization.operator_times import compare_times, operator_times
from training.quantization.report import slug_of
from training.quantization.variants import load, Variant


def explain(
    work: Workshop,
    measured: Sequence[Measured],
    folder: PairsFolder,
    report: Path,
    temporary: Path,
) -> dict[str, Any]:
    """
    Return operator times, sensitivities, and the names of pictures of differences.

    :param folder: a set whose masks are drawn.
    :param report: folder that the pictures go to.
    :param temporary: folder for bundles to load variants from.
    """
    told = _best_of_each_engine(measured)
    return {
        'operators': _operators(work, measured, told),
        'sensitivity': [one.as_dict() for one in work.sensitivities()],
        'differences': [
            _differences(work, one.variant, folder, report, temporary / str(place))
            for place, one in enumerate(told)
        ],
    }


def _best_of_each_engine(measured: Sequence[Measured]) -> list[Measured]:
    """Return the variant that enters, else the fastest that could have."""
    engines = dict.fromkeys(one.variant.engine for one in measured)
    found = []
    for engine in engines:
        able = [
            one
            for one in measured
            if one.variant.engine == engine and one.verdict and not one.variant.never
        ]
        if able:
            found.append(min(able, key=lambda one: (not one.enters, one.latency.p50_ms)))
    return found


def _operators(
    work: Workshop, measured: Sequence[Measured], told: Sequence[Measured]
) -> dict[str, list[dict[str, Any]]]:
    batch, threads = work.calibration.batches[0], 1
    tables = {}
    for one in told:
        before = next(
            other.variant
            for other in measured
            if (other.variant.engine, other.variant.method) == (one.variant.engine, 'fp32')
        )
        times = [operator_times(variant, batch, threads) for variant in (before, one.variant)]
        tables[f'{one.variant.name}, {threads} thread'] = compare_times(*times)
    return tables


def _differences(
    work: Workshop, variant: Variant, folder: PairsFolder, report: Path, temporary: Path
) -> dict[str, Any]:
    name = f'differences_{slug_of(work.subject.name)}_{variant.engine}.jpg'
    fp32 = Variant(variant.engine, 'fp32', 'fp32', (work.graph,))
    loaded = [
        Segmenter(*load(work.bundle, one, temporary / one.precision, work.config.timing.threads))
        for one in (fp32, variant)
    ]
    try:
        before, after = (BundleSegmenter(segmenter) for segmenter in loaded)
        frames = write_differences(before, after, folder, report / name)
    finally:
        for segmenter in loaded:
            segmenter.close()
    return {'variant': variant.name, 'set': folder.source.path, 'frames': frames, 'picture': name}
