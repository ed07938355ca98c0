"""What a benchmark found: tables, a picture, and a folder to keep."""

from collections.abc import Iterator, Mapping, Sequence
import json
from pathlib import Path
from typing import Any

from seg_node.atomic_files import write_text
from seg_node.machine import busy_warning
from training.benchmarking.pareto import draw
from training.errors import ConfigError
from training.evaluation.tables import Grid

REPORT = 'report.json'
PICTURE = 'pareto.png'

Cases = Sequence[Mapping[str, Any]]


def grids_of(result: Mapping[str, Any], short: bool = False) -> Iterator[Grid]:
    """
    Yield the tables of a result: speed, start, cost, what the machine can do, accuracy.

    :param short: number the cases and say in a first table which they are.
    """
    cases = result['cases']
    names = [name_of(case) for case in cases]
    if short:
        rows = [(str(number), name) for number, name in enumerate(names, 1)]
        names = [number for number, _ in rows]
        yield Grid('measured', ('', 'model, engine, precision, size, threads'), tuple(rows))
    yield _speed(cases, names, result['settings']['picture'])
    yield _start(cases, names)
    yield _cost(cases, names)
    yield _peaks(result['peaks'])
    for place in range(len(cases[0]['accuracy'])):
        yield _accuracy(cases, names, place)


def _speed(cases: Cases, names: Sequence[str], picture: str) -> Grid:
    columns = (
        '', 'p50 ms', 'p95', 'p99', 'with resizing p50', 'p95', 'p99', 'x fp32', 'x torch',
    )  # fmt: skip
    rows = [
        (
            name,
            *_percentiles(case['inference_ms']),
            *_percentiles(case['segment_ms']),
            _times(case['times_own_fp32']),
            _times(case['times_torch_fp32']),
        )
        for case, name in zip(cases, names, strict=True)
    ]
    return Grid(f'speed: the network alone, then {picture} picture in, mask out', columns,
                tuple(rows))  # fmt: skip


def _start(cases: Cases, names: Sequence[str]) -> Grid:
    columns = ('', 'first start s', 'again', 'of it load s', 'again', 'CPU s', 'again', 'file MB')
    parts = ('first', 'again', 'load_first', 'load_again', 'cpu_first', 'cpu_again')
    rows = [
        (
            name,
            *(f'{case["start_s"][part]:.2f}' for part in parts),
            f'{case["file_bytes"] / 1e6:.2f}',
        )
        for case, name in zip(cases, names, strict=True)
    ]
    title = 'start: from nothing to the first answer, in a process of its own'
    return Grid(title, columns, tuple(rows))


def _cost(cases: Cases, names: Sequence[str]) -> Grid:
    columns = ('', 'peak MB', 'threads', 'cores busy', 'GMAC', 'GMAC/s', 'of peak')
    rows = [
        (
            name,
            f'{case["memory_mb"]:.0f}',
            str(case['os_threads']),
            f'{case["cores_busy"]:.1f}',
            *_giga(case['multiply_adds'], case['multiply_adds_per_s']),
            '' if case['share_of_peak'] is None else f'{case["share_of_peak"]:.0%}',
        )
        for case, name in zip(cases, names, strict=True)
    ]
    return Grid('memory of the process, cores and arithmetic', columns, tuple(rows))


def _peaks(peaks: Sequence[Mapping[str, Any]]) -> Grid:
    rows = [
        (
            f'{peak["engine"]} {peak["precision"]} {peak["threads"]}T',
            f'{peak["p50_per_s"] / 1e9:.0f}',
            f'{peak["best_per_s"] / 1e9:.0f}',
        )
        for peak in peaks
    ]
    title = 'what the machine can do: matrix products through the same engines, GMAC/s'
    return Grid(title, ('', 'p50', 'best'), tuple(rows))


