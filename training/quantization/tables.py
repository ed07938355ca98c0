"""What was found as tables, the same for the terminal and for Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from training.evaluation.tables import Grid

_METRICS = ('lane_iou', 'lane_f1_3px', 'lane_recall', 'road_iou', 'mean_iou')


def show(result: Mapping[str, Any], console: Console) -> None:
    """Print a result for people."""
    for model in result['models']:
        console.rule(f'{model["model"]}')
        for note in model['notes']:
            console.print(f'   {note}', style='yellow', highlight=False)
        for grid in grids_of(model):
            console.print(f'\n{grid.title}', highlight=False)
            table = Table(*grid.columns)
            table.columns[0].no_wrap = True
            for row in grid.rows:
                table.add_row(*row)
            console.print(table)
        for line in verdict_lines(model):
            console.print(line, highlight=False)
    console.print(
        f'written: {result["bundle"]}'
        if result['written']
        else f'{result["bundle"]} was left as it is: no variant passed the gate'
    )


def grids_of(model: Mapping[str, Any]) -> Iterator[Grid]:
    """Yield the tables of one model: verdicts first, then what each set says."""
    yield _verdicts(model)
    names = [result['set'] for result in model['variants'][0]['sets']]
    for place, name in enumerate(names):
        yield _metrics(model, place, name)
        yield from _bands(model, place, name)


def _verdicts(model: Mapping[str, Any]) -> Grid:
    columns = (
        'variant', 'weights', 'p50 ms', 'p99 ms', 'least', 'over fp32', 'over best', 'drop',
    )  # fmt: skip
    return Grid('variants', columns, tuple(_verdict_row(row) for row in model['variants']))


def _verdict_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    latency, gate = row['latency'], row['gate']
    return (
        row['name'],
        f'{row["weights_bytes"] / 1e6:.2f} MB (1/{row["weights_ratio"]:.1f})',
        *(f'{latency[key]:.1f}' for key in ('p50_ms', 'p99_ms', 'least_ms')),
        f'{row["speed_up_over_fp32"]:.2f}x',
        f'{gate["speed_up"]:.2f}x' if gate else '',
        f'{gate["lane_iou_drop"]:+.4f}' if gate else '',
    )


def verdict_lines(model: Mapping[str, Any]) -> Iterator[str]:
    """Yield for each int8 variant whether it enters, and if not, why."""
    for row in model['variants']:
        if gate := row['gate']:
            words = 'enters the bundle'
            if not row['enters']:
                against = '; '.join(gate['reasons']) or 'another of its engine is better'
                words = f'stays out: {against}'
            yield f'{row["name"]}: {words}'


def _metrics(model: Mapping[str, Any], place: int, name: str) -> Grid:
    held = [key for key in _METRICS if key in model['variants'][0]['sets'][place]]
    columns = ('variant', *held, 'same pixels', 'same lane')
    rows = []
    for row in model['variants']:
        found = row['sets'][place]
        agreement = found['agreement']
        rows.append((
            row['name'], *(f'{found[key]:.4f}' for key in held),
            f'{agreement["pixels"]:.2%}', f'{agreement["lane_iou"]:.2%}',
        ))  # fmt: skip
    return Grid(name, columns, tuple(rows))


def _bands(model: Mapping[str, Any], place: int, name: str) -> Iterator[Grid]:
    """Recall of lane markings by distance: what int8 loses, it loses far away."""
    bands = [row['sets'][place]['bands'] for row in model['variants']]
    names = [key for key, value in bands[0]['values'].items() if 'lane_recall' in value]
    if not names:
        return
    rows = tuple(
        (row['name'], *(f'{found["values"][key]["lane_recall"]:.4f}' for key in names))
        for row, found in zip(model['variants'], bands, strict=True)
    )
    yield Grid(f'{name}: lane recall by distance', ('variant', *names), rows)
