"""Play a bag, a video or pictures to ROS topics, at their own pace or at a given rate."""

import argparse
from collections.abc import Sequence
import math
import sys
from typing import TYPE_CHECKING

from seg_node.dds_profile import use_large_images_profile
from seg_node.errors import SegNodeError
from seg_node.paths import path_argument, place_of
from seg_node.replay_schedule import DEFAULT_RATE_HZ, ReplayError, Timing
from seg_node.sources import open_source, Source

if TYPE_CHECKING:
    from seg_node.replay_publisher import ReplayOptions

_EPILOG = f"""\
A bag plays at its recorded pace and its messages go out as the very bytes that were recorded; a
video plays at its own rate, pictures at {DEFAULT_RATE_HZ:g} Hz. The replay starts when somebody
subscribes; if nobody does in time it says so and exits with 2. Ctrl-C ends it with exit status 0.

stamps: "recorded" keeps a bag's header stamps (videos and pictures count from 0); later passes of
  --loop move them on, so that time never runs backwards. "now" is the time of sending. Default:
  recorded for a bag and with --clock, else now.
--clock publishes the recorded time on /clock, for nodes that run with use_sim_time:=true.

examples:
  python -m seg_node.replay recording/ --bag-topic /camera/image_raw
  python -m seg_node.replay drive.mp4 --loop --camera-info --ros-args -r image:=/camera/image_raw
  python -m seg_node.replay photos/ --rate 5 --compressed
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    own, for_ros = split_ros_arguments(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(own)
    try:
        _check(options)
        timing = Timing(options.rate, options.speed, options.loop)
        with open_source(options.input, options.bag_topic) as source:
            _publish(source, timing, options, for_ros)
    except SegNodeError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except OSError as error:
        place, reason = place_of(error, options.input), error.strerror or error
        print(f'error: {place} cannot be read ({reason}): check its permissions', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


def split_ros_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """
    Part the arguments into our own and those between ``--ros-args`` and ``--``.

    rclpy has a function for it, but ``--help`` is to work without rclpy.
    """
    own: list[str] = []
    for_ros: list[str] = []
    taker = own
    for argument in arguments:
        if argument == '--ros-args':
            taker = for_ros
        if taker is for_ros and argument == '--':
            taker = own
            continue
        taker.append(argument)
    return own, for_ros


def _publish(
    source: Source, timing: Timing, options: argparse.Namespace, for_ros: list[str]
) -> None:
    try:
        import rclpy
        from rclpy.exceptions import NameValidationException
        from rclpy.executors import ExternalShutdownException
        from seg_node.replay_publisher import Replay
    except ImportError as error:
        raise ReplayError(
            f'ROS 2 is not there ({error}): source its setup.bash, or run make setup; '
            'python -m seg_node.segment needs no ROS'
        ) from error
    use_large_images_profile()
    try:
        rclpy.init(args=for_ros)
        node = rclpy.create_node('replay', start_parameter_services=False)
        replay = Replay(node, source, _replay_options(source, options))
    except (RuntimeError, NameValidationException) as error:
        rclpy.try_shutdown()
        raise ReplayError(f'ROS refuses the arguments: {" ".join(str(error).split())}') from error
    try:
        doing = 'waiting for a subscriber' if options.wait_for_subscriber else 'playing'
        print(f'{source.path} to {replay.topic}: {doing}', flush=True)
        replay.wait_for_subscriber()
        replay.play(timing)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        if replay.report.images:
            print(replay.report.as_text(), flush=True)
        node.destroy_node()
        rclpy.try_shutdown()


def _replay_options(source: Source, options: argparse.Namespace) -> 'ReplayOptions':
    from seg_node.replay_messages import MessageOptions
    from seg_node.replay_publisher import ReplayOptions

    stamp = options.stamp or ('recorded' if source.kind == 'bag' or options.clock else 'now')
    return ReplayOptions(
        topic=options.topic,
        messages=MessageOptions(options.compressed, options.frame_id, options.fov),
        reliable=not options.best_effort,
        stamp_now=stamp == 'now',
        camera_info=options.camera_info,
        clock=options.clock,
        wait_s=options.wait_for_subscriber,
    )


def _check(options: argparse.Namespace) -> None:
    if options.clock and options.stamp == 'now':
        raise ReplayError(
            '--clock tells the recorded time and --stamp now does not: leave one of them out'
        )
    if not 0 < options.fov < 180:
        raise ReplayError(f'--fov {options.fov:g} is no field of view: give 1 to 179 degrees')
    if not 0 <= options.wait_for_subscriber < math.inf:
        raise ReplayError('--wait-for-subscriber takes seconds, 0 for not to wait')


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m seg_node.replay',
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'input',
        type=path_argument,
        metavar='INPUT',
        help='a bag, a video, a folder of pictures, a picture',
    )
    parser.add_argument('--bag-topic', metavar='NAME', help='which image topic of a bag')
    _add_timing(parser.add_argument_group('pace'))
    _add_publishing(parser.add_argument_group('topics'))
    return parser


def _add_timing(group: argparse._ArgumentGroup) -> None:
    group.add_argument('--rate', type=float, metavar='HZ', help='evenly at this rate')
    group.add_argument(
        '--speed', type=float, default=1.0, metavar='X', help='times the recorded pace'
    )
    group.add_argument(
        '--loop', type=int, nargs='?', const=0, default=1, metavar='N',
        help='play N times; without a number until Ctrl-C',
    )  # fmt: skip
    group.add_argument(
        '--wait-for-subscriber', type=float, default=30.0, metavar='SECONDS',
        help='how long to wait for one (default 30); 0 starts at once',
    )  # fmt: skip


def _add_publishing(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--topic', default='image', help='where to publish the images (default: image)'
    )
    group.add_argument(
        '--compressed', action='store_true', help='as CompressedImage (JPEG) instead of Image'
    )
    group.add_argument('--stamp', choices=('recorded', 'now'), help='of the headers (see below)')
    group.add_argument('--clock', action='store_true', help='publish the recorded time on /clock')
    group.add_argument(
        '--camera-info', action='store_true',
        help="publish camera_info beside the image topic: the bag's own, else a pinhole camera",
    )  # fmt: skip
    group.add_argument(
        '--fov', type=float, default=90.0, metavar='DEG', help='of that pinhole (default 90)'
    )
    group.add_argument('--frame-id', metavar='ID', help='instead of the recorded one')
    reliability = group.add_mutually_exclusive_group()
    reliability.add_argument(
        '--reliable', action='store_true', help='suits every subscriber (default)'
    )
    reliability.add_argument('--best-effort', action='store_true', help='as most cameras publish')


if __name__ == '__main__':
    sys.exit(main())
