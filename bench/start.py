"""``start``: from the command to a node that is active, the first time and again."""

import argparse
import time
from typing import Any

from bench.figures import percentiles_of
from bench.numbers import whole_from_one
from bench.options import add_model, node_parameters
from bench.processes import fresh_cache
from bench.results import Table, verdict
from bench.session import start_node

#: From the second start on.
TARGET_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    add_model(parser)
    parser.add_argument(
        '--starts', type=whole_from_one, default=10, metavar='N', help='after the first (10)'
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure: the first start finds empty caches, the others what it left in them."""
    with fresh_cache():
        starts = [_start(options) for _ in range(1 + options.starts)]
    first, *again = starts
    return {
        'engine': first.pop('engine'),
        'first': first,
        'again': {name: percentiles_of([one[name] for one in again]) for name in first},
        'starts': len(again),
    }


def _start(options: argparse.Namespace) -> dict[str, Any]:
    """Return what one start takes, in seconds of the clock and of the processor."""
    start_s = time.monotonic()
    with start_node(options.domain_id, options.logs, node_parameters(options)) as node:
        return {
            'wall_s': round(time.monotonic() - start_s, 3),
            'processor_s': round(node.process.cpu_s(), 3),
            'engine': node.description,
        }


def tables(data: dict[str, Any]) -> list[Table]:
    """Tell what was measured."""
    rows = [
        [
            label,
            f'{data["first"][name]:.2f}',
            *(f'{data["again"][name][part]:.2f}' for part in ('p50', 'p95', 'p99')),
        ]
        for name, label in (('wall_s', 'clock'), ('processor_s', 'processor, both cores'))
    ]
    p50_s = data['again']['wall_s']['p50']
    notes = [
        data['engine'],
        f'{data["starts"]} starts after the first; target of these: p50 below {TARGET_S:g} s: '
        + verdict(p50_s < TARGET_S),
        'The first one measures which engine and precision is fastest here, and compiles; both '
        'are kept. Python, rclpy and DDS are part of each. Read to 0.05 s.',
    ]
    columns = ('s', 'first start', 'again p50', 'p95', 'p99')
    return [Table('From the command to "active: waiting for images"', columns, rows, notes)]
