"""``sweep``: rising rates until frames drop, then the same node on one core."""

import argparse
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
import os
from typing import Any

from bench.errors import BenchError
from bench.figures import summarize
from bench.listener import Listener
from bench.numbers import above_zero
from bench.options import add_model, add_size, frames_of, node_parameters
from bench.processes import keeping_off
from bench.results import ms, percentile_cells, Table, verdict
from bench.session import CameraSettings, Session, start_node, Subject
from bench.waiting import counting

#: To be held without a drop by pictures of this size on two cores.
TARGET_RATE_HZ, TARGET_SIZE = 80.0, (640, 360)
#: To be held on one core, by pictures of this size and of the sweep's own.
ONE_CORE_RATE_HZ, ONE_CORE_SIZE = 30.0, (1280, 720)
#: Of the rate asked for; a camera below it proves nothing about that rate.
_CAMERA_SHARE = 0.99
_MOST_HZ = 1e6

_Size = tuple[int, int]  # width and height
_Measure = Callable[[_Size, float], dict[str, Any]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    add_model(parser)
    camera = parser.add_argument_group('camera')
    add_size(camera, *TARGET_SIZE)
    rates = 'from the lowest on, until one drops frames twice (default: %(default)s)'
    camera.add_argument(
        '--rates', default='30,45,60,80,100,120,140', metavar='HZ,HZ,...', help=rates
    )
    camera.add_argument(
        '--seconds', type=above_zero, default=10.0, help='of each try, default: 10'
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Sweep with all cores, then hold the node to one."""
    rates_hz = _rates_of(options.rates)
    for rate_hz in (*rates_hz, ONE_CORE_RATE_HZ):
        frames_of(rate_hz, options.seconds)  # before minutes have passed
    own_size = (options.width, options.height)
    with _started(options) as (engine, measure):
        tries = climb(rates_hz, partial(measure, own_size))
    return {
        'engine': engine,
        'tries': tries,
        'highest_rate_hz': max((one['wanted_hz'] for one in tries if one['held']), default=None),
        'one_core': _on_one_core(options, own_size),
    }


def climb(
    rates_hz: Sequence[float], try_once: Callable[[float], dict[str, Any]]
) -> list[dict[str, Any]]:
    """
    Try rising rates until one is not held, twice: anything may take a core for a moment.

    :param try_once: its result says with ``held`` whether the rate was held.
    """
    tries = []
    for rate_hz in rates_hz:
        tries.append({**try_once(rate_hz), 'again': False})
        if not tries[-1]['held']:
            tries.append({**try_once(rate_hz), 'again': True})
        if not tries[-1]['held']:
            break
    return tries


def _rates_of(text: str) -> list[float]:
    try:
        rates_hz = sorted({float(part) for part in text.split(',')})
    except ValueError:
        rates_hz = []
    if not rates_hz or not all(0 < rate_hz <= _MOST_HZ for rate_hz in rates_hz):
        raise BenchError(f"--rates '{text}' is no list of rates: write them in Hz like 30,60,80")
    return rates_hz


def _on_one_core(options: argparse.Namespace, own_size: _Size) -> dict[str, Any]:
    """Measure a node that has one core; camera and listener take the others."""
    tries = []
    cores = os.sched_getaffinity(0)
    core = max(cores)
    with keeping_off(core), _started(options, {core}, threads=1) as (engine, measure):
        for size in dict.fromkeys((ONE_CORE_SIZE, own_size)):
            tries += climb([ONE_CORE_RATE_HZ], partial(measure, size))
    return {'engine': engine, 'cores': len(cores), 'tries': tries}


@contextmanager
def _started(
    options: argparse.Namespace, cores: Collection[int] = (), **parameters: Any
) -> Iterator[tuple[str, _Measure]]:
    """Start a node; give its model and engine, and what measures it at a size and rate."""
    domain_id, logs = options.domain_id, options.logs
    parameters = node_parameters(options) | parameters
    with Listener(domain_id) as listener, start_node(domain_id, logs, parameters, cores) as node:
        session = Session(listener, domain_id, logs)
        yield node.description, partial(_try, session, node, options.seconds)


def _try(
    session: Session, node: Subject, seconds: float, size: _Size, rate_hz: float
) -> dict[str, Any]:
    camera = CameraSettings(*size, rate_hz=rate_hz, frames=frames_of(rate_hz, seconds))
    with counting(f'frames at {rate_hz:g} Hz', camera.frames) as watch:
        summary = summarize(session.measure(node, camera, watch))
    kept_up = summary['rate_hz'] >= _CAMERA_SHARE * rate_hz
    return {
        'size': f'{camera.width}x{camera.height}',
        'wanted_hz': rate_hz,
        'held': kept_up and not summary['drops'],
        'camera_kept_up': kept_up,
        **summary,
    }


def tables(data: dict[str, Any]) -> list[Table]:
    """Tell what was measured."""
    settings, one_core = data['settings'], data['one_core']
    columns = (
        'drops', 'age at publish p50', 'p95', 'p99', 'on arrival p50', 'p99',
        'processor ms a frame',
    )  # fmt: skip
    return [
        Table(
            f'{data["tries"][0]["size"]} bgr8, {settings["seconds"]:g} s at each rate',
            ('rate', *columns),
            [_row(one) for one in data['tries']],
            _notes(data),
        ),
        Table(
            f'The node on one core, {settings["seconds"]:g} s at each size',
            ('picture', *columns),
            [_row(one, f'{one["size"]} at ') for one in one_core['tries']],
            _one_core_notes(one_core),
        ),
    ]


def _row(one: dict[str, Any], before: str = '') -> list[str]:
    slow = '' if one['camera_kept_up'] else f', camera reached {one["rate_hz"]:.1f}'
    return [
        f'{before}{one["wanted_hz"]:g} Hz{slow}{", again" if one["again"] else ""}',
        f'{one["drops"]} of {one["sent"]}',
        *percentile_cells(one['stages_ms']['age_ms']),
        *(ms(one['arrival_age_ms'][name]) for name in ('p50', 'p99')),
        f'{one["cpu_ms_per_frame"]:.1f}',
    ]


def _notes(data: dict[str, Any]) -> list[str]:
    last, highest_hz = data['tries'][-1], data['highest_rate_hz']
    says = 'none of those tried' if highest_hz is None else f'{highest_hz:g} Hz'
    if last['held']:
        says += ', the highest tried'
    judged = last['wanted_hz'] >= TARGET_RATE_HZ or not last['held']  # else nobody tried it
    if judged and last['size'] == '{}x{}'.format(*TARGET_SIZE):
        met = verdict((highest_hz or 0) >= TARGET_RATE_HZ)
        says += f' (target {TARGET_RATE_HZ:g} Hz: {met})'
    counters = last['counters']
    return [
        data['engine'],
        f'Highest rate without a drop: {says}',
        'A rate that drops frames is tried once more before it counts as dropped, since anything '
        'may take a core for a moment; then the sweep ends',
        f'At {last["wanted_hz"]:g} Hz {counters["dropped"]} frames were dropped in the mailbox '
        f'and {counters["lost_in_transport"]} lost in transport; the time of the worker alone '
        f'allows {1e3 / last["stages_ms"]["work_ms"]["p50"]:.0f} Hz (p50)',
    ]


def _one_core_notes(one_core: dict[str, Any]) -> list[str]:
    held = {one['size']: one['held'] for one in one_core['tries']}  # the last try of each counts
    verdicts = ', '.join(f'{size} {verdict(met)}' for size, met in held.items())
    others = 'have the rest' if one_core['cores'] > 1 else 'share it: there is no other'
    return [
        one_core['engine'],
        f'The node has one core of {one_core["cores"]}; camera and listener {others}',
        f'{ONE_CORE_RATE_HZ:g} Hz without a drop on one core: {verdicts}',
    ]
