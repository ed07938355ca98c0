"""``hold``: is the rate held without a drop, and if not, which one is."""

import argparse
from typing import Any

from bench.figures import summarize
from bench.listener import Listener
from bench.numbers import zero_or_more
from bench.options import add_camera, add_model, camera_of, node_parameters
from bench.results import ms, percentile_cells, Table, verdict
from bench.session import Session, start_node, Subject
from bench.waiting import counting

#: Rates to try for the full time, each a Hertz lower, after the short tries.
_CONFIRMATIONS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    add_model(parser, precision='fp32')
    add_camera(parser, seconds=120.0)
    parser.add_argument(
        '--search-seconds', type=zero_or_more, default=20.0, metavar='S',
        help='length of each try of the search for a lower rate; 0 for no search (default: 20)',
    )  # fmt: skip


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure at the rate asked for, then search downwards when that drops frames."""
    with (
        Listener(options.domain_id) as listener,
        start_node(options.domain_id, options.logs, node_parameters(options)) as node,
    ):
        session = Session(listener, options.domain_id, options.logs)
        wanted = _try(session, node, options)
        tries = [wanted]
        if wanted['drops'] and options.search_seconds > 0:
            tries += _search(session, node, options)
    held = [result for result in tries if not result['drops'] and result['full_length']]
    return {
        'engine': node.description,
        'wanted': wanted,
        'tries': tries,
        'held_rate_hz': max((result['wanted_hz'] for result in held), default=None),
    }


def _search(session: Session, node: Subject, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Halve the range of whole rates with short tries, then confirm for the full time."""
    tries = []
    low, high = 0, int(options.rate)  # held, and known to drop
    while high - low > 1:
        middle = (low + high) // 2
        tries.append(_try(session, node, options, middle, options.search_seconds))
        low, high = (low, middle) if tries[-1]['drops'] else (middle, high)
    for rate_hz in range(low, max(0, low - _CONFIRMATIONS), -1):
        tries.append(_try(session, node, options, rate_hz))
        if not tries[-1]['drops']:
            break
    return tries


def _try(
    session: Session,
    node: Subject,
    options: argparse.Namespace,
    rate_hz: float | None = None,
    seconds: float | None = None,
) -> dict[str, Any]:
    rate_hz, length_s = rate_hz or options.rate, seconds or options.seconds
    camera = camera_of(options, rate_hz=rate_hz, seconds=length_s)
    with counting(f'frames at {rate_hz:g} Hz', camera.frames) as watch:
        measured = session.measure(node, camera, watch)
    return {
        'wanted_hz': rate_hz,
        'seconds': length_s,
        'full_length': seconds is None,
        **summarize(measured),
    }


def tables(data: dict[str, Any]) -> list[Table]:
    """Tell what was measured."""
    settings, wanted, held_hz = data['settings'], data['wanted'], data['held_rate_hz']
    rows = [
        [
            f'{result["wanted_hz"]:g} Hz for {result["seconds"]:g} s',
            f'{result["drops"]} of {result["sent"]}',
            str(result['counters']['dropped']),
            str(result['counters']['lost_in_transport']),
            *percentile_cells(result['arrival_age_ms']),
            ms(result['stages_ms']['work_ms']['p99']),
        ]
        for result in data['tries']
    ]
    says = 'none of those tried' if held_hz is None else f'{held_hz:g} Hz'
    notes = [
        data['engine'],
        f'{settings["rate"]:g} Hz for {settings["seconds"]:g} s without a drop: '
        f'{verdict(not wanted["drops"])}; highest rate held here: {says}',
        "The worker's own time a frame allows "
        f'{1e3 / wanted["stages_ms"]["work_ms"]["p50"]:.0f} Hz (p50)',
    ]
    columns = (
        'rate', 'drops', 'in the mailbox', 'in transport',
        'age on arrival p50', 'p95', 'p99', 'work p99, ms',
    )  # fmt: skip
    title = f'{settings["width"]}x{settings["height"]} bgr8, precision {settings["precision"]}'
    return [Table(title, columns, rows, notes)]
