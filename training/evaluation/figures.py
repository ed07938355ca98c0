"""Curves and comparisons as pictures; without pyplot: no window system, no global state."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seg_node.atomic_files import replacing

#: Drawn for each set, where it has them.
_COMPARED = ('lane_iou', 'lane_f1_3px', 'road_iou', 'mean_iou')


def draw_comparison(rows: Sequence[Sequence[Mapping[str, Any]]], path: Path) -> Path:
    """
    Draw the main metrics of all models on all sets, with their intervals.

    :param rows: for each set, the result of each model.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(6, 3.2 * len(rows)), 4), layout='constrained')
    axes = figure.subplots(1, len(rows), sharey=True, squeeze=False)[0]
    for axis, models in zip(axes, rows, strict=True):
        names = [name for name in _COMPARED if name in models[0]]
        for place, result in enumerate(models):
            shift = (place - (len(models) - 1) / 2) * 0.7 / max(1, len(models))
            known = [name for name in names if name in result]
            x = [names.index(name) + shift for name in known]
            y = [result[name] for name in known]
            ends = [
                result['intervals'].get(name, (v, v)) for name, v in zip(known, y, strict=True)
            ]
            below = [max(0.0, v - low) for v, (low, _) in zip(y, ends, strict=True)]
            above = [max(0.0, high - v) for v, (_, high) in zip(y, ends, strict=True)]
            axis.errorbar(x, y, (below, above), fmt='o', capsize=3, label=letter(place))
        axis.set_xticks(range(len(names)), names, rotation=30, ha='right')
        axis.set(title=title_of(models[0]), ylim=(0, 1.02))
        axis.grid(axis='y', alpha=0.3)
    axes[0].legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    return path


def draw_sweep(models: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """
    Draw metrics by threshold, precision against recall, and reliability.

    :param models: the result of each model on one set, with ``sweep``.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4), layout='constrained')
    by_threshold, precision_recall, honest = figure.subplots(1, 3)
    honest.plot([0, 1], [0, 1], color='tab:gray', linewidth=0.8)
    for place, result in enumerate(models):
        found = result['sweep']
        color = f'C{place}'
        columns = {name: [row[name] for row in found['rows']] for name in found['rows'][0]}
        x = columns['threshold']
        label = f'{letter(place)} '
        by_threshold.plot(x, columns['lane_iou'], color=color, label=label + 'IoU')
        by_threshold.plot(x, columns['lane_f1_3px'], color=color, ls='--', label=label + 'F1')
        by_threshold.axvline(found['chosen'], color=color, linewidth=0.8)
        recall, precision = columns['lane_recall'], columns['lane_precision']
        precision_recall.plot(recall, precision, color=color, marker='.', label=letter(place))
        bins = found['reliability']['bins']
        error = found['reliability']['expected_calibration_error']
        said, true = [row['said'] for row in bins], [row['true'] for row in bins]
        honest.plot(said, true, color=color, marker='.', label=f'{label}error {error:.3f}')
    by_threshold.set(xlabel='threshold', ylim=(0, 1), title=title_of(models[0]))
    precision_recall.set(xlabel='recall', ylabel='precision', xlim=(0, 1), ylim=(0, 1))
    honest.set(xlabel='probability of lane marking', ylabel='share that is', xlim=(0, 1))
    for axis in (by_threshold, precision_recall, honest):
        axis.grid(alpha=0.3)
        axis.legend(fontsize='small')
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    return path


def title_of(result: Mapping[str, Any]) -> str:
    """Return the name of a set, with its part."""
    part = '' if result['part'] == 'all' else f' ({result["part"]})'
    return result['path'] + part


def letter(place: int) -> str:
    """Return the short name of a model by its place: A, B, C ..."""
    return chr(ord('A') + place)
