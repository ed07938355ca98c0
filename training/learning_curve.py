"""Draw loss and validation metrics over the epochs of a run."""

import csv
from pathlib import Path

from seg_node.atomic_files import replacing
from training.runs import LOGS

_METRICS = ('lane_iou', 'lane_f1_3px')


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
    """Write ``learning_curve.png`` into a run's folder."""
    # without pyplot: no window system, no global state
    from matplotlib.figure import Figure

    history = read_history(folder)
    figure = Figure(figsize=(8, 4.5), layout='constrained')
    left = figure.add_subplot()
    loss = history.get('loss', {})
    left.plot(list(loss), list(loss.values()), color='tab:gray', label='training loss')
    left.set(xlabel='epoch', ylabel='loss', ylim=(0, None))
    right = left.twinx()
    for name in _METRICS:
        values = history.get(name, {})
        right.plot(list(values), list(values.values()), marker='.', label=f'validation {name}')
    right.set(ylabel='metric', ylim=(0, 1))
    figure.legend(loc='outside upper center', ncols=3)
    path = folder / 'learning_curve.png'
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)
    return path
