"""``documents``: the shipped bundle beside the classic U-Net in eager PyTorch, in turns."""

import argparse
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
import time
from typing import Any, TYPE_CHECKING

from bench.errors import BenchError
from bench.figures import percentiles_of
from bench.pictures import road_pictures
from bench.results import ms, percentile_cells, Table, verdict
from bench.waiting import counting
import cv2
import numpy as np
from seg_node.bundle import default_bundle_path, ModelBundle
from seg_node.engines import EngineError
from seg_node.engines.base import EngineSpec
from seg_node.engines.selection import find_candidates
from seg_node.frame import Frame
from seg_node.segmenter import Segmenter

if TYPE_CHECKING:
    from training.models.unet import UNet

#: How many times faster the fastest engine is to be, by p50, with pictures of this size.
TARGET_RATIO, TARGET_SIZE = 60.0, (804, 612)
_WIDTHS = '64,128,256,512,1024'
#: Frames of the bundle for each one of the classic net, after one that finds cold caches.
_FRAMES_A_TURN = 10


@dataclass
class _Side:
    """One way from a picture to its labels, and how long it took each time."""

    name: str
    segment: Callable[[np.ndarray], object]
    multiply_adds: int | None  # of one picture; None where the bundle does not state its network
    times_ms: list[float] = field(default_factory=list)

    def time(self, pictures: Sequence[np.ndarray]) -> None:
        for picture in pictures:
            start_s = time.perf_counter()
            self.segment(picture)
            self.times_ms.append((time.perf_counter() - start_s) * 1e3)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    parser.add_argument(
        '--bundle', type=Path, default=default_bundle_path(), metavar='DIR',
        help='default: the one that ships',
    )  # fmt: skip
    parser.add_argument('--threads', type=int, default=0, help='0: one for each core')
    parser.add_argument('--width', type=int, default=TARGET_SIZE[0], help='default: 804')
    parser.add_argument('--height', type=int, default=TARGET_SIZE[1], help='default: 612')
    parser.add_argument(
        '--frames', type=int, default=10,
        help='of the classic net; each engine gets ten times as many (default: 10)',
    )  # fmt: skip
    parser.add_argument(
        '--widths', default=_WIDTHS, metavar='N,N,...',
        help='channels of each level of the classic net (default: %(default)s)',
    )  # fmt: skip


