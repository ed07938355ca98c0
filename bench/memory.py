"""``memory``: does the node's memory stay what it is after thousands of frames."""

import argparse
from typing import Any

from bench.listener import Listener
from bench.numbers import whole_from_one
from bench.options import add_model, add_size, node_parameters
from bench.results import Table, verdict
from bench.session import CameraSettings, Session, start_node, Subject
from bench.waiting import counting

#: Largest difference between a tenth of the frames and all of them, in percent.
TARGET_PERCENT = 2.0
_SAMPLES = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    add_model(parser)
    group = parser.add_argument_group('camera, which waits for each mask before the next frame')
    add_size(group, 640, 360)
    group.add_argument('--frames', type=whole_from_one, default=10_000)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure."""
    camera = CameraSettings(options.width, options.height, frames=options.frames, in_step=True)
    with (
        Listener(options.domain_id) as listener,
        start_node(options.domain_id, options.logs, node_parameters(options)) as node,
        counting('frames', camera.frames) as show,
    ):
        sampler = _Sampler(node, camera.frames)

        def watch(masks: int) -> None:
            show(masks)
            sampler.look(masks)

        measured = Session(listener, options.domain_id, options.logs).measure(node, camera, watch)
        sampler.look(len(measured.arrivals))
    return {
        'engine': node.description,
        'drops': measured.drops,
        'rate_hz': round(measured.sent['rate_hz'], 1),
        'samples': sampler.samples,
        'difference_percent': round(sampler.difference_percent(), 2),
    }


class _Sampler:
    """Notes the node's resident memory after each tenth of the frames."""

    def __init__(self, node: Subject, frames: int) -> None:
        self._node, self._step = node, max(1, frames // _SAMPLES)
        self.samples: list[dict[str, float]] = []

    def look(self, masks: int) -> None:
        """Take a sample when the next tenth is complete."""
        if masks >= self._step * (len(self.samples) + 1) and len(self.samples) < _SAMPLES:
            memory_mb = round(self._node.process.memory_mb(), 2)
            self.samples.append({'frames': masks, 'memory_mb': memory_mb})

    def difference_percent(self) -> float:
        """Return how much more the last sample is than the first."""
        first, last = self.samples[0]['memory_mb'], self.samples[-1]['memory_mb']
        return (last - first) / first * 100


def tables(data: dict[str, Any]) -> list[Table]:
    """Tell what was measured."""
    settings, difference = data['settings'], data['difference_percent']
    rows = [[f'{sample["frames"]:,}', f'{sample["memory_mb"]:.1f}'] for sample in data['samples']]
    notes = [
        data['engine'],
        f'Last against first: {difference:+.2f} % (target: at most {TARGET_PERCENT:g} % either '
        f'way: {verdict(abs(difference) <= TARGET_PERCENT)})',
        f'{data["rate_hz"]:g} frames a second, each sent when the mask of the one before had '
        f'come; {data["drops"]} drops',
    ]
    title = f'Resident memory of the node, {settings["width"]}x{settings["height"]} bgr8'
    return [Table(title, ('frames', 'MB'), rows, notes)]
