"""The picture of ``bench.shapes``: lane IoU over time, and the front that nothing beats."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seg_node.atomic_files import replacing
from training.benchmarking.pareto import on_front


class Point(NamedTuple):
    """A shape in the picture."""

    name: str
    time_ms: float
    lane_iou: float


def draw_front(points: Sequence[Point], path: Path) -> None:
    """Draw the shapes and join those on the front."""
    from matplotlib.figure import Figure

    best = on_front([(point.time_ms, point.lane_iou) for point in points])
    front = sorted(
        (p.time_ms, p.lane_iou) for p, inside in zip(points, best, strict=True) if inside
    )
    figure = Figure(figsize=(7.2, 4.8), layout='constrained')
    panel = figure.subplots()
    panel.step(*zip(*front, strict=True), where='post', color='tab:gray', label='Pareto front')
    for point, inside in zip(points, best, strict=True):
        color = 'tab:green' if inside else 'tab:blue'
        panel.plot(point.time_ms, point.lane_iou, 'o', color=color)
        panel.annotate(
            point.name, (point.time_ms, point.lane_iou), (5, 4), textcoords='offset points'
        )
    panel.set(
        xlabel='fastest engine and precision: p50, ms', ylabel='lane IoU, held-out CARLA town',
        title='Shapes after the same short training',
    )  # fmt: skip
    panel.margins(x=0.15, y=0.1)
    panel.grid(alpha=0.3)
    panel.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
