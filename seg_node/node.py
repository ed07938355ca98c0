"""
The ROS 2 node: images in, lane masks out.

``ros2 run seg_node seg_node`` and ``python -m seg_node.node`` start it; everything else is a
parameter, see config/seg_node.yaml.
"""

import argparse
from collections.abc import Sequence
import signal
import sys

from seg_node.dds_profile import use_large_images_profile
from seg_node.errors import SegNodeError

_EPILOG = """\
examples:
  ros2 run seg_node seg_node --ros-args -r image:=/camera/image_raw -p engine:=openvino
  ros2 run seg_node seg_node --ros-args --params-file config/seg_node.yaml

exit status: 0 after a signal, 1 when it cannot configure or activate itself, 2 for bad usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until it is told to stop; return the exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(arguments)
    except SegNodeError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2


def _run(arguments: list[str]) -> int:
    try:
        import rclpy
        from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
        from rclpy.utilities import remove_ros_args
        from seg_node.lifecycle_node import SegNode
        from seg_node.parameters import describe
    except ImportError as error:
        raise SegNodeError(
            f'ROS 2 is not there ({error}): source its setup.bash, or run make setup; '
            'python -m seg_node.segment needs no ROS'
        ) from error
    use_large_images_profile()
    try:
        _parse(remove_ros_args([sys.argv[0], *arguments])[1:], describe())
        rclpy.init(args=arguments)
    except RuntimeError as error:  # what rcl says of arguments it cannot parse
        raise SegNodeError(f'{str(error).splitlines()[0]}: see --help') from error
    try:
        node = SegNode()
        # Not the MultiThreadedExecutor: rclpy 7.1's now and then stood still for up to 2.8 s, with
        # all Python threads of the process, and lost 177 of 500 frames; this one lost none.
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        try:
            if not node.autostart:
                node.get_logger().info('autostart is false: waiting to be configured')
            elif not node.start():
                return 1
            executor.spin()
        except (KeyboardInterrupt, ExternalShutdownException):
            pass
        except RuntimeError:  # RCLError: a signal ended ROS in the middle of a callback
            if rclpy.ok():
                raise
        finally:
            # An impatient second Ctrl-C must not tear the worker from its last frame.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            node.release('finalized')
            executor.shutdown()
            node.destroy_node()
    finally:
        rclpy.try_shutdown()
    return 0


def _parse(arguments: list[str], parameters: str) -> None:
    """Answer --help, and refuse what is no ROS argument."""
    parser = argparse.ArgumentParser(
        prog='seg_node',
        description=f'{__doc__}\nparameters (-p NAME:=VALUE after --ros-args):\n{parameters}',
        epilog=_EPILOG,
        usage='seg_node [-h] [--ros-args [-r image:=TOPIC] [-p NAME:=VALUE] ...]',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)


if __name__ == '__main__':
    sys.exit(main())
