"""
The main job from end to end, with figures: pictures, DDS, node, masks.

Without an input a car drives through the weathers of the small simulator, and the masks are
measured against its truth. All parts run as processes of their own, as on a robot; this one
listens.
"""

import argparse
from collections.abc import Sequence
import importlib.util
import json
import os
from pathlib import Path
import signal
import sys
import tempfile

from seg_node.atomic_files import write_text
from seg_node.carla.errors import CarlaError
from seg_node.carla.library import carla_library
from seg_node.dds_profile import use_large_images_profile
from seg_node.demo.model import Model
from seg_node.demo.playback import Replay, replay_text, run_replay
from seg_node.demo.process import DemoError
from seg_node.demo.road import write_pairs
from seg_node.demo.route import DEFAULT_ROUTES, plan, Route
from seg_node.demo.simulator import run_simulation, Simulation, simulation_text
from seg_node.errors import SegNodeError
from seg_node.paths import check_bundle, not_written, path_argument, place_of

_TERMINATED = 128 + signal.SIGTERM


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))  # our processes end with us
    os.environ.setdefault('ROS_DOMAIN_ID', '42')
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    use_large_images_profile()
    try:
        _check_ros()
        check_bundle(options.bundle)
        options.out.mkdir(parents=True, exist_ok=True)
        if options.input is None and not options.drawn and _has_simulator():
            summary, text = _simulate(options)
        else:
            summary, text = _replay(options)
        write_text(options.out / 'summary.json', json.dumps(summary, indent=2) + '\n')
    except SegNodeError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except OSError as error:  # all that is written here lies in --out
        print(f'error: {not_written(place_of(error, options.out), error)}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print(json.dumps(summary, indent=2) if options.json else text)
    return 0


def _check_ros() -> None:
    if importlib.util.find_spec('rclpy') is None:
        raise DemoError(
            'ROS 2 is not there: source its setup.bash, or run make setup; '
            'python -m seg_node.segment needs no ROS'
        )


def _has_simulator() -> bool:
    """Return whether the simulator can be driven; say why not."""
    try:
        carla_library()
    except CarlaError as error:
        print(f'a drawn road instead of the simulator: {error}', file=sys.stderr)
        return False
    return True


def _simulate(options: argparse.Namespace) -> tuple[dict, str]:
    legs = plan(options.route or DEFAULT_ROUTES, options.frames)
    towns = ' and '.join(dict.fromkeys(leg.town for leg in legs))
    print(f'driving {options.frames} pictures through {towns} of carla_lite ...', file=sys.stderr)
    rate_hz = 10.0 if options.rate is None else options.rate
    summary = run_simulation(Simulation(legs, options.out, rate_hz, options.seed, _model(options)))
    return summary, simulation_text(summary, options.out)


def _replay(options: argparse.Namespace) -> tuple[dict, str]:
    with tempfile.TemporaryDirectory(prefix='seg_node_demo_') as made:
        source = options.input or write_pairs(Path(made) / 'drive', options.frames)
        print(f'playing {source} through seg_node over DDS ...', file=sys.stderr)
        replay = Replay(source, options.out, options.rate, options.topic, _model(options))
        summary = run_replay(replay)
    return summary, replay_text(summary, options.out)


def _model(options: argparse.Namespace) -> Model:
    return Model(options.bundle, options.adapter)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}': use a whole number from 1")
    return int(text)


def _route(text: str) -> Route:
    try:
        return Route.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python -m seg_node.demo', description=__doc__)
    parser.add_argument(
        'input', nargs='?', type=path_argument,
        help='bag, video, folder of pictures or pairs folder; default: a drive in the simulator',
    )  # fmt: skip
    parser.add_argument('--drawn', action='store_true', help='a drawn road, no simulator')
    parser.add_argument('--out', type=path_argument, default=Path('out/demo'), metavar='DIR')
    parser.add_argument(
        '--rate', type=float, metavar='HZ', help='default: as recorded, 10 in the simulator'
    )
    parser.add_argument('--topic', metavar='NAME', help='which image topic of a bag')
    parser.add_argument(
        '--bundle', type=path_argument, metavar='DIR', help='default: the one that ships'
    )
    parser.add_argument('--adapter', default='', metavar='NAME', help='of the bundle')
    parser.add_argument('--json', action='store_true', help='print the figures as JSON')
    parser.add_argument(
        '--frames', type=_count, default=200, help='of a drive without an input (%(default)s)'
    )
    simulator = parser.add_argument_group('in the simulator')
    simulator.add_argument('--seed', type=int, default=0, help='of towns and routes (%(default)s)')
    simulator.add_argument(
        '--route', action='append', type=_route, metavar='TOWN:WEATHER,...',
        help='may be given again for a further town; python -m carla_lite --help lists both',
    )  # fmt: skip
    return parser


if __name__ == '__main__':
    sys.exit(main())
