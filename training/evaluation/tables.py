"""Results as tables, the same for the terminal and for Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from training.evaluation.figures import letter, title_of
from training.evaluation.results import NO_METRICS

#: Shown before all others.
_MAIN = (
    'lane_iou', 'lane_f1_3px', 'lane_precision', 'lane_recall', 'road_iou', 'road_boundary_f1',
    'mean_iou', 'boundary_f1', 'accuracy',
)  # fmt: skip
#: Columns of bands and groups; sets that know neither lane nor road show their mean IoU.
_OF_TRUTH = ('samples', 'lane_pixels')
_OF_PARTS = (*_OF_TRUTH, 'lane_iou', 'lane_f1_3px', 'road_iou')


@dataclass(frozen=True)
class Grid:
    """Text in rows and columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """Return the grid as Markdown, with its title before it."""
        marks = ['---', *['---:'] * (len(self.columns) - 1)]
        lines = ['| ' + ' | '.join(row) + ' |' for row in (self.columns, marks, *self.rows)]
        return '\n'.join([f'**{self.title}**', '', *lines])

    def table(self) -> Table:
        """Return the grid for a terminal, without its title."""
        table = Table(self.columns[0])
        table.columns[0].no_wrap = True
        for column in self.columns[1:]:
            table.add_column(column, justify='right', overflow='fold')
        for row in self.rows:
            table.add_row(*row)
        return table


def by_set(result: Mapping[str, Any]) -> list[list[Mapping[str, Any]]]:
    """Return for each set the result of each model."""
    models = [result, *result.get('compared', [])]
    return [list(rows) for rows in zip(*(model['sets'] for model in models), strict=True)]


def grids_of(result: Mapping[str, Any]) -> Iterator[Grid]:
    """Yield the tables of a result: metrics first, then parts and thresholds."""
    rows = by_set(result)
    if result.get('compared'):
        for models in rows:
            yield _compared(models)
    else:
        yield _alone([models[0] for models in rows])
    for models in rows:
        yield from _parts(models)
        if 'sweep' in models[0]:
            yield from (_sweep(model, place) for place, model in enumerate(models))


def _metric_names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the metrics that any of the results has, the main ones first."""
    held = dict.fromkeys(name for row in rows for name in row if name not in NO_METRICS)
    main = [name for name in _MAIN if name in held]
    return main + [name for name in held if name not in main]


def _alone(sets: Sequence[Mapping[str, Any]]) -> Grid:
    """One model: metrics down, sets across."""
    names = _metric_names(sets)
    columns = ('', *(title_of(row) for row in sets))
    rows = [('samples', *(str(row['samples']) for row in sets))]
    rows += [(name, *(_with_interval(row, name) for row in sets)) for name in names]
    return Grid('metrics', columns, tuple(rows))


def _compared(models: Sequence[Mapping[str, Any]]) -> Grid:
    """Several models on one set: metrics down, models and differences to the first across."""
    names = _metric_names(models)
    letters = [letter(place) for place in range(len(models))]
    columns = ('', *letters, *(f'{name} - A' for name in letters[1:]))
    rows = [
        (
            name,
            *(_with_interval(row, name) for row in models),
            *(_difference(row['difference'].get(name)) for row in models[1:]),
        )
        for name in names
    ]
    title = f'{title_of(models[0])}, {models[0]["samples"]} samples'
    return Grid(title, columns, tuple(rows))


def _parts(models: Sequence[Mapping[str, Any]]) -> Iterator[Grid]:
    """Yield a table of bands of distance, then one for each fact that says something."""
    title = title_of(models[0])
    bands = models[0]['bands']
    yield _part_grid(
        f'{title}, by distance: {bands["definition"]}', [m['bands']['values'] for m in models]
    )
    for fact, values in models[0]['groups'].items():
        if len(values) > 1:
            yield _part_grid(f'{title}, by {fact}', [m['groups'][fact] for m in models])


def _part_grid(title: str, parts: Sequence[Mapping[str, Mapping[str, float]]]) -> Grid:
    held = {name for values in parts[0].values() for name in values}
    names = [name for name in _OF_PARTS if name in held]
    if not held & set(_OF_PARTS[2:]):
        names.append('mean_iou')
    shared = [name for name in names if name in _OF_TRUTH]
    own = [(name, place) for name in names if name not in shared for place in range(len(parts))]
    several = len(parts) > 1
    columns = [*shared, *(f'{letter(place)} {name}' if several else name for name, place in own)]
    rows = [
        (
            value,
            *(_number(parts[0][value].get(name)) for name in shared),
            *(_number(parts[place][value].get(name)) for name, place in own),
        )
        for value in parts[0]
    ]
    return Grid(title, ('', *columns), tuple(rows))


def _sweep(model: Mapping[str, Any], place: int) -> Grid:
    found = model['sweep']
    rows = [tuple(_number(value) for value in row.values()) for row in found['rows']]
    title = (
        f'{title_of(model)}, thresholds of {letter(place)}: it has {found["chosen"]:.2f}, best '
        f'IoU here at {found["best"]:.2f}; choose on other data than those it is to be judged on'
    )
    return Grid(title, tuple(found['rows'][0]), tuple(rows))


def _with_interval(row: Mapping[str, Any], name: str) -> str:
    if name not in row:
        return ''
    ends = row['intervals'].get(name)
    return f'{row[name]:.3f}' + (f' [{_short(ends[0])}, {_short(ends[1])}]' if ends else '')


def _difference(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ''
    ends = found['interval']
    if not ends:
        return f'{found["value"]:+.3f}'
    sure = ' *' if ends[0] > 0 or ends[1] < 0 else ''
    low, high = (f'{end:+.3f}'.replace('0.', '.', 1) for end in ends)
    return f'{found["value"]:+.3f} [{low}, {high}]{sure}'


def _short(share: float) -> str:
    return f'{share:.3f}'.removeprefix('0')


def _number(value: float | str | None) -> str:
    if value is None:
        return ''
    return f'{value:.3f}' if isinstance(value, float) else str(value)
