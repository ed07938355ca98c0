"""The measurement itself: start all, take turns, ask what it cost, let them label."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
import logging
from pathlib import Path
import tempfile
from typing import Any

from seg_node.machine import describe_machine
from training.benchmark_config import BenchmarkConfig, parse_size
from training.benchmarking.accuracy import AccuracySets, answers_of
from training.benchmarking.case import Case
from training.benchmarking.cases import list_cases, products_for
from training.benchmarking.errors import BenchmarkError
from training.benchmarking.operations import count_multiply_adds
from training.benchmarking.pareto import mark_fronts
from training.benchmarking.processes import all_closed, CaseProcess
from training.benchmarking.turns import spread_pictures, take_turns, Timed, TimedProducts
from training.code_commit import code_commit
from training.progress import counting
from training.settings import plain

#: Different pictures that go in, in turn.
_PICTURES = 8

_log = logging.getLogger(__name__)


def run_benchmark(config: BenchmarkConfig, quiet: bool) -> dict[str, Any]:
    """
    Measure everything that a configuration asks for.

    :raises SegNodeError: for what cannot be read, does not fit, or when nothing could be loaded.
    """
    machine = {**describe_machine(), 'commit': code_commit()}
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix='benchmark-')))
        cases = list_cases(config, scratch)
        sets = AccuracySets(config, cases)
        opened: list[CaseProcess] = []
        stack.enter_context(all_closed(opened))
        starts, failures = _start_all(cases, scratch, opened, quiet)
        models = [Timed(process) for process in opened]
        products = _start_products(opened, scratch, failures)
        pictures = spread_pictures(sets.pictures(_PICTURES), parse_size(config.picture, 'picture'))
        for model in models:
            model.process.ask('frames', pictures)
        take_turns([*models, *products], config.runs, config.turn, config.warm_up, quiet)
        costs = [model.process.ask('cost') for model in models]
        peaks = [item.figures() for item in products]
        accuracy = sets.measure([model.process for model in models], quiet)
        rows = [
            {
                **_identity(model.process),
                'start_s': starts[model.process.case],
                **model.figures(),
                **cost,
                **_arithmetic(model, peaks),
                # of its own: the front is another with other numbers of threads
                'accuracy': [dict(one) for one in accuracy[answers_of(model.process.case)]],
            }
            for model, cost in zip(models, costs, strict=True)
        ]
    _compare(rows)
    mark_fronts(rows)
    return {
        'machine': machine,
        'settings': plain(asdict(config)),
        'cases': rows,
        'peaks': peaks,
        'failures': failures,
        'notes': list(dict.fromkeys(n for m in models for n in m.process.facts['notes'])),
    }


def _start_all(
    cases: Sequence[Case], scratch: Path, opened: list[CaseProcess], quiet: bool
) -> tuple[dict[Case, dict[str, float]], dict[str, str]]:
    """
    Start every case twice, first without anything kept from before, and leave the second running.

    :param opened: gets the processes.
    :return: seconds of both starts, and the reasons of those that failed.
    :raises BenchmarkError: when a peer fails, or all do.
    """
    starts: dict[Case, dict[str, float]] = {}
    failures: dict[str, str] = {}
    with counting('starting', len(cases), quiet) as show:
        for place, case in enumerate(cases):
            show(place, case.name)
            cache = scratch / f'cache_{place}'
            try:
                first = CaseProcess(case, cache)
                first.close()
                again = CaseProcess(case, cache)
            except BenchmarkError as error:
                if case.peer is not None:
                    raise
                _log.warning('%s is left out: %s', case.name, error)
                failures[case.name] = str(error)
                continue
            if any(_is_same(again, other) for other in opened):
                again.close()
                continue
            opened.append(again)
            starts[case] = {
                'first': round(first.start_s, 3),
                'again': round(again.start_s, 3),
                'load_first': round(first.facts['load_s'], 3),
                'load_again': round(again.facts['load_s'], 3),
                'cpu_first': round(first.facts['cpu_s'], 3),
                'cpu_again': round(again.facts['cpu_s'], 3),
            }
    if not opened:
        raise BenchmarkError(f'nothing can be measured: {next(iter(failures.values()))}')
    return starts, failures


def _is_same(one: CaseProcess, other: CaseProcess) -> bool:
    """Tell whether a peer was asked for by its own size in numbers too, which only it knows."""
    a, b = one.case, other.case
    return (
        a.peer is not None
        and (a.peer, a.engine, a.precision, a.threads)
        == (b.peer, b.engine, b.precision, b.threads)
        and one.facts['size'] == other.facts['size']
    )


def _start_products(
    opened: list[CaseProcess], scratch: Path, failures: dict[str, str]
) -> list[TimedProducts]:
    """Start the matrix products; without them, shares of the peak are left out."""
    found = []
    for case in products_for([process.case for process in opened], scratch / 'products'):
        try:
            process = CaseProcess(case, scratch / 'products')
        except BenchmarkError as error:
            failures[case.name] = str(error)
            continue
        opened.append(process)
        found.append(TimedProducts(process))
    return found


def _identity(process: CaseProcess) -> dict[str, Any]:
    case = process.case
    width, height = process.facts['size']
    weights = case.file.with_suffix('.bin')
    files = [case.file, *([weights] if case.file.suffix == '.xml' else [])]
    return {
        'name': case.name,
        'model': case.model,
        'peer': case.peer is not None,
        'engine': case.engine,
        'precision': case.precision,
        'threads': case.threads,
        'width': width,
        'height': height,
        'description': process.facts['description'],
        'file_bytes': sum(path.stat().st_size for path in files),
    }


def _arithmetic(model: Timed, peaks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return multiply-adds, how many a second, and the share of what the machine can do."""
    case = model.process.case
    try:
        count = count_multiply_adds(case.file, model.process.facts['shape'])
    except BenchmarkError as error:
        _log.warning('%s: %s', case.name, error)
        return {'multiply_adds': None, 'multiply_adds_per_s': None, 'share_of_peak': None}
    rate = count / model.figures()['inference_ms']['p50'] * 1e3
    kind = (case.engine, case.precision, case.threads)
    peak = next((p for p in peaks if (p['engine'], p['precision'], p['threads']) == kind), None)
    share = round(rate / peak['p50_per_s'], 4) if peak else None
    return {
        'multiply_adds': count, 'multiply_adds_per_s': round(rate), 'share_of_peak': share
    }  # fmt: skip


def _compare(rows: Sequence[dict[str, Any]]) -> None:
    """Say how many times faster each is than its own fp32, in its engine and in eager torch."""

    def setting(row: dict[str, Any], engine: str, precision: str) -> tuple[object, ...]:
        return row['model'], row['width'], row['height'], row['threads'], engine, precision

    p50 = {setting(r, r['engine'], r['precision']): r['inference_ms']['p50'] for r in rows}
    for row in rows:
        own = p50.get(setting(row, row['engine'], 'fp32'))
        torch = p50.get(setting(row, 'torch', 'fp32'))
        mine = row['inference_ms']['p50']
        row['times_own_fp32'] = round(own / mine, 2) if own else None
        row['times_torch_fp32'] = round(torch / mine, 2) if torch else None
