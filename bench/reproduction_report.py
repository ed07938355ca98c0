"""Tables and curves of the published comparisons, done again."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
import statistics
from typing import Any

from bench.adaptation_report import spread
from bench.results import Table
from seg_node.atomic_files import replacing

#: Figures of each seed, by the title of the arm.
Results = Mapping[str, Sequence[Mapping[str, Any]]]

_COSTS = ('parameters trained', 'steps', 'training, s', 'batch p50, ms', 'peak memory, MiB')


def _costs(seeds: Sequence[Mapping[str, Any]]) -> list[str]:
    def median(name: str) -> float:
        return statistics.median(figures[name] for figures in seeds)

    # of the GPU where there is one: that is the memory that runs out
    on_gpu = all(figures['gpu_peak_memory_mib'] for figures in seeds)
    memory = median('gpu_peak_memory_mib' if on_gpu else 'peak_memory_mib')
    return [
        f'{seeds[0]["trainable"]:,}', f'{seeds[0]["steps"]:,}', f'{median("wall_s"):,.0f}',
        f'{median("batch_ms_p50"):,.1f}', f'{memory:,.0f}',
    ]  # fmt: skip


def _metric(seeds: Sequence[Mapping[str, Any]], name: str) -> str:
    return spread([figures['metrics'][name] for figures in seeds])


def camvid_table(results: Results, notes: Sequence[str]) -> Table:
    """Return the poster's table, with its control."""
    columns = [
        '', 'accuracy', 'mean IoU', 'training loss', 'validation loss', *_COSTS
    ]  # fmt: skip
    rows = [
        [
            title, _metric(seeds, 'accuracy'), _metric(seeds, 'mean_iou'), _metric(seeds, 'loss'),
            spread([figures['validation_loss'] for figures in seeds]), *_costs(seeds),
        ]
        for title, seeds in results.items()
    ]  # fmt: skip
    return Table("The poster's comparison, on CamVid", columns, rows, notes)


def losses_table(results: Results, notes: Sequence[str]) -> Table:
    """Return the comparison of losses on lane markings."""
    columns = [
        '', 'accuracy', 'lane IoU, pooled', 'mean of frames', 'frames with IoU 0', 'F1',
        'IoU from epoch to epoch', *_COSTS,
    ]  # fmt: skip
    rows = [
        [
            title, _metric(seeds, 'accuracy'), _metric(seeds, 'lane_iou'),
            spread([statistics.fmean(figures['frame_lane_iou']) for figures in seeds]),
            f'{statistics.fmean(figures["frame_lane_iou"].count(0) for figures in seeds):g}',
            _metric(seeds, 'lane_f1_3px'),
            spread([restlessness(figures['history']['lane_iou']) for figures in seeds]),
            *_costs(seeds),
        ]
        for title, seeds in results.items()
    ]  # fmt: skip
    return Table('BCE against BCE + Dice, on a CARLA town', columns, rows, notes)


def restlessness(values: Sequence[float]) -> float:
    """Return how much a curve moves between two epochs, on average over its second half."""
    later = values[len(values) // 2 :]
    moves = [abs(b - a) for a, b in pairwise(later)]
    return statistics.fmean(moves) if moves else 0.0


def draw_history(results: Results, metric: str, label: str, path: Path) -> Path:
    """Draw training loss and one validation metric over the epochs, each seed a line."""
    # without pyplot: no window system, no global state
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout='constrained')
    loss, quality = figure.subplots(1, 2)
    for number, (title, seeds) in enumerate(results.items()):
        for first, figures in zip((True, *[False] * len(seeds)), seeds, strict=False):
            for axes, name in ((loss, 'loss'), (quality, metric)):
                values = figures['history'].get(name, [])
                name_once = title if first else None
                epochs = range(1, len(values) + 1)
                axes.plot(epochs, values, color=f'C{number}', marker='.', label=name_once)
    loss.set(xlabel='epoch', ylabel='training loss', ylim=(0, None))
    quality.set(xlabel='epoch', ylabel=label, ylim=(0, 1))
    for axes in (loss, quality):
        axes.grid(alpha=0.3)
        axes.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    return path
