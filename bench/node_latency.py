"""``node``: the latency of the node beyond its engine, and where the milliseconds go."""

import argparse
from typing import Any

from bench.figures import summarize
from bench.listener import Listener
from bench.options import add_camera, add_model, camera_of, node_parameters
from bench.results import percentile_cells, Table, verdict
from bench.session import Session, start_node
from bench.waiting import counting

#: Of the age at publish minus the inference time, at 1280x720 and 30 Hz on two cores.
TARGET_MS = {'p50': 4.0, 'p99': 10.0}

_STAGES = {
    'transport_ms': 'transport and take (stamp to mailbox)',
    'wait_ms': 'mailbox',
    'decode_ms': 'decode (message to picture)',
    'preprocess_ms': 'preprocess (resize to the network)',
    'inference_ms': 'inference',
    'postprocess_ms': 'postprocess (labels, resize to the picture)',
    'publish_ms': 'publish the mask',
    'age_ms': 'age at publish',
    'beyond_engine_ms': 'beyond the engine (age at publish - inference)',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    add_model(parser)
    add_camera(parser)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure."""
    camera = camera_of(options)
    with (
        Listener(options.domain_id) as listener,
        start_node(options.domain_id, options.logs, node_parameters(options)) as node,
        counting('frames', camera.frames) as watch,
    ):
        session = Session(listener, options.domain_id, options.logs)
        measured = session.measure(node, camera, watch)
    return {'engine': node.description, **summarize(measured)}


def tables(data: dict[str, Any]) -> list[Table]:
    """Tell what was measured."""
    stages, counters = data['stages_ms'], data['counters']
    beyond, settings = stages['beyond_engine_ms'], data['settings']
    rows = [[text, *percentile_cells(stages[name])] for name, text in _STAGES.items()]
    rows.append(['age on arrival of the mask', *percentile_cells(data['arrival_age_ms'])])
    notes = [
        f'{data["engine"]}',
        f'Target beyond the engine: p50 <= {TARGET_MS["p50"]:g} ms, p99 <= '
        f'{TARGET_MS["p99"]:g} ms: '
        + verdict(all(beyond[name] <= limit for name, limit in TARGET_MS.items())),
        f'{data["sent"]} frames sent, {data["masks"]} masks, {data["drops"]} drops '
        f'(mailbox {counters["dropped"]}, rejected {counters["rejected"]}, lost in transport '
        f'{counters["lost_in_transport"]}); {data["cpu_ms_per_frame"]:.1f} ms of processor time '
        'a frame',
        'The camera takes its share of the transport: '
        f'{data["camera"]["publish_ms"]["p50"]:.2f} ms in its call of publish (p50).',
    ]
    title = (
        f'{settings["width"]}x{settings["height"]} bgr8 at {settings["rate"]:g} Hz: '
        'where the milliseconds go'
    )
    return [Table(title, ('stage, ms', 'p50', 'p95', 'p99'), rows, notes)]
