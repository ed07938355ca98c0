"""
The ROS 2 node: images in, lane masks out.

``ros2 run seg_node seg_node`` and ``python -m seg_node.node`` start it; everything else is a
parameter, see config/seg_node.yaml.
"""

import argparse
from collections.abc import Sequence
import sys
import threading
from typing import TYPE_CHECKING

from seg_node.dds_profile import use_large_images_profile
from seg_node.errors import SegNodeError
from seg_node.memory import keep_freed_memory
from seg_node.node_process import run_until_stopped

if TYPE_CHECKING:
    from seg_node.lifecycle_node import SegNode

_EPILOG = """\
examples:
  ros2 run seg_node seg_node --ros-args -r image:=/camera/image_raw -p engine:=openvino
  ros2 run seg_node seg_node --ros-args --params-file config/seg_node.yaml

exit status: 0 after a signal, 1 when it cannot configure or activate itself, 2 for bad usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until it is told to stop; return the exit status."""
    own = list(sys.argv[1:] if arguments is None else arguments)
    return run_until_stopped(lambda stop: _run(own, stop))


def _run(arguments: list[str], stop: threading.Event) -> int:
    try:
        import rclpy
        from rclpy.exceptions import ParameterException
        from rclpy.signals import SignalHandlerOptions
        from rclpy.utilities import remove_ros_args
        from seg_node.lifecycle_node import SegNode
        from seg_node.parameters import describe
    except ImportError as error:
        raise SegNodeError(
            f'ROS 2 is not there ({error}): source its setup.bash, or run make setup; '
            'python -m seg_node.segment needs no ROS'
        ) from error
    use_large_images_profile()
    keep_freed_memory()
    try:
        _parse(remove_ros_args([sys.argv[0], *arguments])[1:], describe())
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
        node = SegNode()
    except (RuntimeError, ParameterException) as error:  # what rcl and rclpy refuse
        rclpy.try_shutdown()
        raise SegNodeError(f'{str(error).splitlines()[0]}: see --help') from error
    try:
        return _work(node, stop)
    finally:
        node.release('finalized')
        node.destroy_node()
        rclpy.try_shutdown()


def _work(node: 'SegNode', stop: threading.Event) -> int:
    """Start the node and let it work until ``stop`` is set; return the exit status."""
    from seg_node.spinning import spinning

    if not node.autostart:
        node.get_logger().info('autostart is false: waiting to be configured')
    elif not node.start():
        return 1
    with spinning(node, on_failure=stop.set) as failures:
        stop.wait()
    return 1 if failures else 0


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
