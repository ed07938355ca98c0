"""Charts of a report: accuracy over latency, sensitive layers, time of operators."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seg_node.atomic_files import replacing
from training.quantization.gate import METRIC

_MARKERS = {'fp32': 'o', 'bf16': 's', 'int8': '^'}


def draw_variants(variants: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw lane_iou over latency, a picture for each set that annotates lanes."""
    from matplotlib.figure import Figure

    first = variants[0]['sets']
    places = [place for place, result in enumerate(first) if METRIC in result]
    figure = Figure(figsize=(6.4 * len(places), 4.2), layout='constrained')
    for axis, place in zip(figure.subplots(1, len(places), squeeze=False)[0], places, strict=True):
        for row in variants:
            axis.plot(
                row['latency']['p50_ms'],
                row['sets'][place][METRIC],
                _MARKERS[row['precision']],
                label=row['name'] + (', enters' if row['enters'] else ''),
            )
        axis.set(title=first[place]['set'], xlabel='p50 of inference, ms', ylabel=METRIC)
        axis.set_xscale('log')
        axis.grid(alpha=0.3)
    figure.axes[0].legend(fontsize='small')
    _save(figure, path)


def draw_sensitivity(layers: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw what each layer costs when it alone is quantized."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 0.8 + 0.22 * len(layers)), layout='constrained')
    axis = figure.subplots()
    axis.barh([one['layer'] for one in layers], [one['score_rms'] for one in layers])
    axis.invert_yaxis()
    axis.set(xlabel='RMS change of a score (of 255), this layer alone in int8')
    axis.tick_params(axis='y', labelsize='small')
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