def _accuracy(cases: Cases, names: Sequence[str], place: int) -> Grid:
    first = cases[0]['accuracy'][place]
    columns = ('', 'lane_iou', 'lane_f1_3px', 'road_iou', 'lane_iou - first', 'front')
    rows = []
    for case, name in zip(cases, names, strict=True):
        found = case['accuracy'][place]
        ends = found['intervals'].get('lane_iou')
        difference = found['difference'].get('lane_iou', {}).get('value')
        rows.append(
            (
                name,
                _share(found.get('lane_iou'))
                + (f' [{ends[0]:.3f}, {ends[1]:.3f}]' if ends else ''),
                _share(found.get('lane_f1_3px')),
                _share(found.get('road_iou')),
                '' if difference is None else f'{difference:+.4f}',
                '*' if found.get('on_front') else '',
            )
        )
    return Grid(f'accuracy: {first["set"]}, {first["samples"]} samples', columns, tuple(rows))


def name_of(case: Mapping[str, Any]) -> str:
    """Return what tells a case from the others, in a table."""
    size = f'{case["width"]}x{case["height"]}'
    return f'{case["model"]} {case["engine"]} {case["precision"]} {size} {case["threads"]}T'


def how_to_read(result: Mapping[str, Any]) -> str:
    """Say in a paragraph how the figures came about."""
    machine, settings = result['machine'], result['settings']
    libraries = ', '.join(f'{name} {found}' for name, found in machine['libraries'].items())
    return (
        f'{settings["runs"]} runs of each, in turns of {settings["turn"]}, {settings["warm_up"]} '
        'before the first that counts. "of peak" is multiply-adds a second over those of the '
        'matrix products, both at p50. '
        f'{machine["processor"]}, {machine["cores"]} cores, {machine["busy_cores_before"]:g} busy '
        f'before the run, {libraries}, {machine["date"]}, code {machine["commit"][:12]}.'
    )


def warnings_of(result: Mapping[str, Any]) -> list[str]:
    """Return what a reader must know before believing the figures."""
    told = [busy_warning(result['machine'])]
    told += [f'{name} is left out: {reason}' for name, reason in result['failures'].items()]
    told += result['notes']
    for case in result['cases']:
        told += [
            f'{found["set"]}: {note}' for found in case['accuracy'] for note in found['notes']
        ]
    return [text for text in dict.fromkeys(told) if text]


def write_report(folder: Path, result: Mapping[str, Any]) -> None:
    """
    Write report.md, pareto.png and, last, report.json.

    :param folder: which is there and can be written; files of another name stay.
    :raises ConfigError: when it cannot be written after all.
    """
    try:
        picture = draw(result['cases'], folder / PICTURE)
        write_text(folder / 'report.md', markdown(result, picture is not None))
        write_text(folder / REPORT, json.dumps(result, indent=2) + '\n')
    except OSError as error:
        raise ConfigError(
            f'--report {folder} cannot be written ({error}): name another folder'
        ) from error


def markdown(result: Mapping[str, Any], with_picture: bool) -> str:
    """Return the report as text."""
    parts = ['# Benchmark', *(f'**{text}**' for text in warnings_of(result))]
    parts += [grid.markdown() for grid in grids_of(result)]
    if with_picture:
        parts.append(f'![lane IoU over latency, with the Pareto front]({PICTURE})')
    return '\n\n'.join([*parts, how_to_read(result)]) + '\n'


def _percentiles(values: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(f'{values[n]:.2f}' if values[n] < 10 else f'{values[n]:.1f}' for n in
                 ('p50', 'p95', 'p99'))  # fmt: skip


def _times(factor: float | None) -> str:
    return '' if factor is None else f'{factor:.2f}'


def _giga(count: int | None, rate: int | None) -> tuple[str, str]:
    if count is None or rate is None:
        return '', ''
    return f'{count / 1e9:.3f}', f'{rate / 1e9:.1f}'


def _share(value: float | None) -> str:
    return '' if value is None else f'{value:.3f}'
