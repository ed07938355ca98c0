"""Arguments that several verbs share."""

import argparse
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.numbers import above_zero, whole_from_one, whole_from_zero
from bench.session import CameraSettings, WARM_UP_S
from seg_node.bundle import default_bundle_path
from seg_node.engines import ENGINE_NAMES, PRECISIONS


def add_model(parser: argparse.ArgumentParser, precision: str = 'auto') -> None:
    """Let the user say which model runs, and how; without a word, as the node does."""
    group = parser.add_argument_group('model')
    _add_bundle(group)
    group.add_argument('--engine', default='auto', choices=('auto', *ENGINE_NAMES))
    group.add_argument(
        '--precision',
        default=precision,
        choices=('auto', *PRECISIONS),
        help=f'default: {precision}',
    )


def add_engines_alone(
    parser: argparse.ArgumentParser, width: int = 1280, height: int = 720
) -> None:
    """Let the user say which bundle and pictures, where no camera takes part."""
    _add_bundle(parser)
    add_size(parser, width, height)


def _add_bundle(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        '--bundle', type=Path, default=default_bundle_path(), metavar='DIR',
        help='default: the one that ships',
    )  # fmt: skip
    parser.add_argument('--threads', type=whole_from_zero, default=0, help='0: one for each core')


def add_size(parser: argparse._ActionsContainer, width: int, height: int) -> None:
    """Let the user say how large the pictures are."""
    parser.add_argument('--width', type=whole_from_one, default=width, help=f'default: {width}')
    parser.add_argument('--height', type=whole_from_one, default=height, help=f'default: {height}')


def add_camera(
    parser: argparse.ArgumentParser,
    width: int = 1280,
    height: int = 720,
    rate: float = 30.0,
    seconds: float = 30.0,
) -> None:
    """Let the user say what the camera sends."""
    group = parser.add_argument_group('camera')
    add_size(group, width, height)
    group.add_argument('--rate', type=above_zero, default=rate, help=f'Hz, default: {rate:g}')
    group.add_argument('--seconds', type=above_zero, default=seconds, help=f'default: {seconds:g}')


def camera_of(options: argparse.Namespace, **changes: Any) -> CameraSettings:
    """
    Return the camera that was asked for; ``changes`` win.

    :raises BenchError: as ``frames_of`` does.
    """
    rate_hz = changes.pop('rate_hz', options.rate)
    seconds = changes.pop('seconds', options.seconds)
    frames = frames_of(rate_hz, seconds)
    return CameraSettings(
        **{'width': options.width, 'height': options.height, 'rate_hz': rate_hz, 'frames': frames}
        | changes
    )


def frames_of(rate_hz: float, seconds: float) -> int:
    """
    Return how many frames a camera sends.

    :raises BenchError: when all of them would be in the warm-up, of which nothing is told.
    """
    frames = max(1, round(rate_hz * seconds))
    if (frames - 1) / rate_hz < WARM_UP_S:
        raise BenchError(
            f'--seconds {seconds:g} at {rate_hz:g} Hz ends within the warm-up of {WARM_UP_S:g} s, '
            'which is not measured: give more --seconds'
        )
    return frames


def node_parameters(options: argparse.Namespace) -> dict[str, Any]:
    """Return the node's parameters for the model that was asked for."""
    return {
        'bundle': options.bundle.resolve(),
        'engine': options.engine,
        'precision': options.precision,
        'threads': options.threads,
    }
