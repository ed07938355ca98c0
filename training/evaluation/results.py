"""From counts to figures, as plain values for JSON and for tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from training.data.pairs import PairsFolder
from training.evaluation.bands import Bands
from training.evaluation.bootstrap import BootstrapConfig, intervals, resample
from training.evaluation.counts import LANE, SegmentationCounts
from training.evaluation.groups import groups_of

#: Keys of a set's result that are no metrics.
NO_METRICS = (
    'path', 'part', 'samples', 'notes', 'intervals', 'difference', 'bands', 'groups', 'sweep',
)  # fmt: skip


def set_results(
    folders: Sequence[PairsFolder],
    counts: Sequence[SegmentationCounts],
    bands: Bands,
    bootstrap: BootstrapConfig,
) -> list[dict[str, Any]]:
    """
    Return what one set says of each model.

    :param folders: the set, for each model with its labels.
    :param counts: of each model, with axes of pictures and bands.
    :return: for each model its metrics with intervals, for bands and for groups; from the second
        model on also the paired difference to the first.
    """
    by_picture = [count.sum(axis=1) for count in counts]
    drawn = [resample(c, bootstrap) if bootstrap.resamples else {} for c in by_picture]
    results: list[dict[str, Any]] = []
    for folder, in_bands, pictures, draws in zip(folders, counts, by_picture, drawn, strict=True):
        total = pictures.sum()
        result: dict[str, Any] = {
            'path': folder.source.path,
            'part': folder.source.part,
            'samples': len(folder),
            **metrics_of(total),
            'notes': _notes(folder, total),
            'intervals': intervals(draws, bootstrap.level),
            'bands': _in_bands(in_bands.sum(), bands),
            'groups': _in_groups(pictures, folder),
        }
        if results:
            ends = intervals(draws, bootstrap.level, minus=drawn[0])
            result['difference'] = _difference(result, results[0], ends)
        results.append(result)
    return results


def metrics_of(counts: SegmentationCounts) -> dict[str, float]:
    """Return the metrics of pooled counts, rounded."""
    return {name: round(float(value), 4) for name, value in counts.summary().items()}


def _difference(
    result: Mapping[str, Any], first: Mapping[str, Any], ends: Mapping[str, list[float]]
) -> dict[str, Any]:
    """Return value and interval of each metric's difference, where both have it."""
    names = [name for name in result if name not in NO_METRICS and name in first]
    return {
        name: {'value': round(result[name] - first[name], 4), 'interval': ends.get(name)}
        for name in names
    }


def _in_bands(counts: SegmentationCounts, bands: Bands) -> dict[str, Any]:
    values = {name: _part(counts[place]) for place, name in enumerate(bands.names)}
    return {'kind': bands.kind, 'definition': bands.definition, 'values': values}


def _in_groups(pictures: SegmentationCounts, folder: PairsFolder) -> dict[str, Any]:
    return {
        fact: {
            value: {'samples': len(indices), **_part(pictures[np.array(indices)].sum())}
            for value, indices in values.items()
        }
        for fact, values in groups_of(folder).items()
    }


def _part(counts: SegmentationCounts) -> dict[str, float]:
    """Return the metrics of a part, with how much lane it holds: without any they mean nothing."""
    if LANE in counts.labels and counts.annotated[counts.labels.index(LANE)]:
        return {'lane_pixels': int(counts.near[3]), **metrics_of(counts)}
    return metrics_of(counts)


def _notes(folder: PairsFolder, total: SegmentationCounts) -> list[str]:
    """Say what a reader of the figures must know."""
    notes = []
    if not total.right[1]:
        notes.append('no pixel of this set is labelled: its figures mean nothing')
        return notes
    for label in np.flatnonzero(folder.annotated).tolist():
        hits, _, missed = total.pixels[label].tolist()
        if not hits + missed:
            name = folder.labels[label]
            notes.append(f'no pixel of this set is {name}: the figures of it mean little')
    return notes
