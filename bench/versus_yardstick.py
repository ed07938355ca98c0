"""``yardstick``: seg_node beside the node that people write first, in one run, in turns."""

import argparse
from typing import Any

from bench.figures import growth_of, percentiles_of, WORK
from bench.listener import Listener
from bench.numbers import whole_from_one, zero_or_more
from bench.options import add_camera, add_model, camera_of, node_parameters
from bench.results import ms, percentile_cells, Table, verdict
from bench.session import Run, Session, start_node, start_yardstick
from bench.waiting import counting
from seg_node.bundle import ModelBundle

#: How many times lower the node's p50 is to be, at 30 Hz.
TARGET_RATIO = 5.0
_TARGET_RATE_HZ = 30.0
#: A rise of the age over a block that counts as growing, in ms a second.
_GROWING_MS_PER_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    add_model(parser)
    add_camera(parser, seconds=15.0)
    parser.add_argument(
        '--blocks', type=whole_from_one, default=2, help='turns of each, default: 2'
    )
    parser.add_argument(
        '--slow-rate', type=zero_or_more, default=10.0, metavar='HZ',
        help='a second rate, which the yardstick can keep up with; 0 for none (default: 10)',
    )  # fmt: skip


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure."""
    rates = [rate for rate in (options.rate, options.slow_rate) if rate > 0]
    bundle = ModelBundle.load(options.bundle)
    domain_id, logs = options.domain_id, options.logs
    runs: dict[float, dict[str, list[Run]]] = {}
    with (
        Listener(domain_id) as listener,
        start_node(domain_id, logs, node_parameters(options)) as node,
        start_yardstick(domain_id, logs, bundle.folder, options.threads) as yardstick,
        counting('blocks', len(rates) * options.blocks * 2) as watch,
    ):
        session, done = Session(listener, domain_id, logs), 0
        for rate_hz in rates:
            runs[rate_hz] = {'seg_node': [], 'yardstick': []}
            for _ in range(options.blocks):
                for subject in (node, yardstick):
                    measured = session.measure(subject, camera_of(options, rate_hz=rate_hz))
                    runs[rate_hz][subject.name].append(measured)
                    done += 1
                    watch(done)
    return {
        'engine': node.description,
        'rates': [
            {'rate_hz': rate_hz, **{name: _pool(blocks) for name, blocks in sides.items()}}
            for rate_hz, sides in runs.items()
        ],
    }


def _pool(blocks: list[Run]) -> dict[str, Any]:
    """Join the blocks of one side; the growth told is that of the worst block."""
    growths = [growth_of(block.arrivals) for block in blocks]
    sent = sum(block.sent['frames'] for block in blocks)
    return {
        'sent': sent,
        'drops': sum(block.drops for block in blocks),
        'arrival_age_ms': percentiles_of([age for block in blocks for age in block.ages_ms]),
        'growth': max(growths, key=lambda growth: growth['slope_ms_per_s']),
        'cpu_ms_per_frame': round(sum(block.cpu_s for block in blocks) * 1e3 / sent, 2),
        'work_ms': percentiles_of(
            [work for block in blocks if block.stages for work in block.stage_ms(*WORK)]
        ),
    }


def tables(data: dict[str, Any]) -> list[Table]:
    """Tell what was measured."""
    settings = data['settings']
    return [_table(rate, data['engine'], settings) for rate in data['rates']]


def _table(rate: dict[str, Any], engine: str, settings: dict[str, Any]) -> Table:
    node, yardstick = rate['seg_node'], rate['yardstick']
    ratio = yardstick['arrival_age_ms']['p50'] / node['arrival_age_ms']['p50']
    rows = []
    for name, side in (('seg_node', node), ('yardstick', yardstick)):
        growth = side['growth']
        rows.append(
            [
                name,
                *percentile_cells(side['arrival_age_ms']),
                f'{ms(growth["first_tenth_ms"])} to {ms(growth["last_tenth_ms"])}',
                f'{growth["slope_ms_per_s"]:+.2f}',
                f'{side["drops"]} of {side["sent"]}',
                f'{side["cpu_ms_per_frame"]:.1f}',
            ]
        )
    grows = node['growth']['slope_ms_per_s'] > _GROWING_MS_PER_S
    at_target = rate['rate_hz'] == _TARGET_RATE_HZ
    judged = f' (target {TARGET_RATIO:g}: {verdict(ratio >= TARGET_RATIO)})' if at_target else ''
    notes = [
        f'p50 of the yardstick is {ratio:.1f} times that of the node{judged}',
        f"The node's age {'grows' if grows else 'does not grow'}. "
        f'{settings["blocks"]} blocks of {settings["seconds"]:g} s each, in turns',
        f'seg_node: {engine}; yardstick: the same weights in eager torch',
    ]
    columns = (
        'age on arrival, ms', 'p50', 'p95', 'p99', 'first to last tenth',
        'ms a second', 'drops', 'processor ms a frame',
    )  # fmt: skip
    size = f'{settings["width"]}x{settings["height"]}'
    return Table(f'{size} bgr8 at {rate["rate_hz"]:g} Hz', columns, rows, notes)
