"""Record image topics into a bag, byte for byte, where there is no ``ros2 bag``."""

import argparse
from collections import Counter
from collections.abc import Sequence
import shutil
import sys
import threading
import time
from typing import Any

from seg_node.dds_profile import use_large_images_profile
from seg_node.errors import SegNodeError
from seg_node.node_process import run_until_stopped
from seg_node.paths import not_written, path_argument

_EPILOG = """\
The bag is an MCAP file in a folder, as `ros2 bag record -s mcap` makes it: replay, segment,
collect_data and ROS itself read it. Topics may appear later; Ctrl-C (or --seconds) ends the
recording and closes the bag.

examples:
  python -m seg_node.topic_recorder --out drive /carla/hero/front/image /carla/hero/front/labels \\
      /carla/hero/front/camera_info
  python -m training collect --bag.path drive --bag.image /carla/hero/front/image \\
      --bag.labels /carla/hero/front/labels --output out/drive
"""
_QUEUE_DEPTH = 100
_LOOK_S = 0.1
_KINDS = ('Image', 'CompressedImage', 'CameraInfo')


class RecordError(SegNodeError):
    """Topics or a place that cannot be used."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = _parser().parse_args(arguments)
    return run_until_stopped(lambda stop: _run(options, stop))


def _run(options: argparse.Namespace, stop: threading.Event) -> int:
    try:
        counts = _record(options, stop)
    except OSError as error:
        raise not_written(options.out, error) from error
    for topic, count in counts.items():
        print(f'{topic}: {count} messages')
    return 0 if all(counts.values()) else 2


def _record(options: argparse.Namespace, stop: threading.Event) -> dict[str, int]:
    """Record until the time is over or ``stop`` is set; return the messages of each topic."""
    try:
        import rclpy
        from rclpy.signals import SignalHandlerOptions
        from rosbags.rosbag2 import StoragePlugin, Writer
        from rosbags.rosbag2.errors import WriterError
    except ImportError as error:
        raise RecordError(
            f'{error}: source the setup.bash of ROS 2 or run make setup, and pip install rosbags'
        ) from error
    use_large_images_profile()
    # Not rclpy's signals: whatever they interrupt raises, and the bag would be left without index.
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = rclpy.create_node('topic_recorder')
        topics = _full_names(node, options.topics)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        with Writer(options.out, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
            recording = _Recording(node, writer, topics, options)
            counts = recording.run(stop)
        if not any(counts.values()):
            shutil.rmtree(options.out)  # empty, and in the way of the next try
        if recording.trouble:
            raise RecordError(recording.trouble)
        return counts
    except WriterError as error:
        reason = str(error).rstrip('.')
        raise RecordError(f'{reason}: name another --out, which must not exist') from error
    finally:
        rclpy.try_shutdown()


def _full_names(node: Any, topics: Sequence[str]) -> set[str]:
    """Return the topics with their namespaces, before a bag is made."""
    from rclpy.exceptions import NameValidationException
    from rclpy.validate_full_topic_name import validate_full_topic_name
    from rclpy.validate_topic_name import validate_topic_name

    names = set()
    for topic in topics:
        try:
            validate_topic_name(topic)
            names.add(node.resolve_topic_name(topic))
            validate_full_topic_name(node.resolve_topic_name(topic))
        except (NameValidationException, RuntimeError) as error:  # all of rcl's are RuntimeErrors
            reason = str(error).splitlines()[0].rstrip(':').partition(', at /')[0]
            raise RecordError(
                f"'{topic}' is no name of a topic ({reason}): see ros2 topic list for those "
                'there are'
            ) from error
    return names


class _Recording:
    """Subscribes to topics as they appear and writes what comes."""

    def __init__(
        self, node: Any, writer: Any, topics: set[str], options: argparse.Namespace
    ) -> None:
        self._node, self._writer, self._options = node, writer, options
        self._missing = topics
        self._counts = Counter(dict.fromkeys(sorted(self._missing), 0))
        self.trouble = ''  # why the recording ended before its time

    def run(self, stop: threading.Event) -> dict[str, int]:
        """Take messages until the end; return how many of each topic."""
        import rclpy

        begin_s = time.monotonic()
        while not stop.is_set() and not self._is_over(time.monotonic() - begin_s):
            self._subscribe_to_new()
            # every message that waits, then a look at the topics again
            end_s = time.monotonic() + _LOOK_S
            while (left_s := end_s - time.monotonic()) > 0:
                rclpy.spin_once(self._node, timeout_sec=left_s)
        return dict(self._counts)

    def _is_over(self, passed_s: float) -> bool:
        if not self._counts.total() and passed_s > self._options.wait:
            self.trouble = (
                f'nothing came on {", ".join(self._counts)} within {self._options.wait:g} s: '
                'start the camera, check the names with ros2 topic list, or give more --wait'
            )
        return bool(self.trouble) or 0 < self._options.seconds <= passed_s

    def _subscribe_to_new(self) -> None:
        if not self._missing:
            return
        for topic, types in self._node.get_topic_names_and_types():
            if topic in self._missing and self._node.count_publishers(topic):
                self._missing.discard(topic)
                self._subscribe(topic, types[0])

    def _subscribe(self, topic: str, type_name: str) -> None:
        from rclpy.qos import QoSProfile
        from rosbags.typesys import get_typestore, Stores
        import sensor_msgs.msg

        package, _, kind = type_name.partition('/msg/')
        if package != 'sensor_msgs' or kind not in _KINDS:
            self.trouble = (
                f'{topic} is {type_name}, and only {", ".join(_KINDS)} are recorded here: leave '
                'it out, or use ros2 bag record'
            )
            return
        connection = self._writer.add_connection(
            topic, type_name, typestore=get_typestore(Stores.ROS2_JAZZY)
        )

        def write(content: bytes) -> None:
            self._writer.write(connection, time.time_ns(), content)
            self._counts[topic] += 1

        # As reliable as the publisher: what is lost on the way is a pair lost.
        offered = self._node.get_publishers_info_by_topic(topic)[0].qos_profile.reliability
        profile = QoSProfile(depth=_QUEUE_DEPTH, reliability=offered)
        self._node.create_subscription(
            getattr(sensor_msgs.msg, kind), topic, write, profile, raw=True
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m seg_node.topic_recorder',
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('topics', nargs='+', metavar='TOPIC', help='images, labels, camera_info')
    parser.add_argument(
        '--out', type=path_argument, required=True, metavar='DIR', help='the new bag'
    )
    parser.add_argument(
        '--seconds', type=float, default=0.0, metavar='S', help='end after so long (0: Ctrl-C)'
    )
    parser.add_argument(
        '--wait', type=float, default=30.0, metavar='S', help='give up without messages (30)'
    )
    return parser


if __name__ == '__main__':
    sys.exit(main())
