"""Draw loss and validation metrics over the epochs of a run."""

import csv
from pathlib import Path

from seg_node.atomic_files import replacing
from training.runs import LOGS

#: The picture in a run's folder.
CURVE = 'learning_curve.png'
_METRICS = ('lane_iou', 'lane_f1_3px', 'road_iou', 'mean_iou')


def read_history(folder: Path) -> dict[str, dict[int, float]]:
    """
    Return every logged value by name and epoch; a resumed run's later start wins.

    :param folder: of the run.
    """
    history: dict[str, dict[int, float]] = {}
    starts = sorted(
        (folder / LOGS).glob('version_*/metrics.csv'),
        key=lambda path: int(path.parent.name.removeprefix('version_')),
    )
    for path in starts:
        with path.open(newline='', encoding='utf-8') as file:
            for row in csv.DictReader(file):
                for name, value in row.items():
                    if value and row.get('epoch') and name not in ('epoch', 'step'):
                        history.setdefault(name, {})[int(row['epoch'])] = float(value)
    return history


def draw_learning_curve(folder: Path) -> Path:
    """Write ``learning_curve.png`` into a run's folder: loss, metrics, learning rate."""
    # without pyplot: no window system, no global state
    from matplotlib.figure import Figure

    history = read_history(folder)
    figure = Figure(figsize=(8, 8), layout='constrained')
    loss, metrics, rate = figure.subplots(3, sharex=True)
    for axes, names, label, ylim in (
        (loss, ('loss',), 'training loss', (0, None)),
        (metrics, _METRICS, 'validation', (0, 1)),
        (rate, ('learning_rate',), 'learning rate', (0, None)),
    ):
        for name in names:
            if values := history.get(name):
                axes.plot(list(values), list(values.values()), marker='.', label=name)
        axes.set(ylabel=label, ylim=ylim)
        axes.grid(alpha=0.3)
    metrics.legend()
    rate.set(xlabel='epoch')
    path = folder / CURVE
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)
    return path
