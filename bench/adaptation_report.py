"""Tables and curves of the k-shot measurement."""

from collections.abc import Mapping, Sequence
from pathlib import Path
import statistics
from typing import Any

from bench.adaptation_arms import ARMS
from bench.results import Table
from seg_node.atomic_files import replacing

#: Figures by arm and number of frames, of each seed.
Results = Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]


def tables(results: Results, title: str, notes: Sequence[str]) -> list[Table]:
    """Return what the arms reach, what they forget, and what they cost."""
    shots = sorted({k for _, k in results} - {0})
    arms = [name for name in ARMS if any((name, k) in results for k in shots)]
    columns = ['', *(f'k = {k}' for k in (0, *shots))]
    reached = [
        [ARMS[arm].title, *(_target(results.get((arm, k))) for k in (0, *shots))]
        for arm in ('source', *arms)
    ]
    forgotten = [[ARMS[arm].title, *(_forgotten(results, arm, k) for k in shots)] for arm in arms]
    return [
        Table(f'{title}: lane IoU / F1 on the test frames', columns, reached, notes),
        Table(f'{title}: what is forgotten', ['', *columns[2:]], forgotten, _forgetting(results)),
        _costs(results, arms, shots, title),
    ]


def _target(seeds: Sequence[Mapping[str, Any]] | None) -> str:
    if not seeds:
        return '–'
    iou = [figures['target']['lane_iou'] for figures in seeds]
    f1 = [figures['target']['lane_f1_3px'] for figures in seeds]
    return f'{spread(iou)} / {spread(f1)}'


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Return the mean, and the standard deviation where there are several."""
    mean = f'{statistics.fmean(values):.{digits}f}'
    return f'{mean} ± {statistics.stdev(values):.{digits}f}' if len(values) > 1 else mean


def _known(figures: Mapping[str, Any]) -> float:
    known = figures['known']
    return float(known['lane_iou'])


def lost(results: Results, arm: str, shots: int) -> list[float]:
    """Return by how much the lane IoU on the known set fell, for each seed."""
    before = _known(results['source', 0][0])
    return [before - _known(figures) for figures in results.get((arm, shots), ())]


def _forgotten(results: Results, arm: str, shots: int) -> str:
    values = lost(results, arm, shots)
    return spread(values) if values else '–'


def _forgetting(results: Results) -> list[str]:
    before = _known(results['source', 0][0])
    return [
        f'lane IoU on the known set before less that after; before it is {before:.3f}; negative '
        'is better than before'
    ]


def _costs(results: Results, arms: Sequence[str], shots: Sequence[int], title: str) -> Table:
    rows = []
    for arm in arms:
        draws = list(zip(*(results[arm, k] for k in shots if (arm, k) in results), strict=False))
        found = [figures for draw in draws for figures in draw]
        rows.append(
            [
                ARMS[arm].title,
                f'{found[0]["trainable"]:,}',
                # what shared its core with others would pass for the arm's own slowness
                _least_median(draws, 'step_ms', 0),
                _least_median(draws, 'adapt_s', 1),
                _least_median([found], 'peak_memory_mib', 0),
                f'{max(figures["kept_bytes"] for figures in found) / 1e3:,.0f}',
                f'{found[0]["learning_rate"]:g}' if ARMS[arm].is_trained else '–',
            ]
        )
    columns = (
        '', 'parameters trained', 'step p50, ms', 'whole adaptation, s', 'peak memory, MiB',
        'kept beside the base, kB', 'learning rate',
    )  # fmt: skip
    notes = [
        'a step holds reading and augmenting of its batch; the memory is that of the whole '
        'process, torch and its libraries included; medians over k; times of '
        'the draw that the machine was least busy with'
    ]
    return Table(f'{title}: what it costs', columns, rows, notes)


def _least_median(draws: Sequence[Sequence[Mapping[str, Any]]], name: str, digits: int) -> str:
    known = [[figures[name] for figures in draw if figures[name] is not None] for draw in draws]
    medians = [statistics.median(values) for values in known if values]
    return f'{min(medians):,.{digits}f}' if medians else '–'


def draw_curves(results: Results, title: str, path: Path) -> Path:
    """Draw what is reached and what is forgotten over the number of frames, with the seeds."""
    # without pyplot: no window system, no global state
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 5), layout='constrained')
    reached, forgotten = figure.subplots(1, 2)
    shots = sorted({k for _, k in results} - {0})
    places = {k: place for place, k in enumerate((0, *shots))}
    source = results['source', 0][0]['target']['lane_iou']
    reached.axhline(source, color='tab:gray', linewidth=0.8)
    forgotten.axhline(0, color='tab:gray', linewidth=0.8)
    for number, arm in enumerate(
        name for name in ARMS if any((name, k) in results for k in shots)
    ):
        mine = [k for k in shots if results.get((arm, k))]
        x = [places[k] for k in mine]
        ious = [[f['target']['lane_iou'] for f in results[arm, k]] for k in mine]
        style = {'color': f'C{number % 10}', 'linestyle': '-' if number < 10 else '--'}
        _curve(reached, [0, *x], [[source], *ious], ARMS[arm].title, style)
        losses = [[0.0], *(lost(results, arm, k) for k in mine)]
        _curve(forgotten, [0, *x], losses, ARMS[arm].title, style)
    reached.set(ylabel='lane IoU on the test frames', title=title)
    forgotten.set(ylabel='lane IoU lost on the known set')
    for axes in (reached, forgotten):
        axes.set_xticks(list(places.values()), [str(k) for k in places])
        axes.set(xlabel='labelled frames k')
        axes.grid(alpha=0.3)
    reached.legend(fontsize='small')
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    return path


def _curve(
    axes: Any, x: Sequence[int], seeds: Sequence[Sequence[float]], label: str, style: dict
) -> None:
    means = [statistics.fmean(values) for values in seeds]
    axes.plot(x, means, marker='.', label=label, **style)
    low, high = [min(values) for values in seeds], [max(values) for values in seeds]
    axes.fill_between(x, low, high, alpha=0.12, color=style['color'], linewidth=0)