def run(options: argparse.Namespace) -> dict[str, Any]:
    """
    Measure.

    :raises BenchError: for widths that make no network, or no frame to measure.
    """
    from training.models.cost import count_parameters

    if options.frames < 1:
        raise BenchError(f'--frames {options.frames} measures nothing: give 1 or more')
    network = _classic_network(options.widths)
    bundle = ModelBundle.load(options.bundle)
    segmenters, failures = _load_all(bundle, options.threads)
    classic = _classic_side(network, options)
    own = _own_sides(bundle, segmenters)
    _measure(classic, own, road_pictures(options.width, options.height), options.frames)
    for segmenter in segmenters:
        segmenter.close()
    return {
        'bundle': bundle.manifest.name,
        'parameters': count_parameters(network),
        'stride': network.config.stride,
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
            loaded = Segmenter.load(bundle, one.engine, one.precision, threads=threads)
            segmenters.append(loaded)
        except EngineError as error:
            failures[one.name] = str(error)
    return segmenters, failures


def _classic_network(widths: str) -> 'UNet':
    """Build the net of the literature; the time it takes does not depend on its weights."""
    from training.models.unet import CLASSIC_UNET, UNet

    try:
        config = replace(CLASSIC_UNET, widths=tuple(int(part) for part in widths.split(',')))
    except ValueError as error:
        raise BenchError(
            f"--widths '{widths}' makes no network ({error}): write channels like {_WIDTHS}"
        ) from error
    return UNet(config).eval()


def _classic_side(network: 'UNet', options: argparse.Namespace) -> _Side:
    import torch
    from training.models.cost import count_multiply_adds

    threads = EngineSpec(Path(), '', 0, 0, 0, threads=options.threads).thread_count
    torch.set_num_threads(threads)  # as the engine `torch` does
    width, height = padded_size(options.width, options.height, network.config.stride)

    def segment(picture: np.ndarray) -> np.ndarray:
        rows, columns = picture.shape[:2]
        padded = np.zeros((height, width, 3), np.float32)
        padded[:rows, :columns] = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        planes = np.ascontiguousarray((padded / 255).transpose(2, 0, 1))
        with torch.inference_mode():
            labels = network(torch.from_numpy(planes).unsqueeze(0)).argmax(dim=1)
        return labels[0, :rows, :columns].numpy().astype(np.uint8)

    name = f'classic U-Net, torch {torch.__version__} eager, fp32, {threads} threads'
    return _Side(name, segment, count_multiply_adds(network, height, width))


def padded_size(width: int, height: int, stride: int) -> tuple[int, int]:
    """Return the width and height that a net with this stride takes, no smaller than asked."""
    return -(-width // stride) * stride, -(-height // stride) * stride


def _own_sides(bundle: ModelBundle, segmenters: Sequence[Segmenter]) -> list[_Side]:
    from training.errors import ConfigError
    from training.models.cost import count_multiply_adds
    from training.models.unet import UNet
    from training.runs import bundle_shape

    spec, multiply_adds = bundle.manifest.input, None
    with suppress(ConfigError):  # a bundle of another program need not state a network
        network = UNet(bundle_shape(bundle.folder))
        multiply_adds = count_multiply_adds(network, spec.height, spec.width)
    return [_Side(one.description, partial(_segment, one), multiply_adds) for one in segmenters]


def _segment(segmenter: Segmenter, picture: np.ndarray) -> object:
    return segmenter.segment(Frame(picture), with_confidence=False)


def _measure(
    classic: _Side, own: Sequence[_Side], pictures: Sequence[np.ndarray], frames: int
) -> None:
    """Give each its turn, so that a busy moment hurts all."""
    classic.segment(pictures[0])  # asks the system for its memory
    with counting('turns', frames) as watch:
        for turn in range(frames):
            classic.time([pictures[turn % len(pictures)]])
            for side in own:
                side.segment(pictures[0])
                side.time([pictures[i % len(pictures)] for i in range(_FRAMES_A_TURN)])
            watch(turn + 1)


def _figures(side: _Side, classic: _Side) -> dict[str, Any]:
    latency_ms, classic_ms = percentiles_of(side.times_ms), percentiles_of(classic.times_ms)
    best_ms = min(side.times_ms)
    return {
        'name': side.name,
        'frames': len(side.times_ms),
        'latency_ms': latency_ms,
        'best_ms': round(best_ms, 3),
        'times_faster_p50': round(classic_ms['p50'] / latency_ms['p50'], 2),
        'times_faster_best': round(min(classic.times_ms) / best_ms, 2),
        'multiply_adds': side.multiply_adds,
    }


def tables(data: dict[str, Any]) -> list[Table]:
    """Tell what was measured."""
    settings, (classic, *own) = data['settings'], data['sides']
    size = settings['width'], settings['height']
    width, height = padded_size(*size, data['stride'])
    fastest = max(own, key=lambda side: side['times_faster_p50'])
    judged = ''
    if size == TARGET_SIZE and settings['widths'] == _WIDTHS:
        met = verdict(fastest['times_faster_p50'] >= TARGET_RATIO)
        judged = f' (target {TARGET_RATIO:g}: {met})'
    notes = [
        f'Fastest: {fastest["name"]}, {fastest["times_faster_p50"]:.1f} times by p50{judged}',
        f'The classic net has {data["parameters"] / 1e6:.2f}M parameters, at random, as its time '
        f'does not depend on them; it works at full size, padded to {width}x{height}, its stride',
        f'In one process, in turns, without ROS, picture in, mask out: {classic["frames"]} frames '
        f'of the classic net, {fastest["frames"]} of each engine',
        *(f'{name}: {reason}' for name, reason in data['failures'].items()),
    ]
    columns = (
        'latency, ms', 'p50', 'p95', 'p99', 'best', 'times faster by p50', 'by best',
        'multiply-adds, G',
    )  # fmt: skip
    title = f'{data["bundle"]} against the classic U-Net, {size[0]}x{size[1]} pictures'
    return [Table(title, columns, [_row(side) for side in data['sides']], notes)]


def _row(side: dict[str, Any]) -> list[str]:
    multiply_adds = side['multiply_adds']
    return [
        side['name'],
        *percentile_cells(side['latency_ms']),
        ms(side['best_ms']),
        f'{side["times_faster_p50"]:.1f}',
        f'{side["times_faster_best"]:.1f}',
        'not stated' if multiply_adds is None else f'{multiply_adds / 1e9:.2f}',
    ]
