"""
The ROS 2 node: images in, lane masks out.

``ros2 run seg_node seg_node`` and ``python -m seg_node.node`` start it; everything else is a
parameter, see config/seg_node.yaml.
"""

from collections.abc import Callable, Sequence
import sys
import threading
from typing import TYPE_CHECKING

from seg_node.node_process import CommandLine, ros_node, run_until_stopped

if TYPE_CHECKING:
    from seg_node.lifecycle_node import SegNode

_EPILOG = """\
examples:
  ros2 run seg_node seg_node --ros-args -r image:=/camera/image_raw -p engine:=openvino
  ros2 run seg_node seg_node --ros-args --params-file config/seg_node.yaml

exit status: 0 after a signal, 1 when it cannot configure or activate itself, 2 for bad usage
"""
_COMMAND_LINE = CommandLine(
    name='seg_node',
    description=__doc__,
    usage='[-h] [--ros-args [-r image:=TOPIC] [-p NAME:=VALUE] ...]',
    epilog=_EPILOG,
    without_ros='; python -m seg_node.segment needs no ROS',
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until it is told to stop; return the exit status."""
    own = list(sys.argv[1:] if arguments is None else arguments)
    return run_until_stopped(lambda stop: _run(own, stop))


def _run(arguments: list[str], stop: threading.Event) -> int:
    with ros_node(arguments, _COMMAND_LINE, _load) as node:
        try:
            return _work(node, stop)
        finally:
            node.release('finalized')


def _load() -> tuple[Callable[[], 'SegNode'], Callable[[], str]]:
    from seg_node.lifecycle_node import SegNode
    from seg_node.parameters import describe

    return SegNode, describe


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


if __name__ == '__main__':
    sys.exit(main())
