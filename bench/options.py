"""Arguments that several verbs share."""

import argparse
from pathlib import Path
from typing import Any

from bench.session import CameraSettings
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


def add_engines_alone(parser: argparse.ArgumentParser) -> None:
    """Let the user say which bundle and pictures, where no camera takes part."""
    _add_bundle(parser)
    parser.add_argument('--width', type=int, default=1280, help='default: 1280')
    parser.add_argument('--height', type=int, default=720, help='default: 720')


def _add_bundle(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        '--bundle', type=Path, default=default_bundle_path(), metavar='DIR',
        help='default: the one that ships',
    )  # fmt: skip
    parser.add_argument('--threads', type=int, default=0, help='0: one for each core')


def add_camera(
    parser: argparse.ArgumentParser,
    width: int = 1280,
    height: int = 720,
    rate: float = 30.0,
    seconds: float = 30.0,
) -> None:
    """Let the user say what the camera sends."""
    group = parser.add_argument_group('camera')
    group.add_argument('--width', type=int, default=width, help=f'default: {width}')
    group.add_argument('--height', type=int, default=height, help=f'default: {height}')
    group.add_argument('--rate', type=float, default=rate, help=f'Hz, default: {rate:g}')
    group.add_argument('--seconds', type=float, default=seconds, help=f'default: {seconds:g}')


def camera_of(options: argparse.Namespace, **changes: Any) -> CameraSettings:
    """Return the camera that was asked for; ``changes`` win."""
    rate_hz = changes.pop('rate_hz', options.rate)
    seconds = changes.pop('seconds', options.seconds)
    frames = max(1, round(rate_hz * seconds))
    return CameraSettings(
        **{'width': options.width, 'height': options.height, 'rate_hz': rate_hz, 'frames': frames}
        | changes
    )


def node_parameters(options: argparse.Namespace) -> dict[str, Any]:
    """Return the node's parameters for the model that was asked for."""
    return {
        'bundle': options.bundle.resolve(),
        'engine': options.engine,
        'precision': options.precision,
        'threads': options.threads,
    }
