"""``classic``: the shipped bundle beside the classic U-Net in eager PyTorch, in turns."""

import argparse
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
import time
from typing import Any

from bench.errors import BenchError
from bench.figures import percentiles_of
from bench.numbers import whole_from_one
from bench.options import add_engines_alone
from bench.pictures import road_pictures
from bench.results import ms, percentile_cells, Table, verdict
from bench.waiting import counting
import cv2
import numpy as np
from seg_node.bundle import ModelBundle
from seg_node.engines import EngineError
from seg_node.engines.selection import find_candidates
from seg_node.frame import Frame
from seg_node.machine import core_count
from seg_node.segmenter import Segmenter

#: How many times faster the fastest engine is to be, by p50, with pictures of this size.
TARGET_RATIO, TARGET_SIZE = 60.0, (804, 612)
_WIDTHS = '64,128,256,512,1024'
#: Frames of the bundle for each one of the classic net, after one that finds cold caches.
_FRAMES_A_TURN = 10


@dataclass
class _Side:
    """One way from a frame to its labels, and how long it took each time."""

    name: str
    segment: Callable[[Frame], object]
    multiply_adds: int | None  # of one picture; None where the bundle does not state its network
    times_ms: list[float] = field(default_factory=list)

    def time(self, frame: Frame) -> None:
        start_s = time.perf_counter()
        self.segment(frame)
        self.times_ms.append((time.perf_counter() - start_s) * 1e3)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    add_engines_alone(parser, *TARGET_SIZE)
    frames = 'of the classic net, ten times as many of each engine (default: 10)'
    parser.add_argument('--frames', type=whole_from_one, default=10, help=frames)
    widths = 'channels of each level of the classic net (default: %(default)s)'
    parser.add_argument('--widths', default=_WIDTHS, metavar='N,N,...', help=widths)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure."""
    network = _classic_network(options.widths)
    bundle = ModelBundle.load(options.bundle)
    segmenters, failures = _load_all(bundle, options.threads)
    classic, own = _classic_side(network, options), _own_sides(bundle, segmenters)
    pictures = road_pictures(options.width, options.height)
    _measure(classic, own, [Frame(one) for one in pictures], max(1, options.frames))
    for segmenter in segmenters:
        segmenter.close()
    return {
        'bundle': bundle.manifest.name,
        'parameters': sum(weights.numel() for weights in network.parameters()),
        'sides': [_figures(side, classic) for side in (classic, *own)],
        'failures': failures,
    }


def _load_all(bundle: ModelBundle, threads: int) -> tuple[list[Segmenter], dict[str, str]]:
    """Load all ways to run the bundle here, those that `auto` never takes too."""
    candidates = find_candidates(bundle)
    with suppress(EngineError):
        candidates += find_candidates(bundle, 'torch')
    segmenters, failures = [], {}
    for one in candidates:
        try:
            segmenters.append(Segmenter.load(bundle, one.engine, one.precision, threads=threads))
        except EngineError as error:
            failures[one.name] = str(error)
    if not segmenters:
        raise BenchError(f'no engine runs {bundle.folder}: {"; ".join(failures.values())}')
    return segmenters, failures


def _classic_network(widths: str) -> Any:
    """Build the net of the literature; the time it takes does not depend on its weights."""
    from training.models.unet import CLASSIC_UNET, UNet

    try:
        config = replace(CLASSIC_UNET, widths=tuple(int(part) for part in widths.split(',')))
    except ValueError as error:
        raise BenchError(f'--widths {widths}: {error}; write channels like {_WIDTHS}') from error
    return UNet(config).eval()


def _classic_side(network: Any, options: argparse.Namespace) -> _Side:
    import torch
    from training.models.cost import count_multiply_adds

    threads = options.threads or core_count()
    torch.set_num_threads(threads)  # as the engine `torch` does
    stride = network.config.stride
    width, height = (-(-size // stride) * stride for size in (options.width, options.height))

    def segment(frame: Frame) -> np.ndarray:
        rows, columns = frame.size
        padded = np.zeros((height, width, 3), np.float32)
        padded[:rows, :columns] = cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB)
        planes = np.ascontiguousarray((padded / 255).transpose(2, 0, 1))
        with torch.inference_mode():
            labels = network(torch.from_numpy(planes).unsqueeze(0)).argmax(dim=1)
        return labels[0, :rows, :columns].numpy().astype(np.uint8)

    how = f'torch {torch.__version__} eager, fp32, {threads} threads'
    name = f'classic U-Net at {width}x{height}, {how}'
    return _Side(name, segment, count_multiply_adds(network, height, width))


def _own_sides(bundle: ModelBundle, segmenters: Sequence[Segmenter]) -> list[_Side]:
    from training.errors import ConfigError
    from training.models.cost import count_multiply_adds
    from training.models.unet import UNet
    from training.runs import bundle_shape

    spec, multiply_adds = bundle.manifest.input, None
    with suppress(ConfigError):  # a bundle of another program need not state a network
        network = UNet(bundle_shape(bundle.folder))
        multiply_adds = count_multiply_adds(network, spec.height, spec.width)
    return [
        _Side(one.description, partial(one.segment, with_confidence=False), multiply_adds)
        for one in segmenters
    ]


def _measure(classic: _Side, own: Sequence[_Side], frames: Sequence[Frame], turns: int) -> None:
    """Give each its turn, so that a busy moment hurts all."""
    classic.segment(frames[0])  # asks the system for its memory
    with counting('turns', turns) as watch:
        for turn in range(turns):
            classic.time(frames[turn % len(frames)])
            for side in own:
                side.segment(frames[0])
                for index in range(_FRAMES_A_TURN):
                    side.time(frames[index % len(frames)])
            watch(turn + 1)


def _figures(side: _Side, classic: _Side) -> dict[str, Any]:
    latency_ms, classic_ms = percentiles_of(side.times_ms), percentiles_of(classic.times_ms)
    return {
        'name': side.name,
        'frames': len(side.times_ms),
        'latency_ms': latency_ms,
        'best_ms': round(min(side.times_ms), 3),
        'times_faster_p50': round(classic_ms['p50'] / latency_ms['p50'], 2),
        'times_faster_best': round(min(classic.times_ms) / min(side.times_ms), 2),
        'multiply_adds': side.multiply_adds,
    }


def tables(data: dict[str, Any]) -> list[Table]:
    """Tell what was measured."""
    settings, (classic, *own) = data['settings'], data['sides']
    size = settings['width'], settings['height']
    fastest = max(own, key=lambda side: side['times_faster_p50'])
    at_target = size == TARGET_SIZE and settings['widths'] == _WIDTHS
    met = verdict(fastest['times_faster_p50'] >= TARGET_RATIO)
    judged = f' (target {TARGET_RATIO:g}: {met})' if at_target else ''
    rows = [
        [
            side['name'],
            *percentile_cells(side['latency_ms']),
            ms(side['best_ms']),
            *(f'{side[name]:.1f}' for name in ('times_faster_p50', 'times_faster_best')),
            f'{side["multiply_adds"] / 1e9:.2f}' if side['multiply_adds'] else 'not stated',
        ]
        for side in data['sides']
    ]
    notes = [
        f'Fastest: {fastest["name"]}, {fastest["times_faster_p50"]:.1f} times by p50{judged}',
        f'The classic net has {data["parameters"] / 1e6:.2f}M parameters, at random, as its time '
        'does not depend on them; it works at full size, padded to its stride',
        'In one process, in turns, without ROS, picture in, mask out; '
        f'{classic["frames"]} frames of the classic net, {fastest["frames"]} of each engine',
        *(f'{name}: {reason}' for name, reason in data['failures'].items()),
    ]
    columns = ('ms', 'p50', 'p95', 'p99', 'best', 'times faster', 'by best', 'multiply-adds, G')
    title = f'{data["bundle"]} against the classic U-Net, {size[0]}x{size[1]} pictures'
    return [Table(title, columns, rows, notes)]
