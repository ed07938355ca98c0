"""The ROS side of a replay: publishers, the wait for a subscriber, the loop that sends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
import time

import rclpy
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from seg_node.image_decoding import ImageError
from seg_node.progress import progress
from seg_node.replay_messages import MessageMaker, MessageOptions
from seg_node.replay_report import Report
from seg_node.replay_schedule import (
    clock_between,
    is_camera_info,
    Pacer,
    ReplayError,
    schedule,
    Scheduled,
    TICK_S,
    Timing,
)
from seg_node.sources import Source
from seg_node.sources.bag import BagMessage, BagSource
from sensor_msgs.msg import CameraInfo

_QUEUE_DEPTH = 10
#: The publisher knows of a match before the subscriber does; frames in between would be lost.
_SETTLE_S = 0.5
#: Discovery on a busy machine has been seen to take 3 s more for the second of two topics.
_INFO_WAIT_S = 5.0
#: Fast DDS asks for the last acknowledgements with its next heartbeat, up to 3 s later.
_ACK_TIMEOUT_S = 5
#: Best-effort subscribers acknowledge nothing, and read the last image from our shared memory.
_LINGER_S = 0.5


@dataclass(frozen=True)
class ReplayOptions:
    """How a replay appears on ROS."""

    topic: str = 'image'
    messages: MessageOptions = field(default_factory=MessageOptions)
    reliable: bool = True
    stamp_now: bool = False  # the time of sending instead of the recorded stamp
    camera_info: bool = False
    clock: bool = False
    wait_s: float = 30.0  # for a subscriber; 0 does not wait


class Replay:
    """Publishes a source; the node is lent to it and needs no spinning."""

    def __init__(self, node: Node, source: Source, options: ReplayOptions) -> None:
        """
        Create the publishers.

        :param node: to publish with.
        :param source: stays open.
        :param options: what to publish and how.
        """
        self.report = Report()
        self._source = source
        self._options = options
        self._maker = MessageMaker(source, options.messages)
        self._now = node.get_clock().now
        reliability = ReliabilityPolicy.RELIABLE
        if not options.reliable:
            reliability = ReliabilityPolicy.BEST_EFFORT
        qos = QoSProfile(depth=_QUEUE_DEPTH, reliability=reliability)
        self._images = node.create_publisher(self._maker.image_type, options.topic, qos)
        self._infos = self._clocks = None
        if options.camera_info:
            self._infos = node.create_publisher(CameraInfo, _info_topic(self.topic), qos)
        if options.clock:
            self._clocks = node.create_publisher(Clock, '/clock', qos.depth)
        self._has_infos = isinstance(source, BagSource) and bool(source.camera_info_topic)
        self._restamped = (-1, 0)  # recorded stamp, stamp sent instead

    @property
    def topic(self) -> str:
        """Full name of the image topic."""
        return self._images.topic_name

    def wait_for_subscriber(self) -> None:
        """
        Return once somebody listens to the images.

        :raises ReplayError: when nobody does in time.
        :raises ExternalShutdownException: when ROS was shut down meanwhile.
        """
        if not self._options.wait_s:
            return
        give_up_s = time.monotonic() + self._options.wait_s
        while self._subscribers() == 0:
            if time.monotonic() > give_up_s:
                raise ReplayError(
                    f'nobody subscribed to {self.topic} within {self._options.wait_s:g} s: start '
                    'the subscriber, remap the topic, or give --wait-for-subscriber 0'
                )
            time.sleep(TICK_S)
        self._wait_for_info_subscriber()
        time.sleep(_SETTLE_S)

    def _wait_for_info_subscriber(self) -> None:
        """Give whoever wants CameraInfo the time to be matched too; nobody may want it."""
        give_up_s = time.monotonic() + _INFO_WAIT_S
        while self._infos is not None and time.monotonic() < give_up_s:
            with _noticing_shutdown():
                if self._infos.get_subscription_count():
                    return
            time.sleep(TICK_S)

    def _subscribers(self) -> int:
        with _noticing_shutdown():
            return self._images.get_subscription_count()

    def play(self, timing: Timing) -> None:
        """
        Send everything in time and wait until it has arrived; ``report`` tells what was sent.

        :param timing: pace and passes.
        :raises ExternalShutdownException: when ROS was shut down meanwhile.
        :raises ReplayError: when there is nothing to send.
        """
        pacer = Pacer()
        total = (self._source.length or 0) * timing.passes or None
        try:
            with _noticing_shutdown(), progress('replaying', total) as advance:
                self._send_all(timing, pacer, advance)
                timeout = Duration(seconds=_ACK_TIMEOUT_S)
                self.report.acknowledged = self._images.wait_for_all_acked(timeout)
                time.sleep(_LINGER_S)
        finally:
            self.report.worst_late_s = pacer.worst_late_s
            for fault in self._source.faults:
                self.report.count_fault(fault)

    def _send_all(self, timing: Timing, pacer: Pacer, advance: Callable[[], None]) -> None:
        earlier: Scheduled | None = None
        for item in schedule(self._source, timing, self._options.camera_info):
            for now_s in pacer.until(item.due_s):
                _check_ros()
                if earlier is not None:
                    self._show_time(clock_between(earlier, item, now_s))
            _check_ros()
            self._show_time(item.stamp_ns)
            try:
                self._send(item, advance)
            except ImageError as error:
                self.report.count_fault(str(error))
            earlier = item

    def _send(self, item: Scheduled, advance: Callable[[], None]) -> None:
        content, stamp_ns = item.content, self._stamp_ns(item)
        if isinstance(content, BagMessage) and is_camera_info(content):
            if self._infos is not None:
                self._infos.publish(self._maker.camera_info(content, stamp_ns))
            return
        if self._infos is not None and not self._has_infos:
            self._infos.publish(self._maker.pinhole(content, stamp_ns))
        self._images.publish(self._maker.image(content, stamp_ns))
        self.report.count_image()
        advance()

    def _stamp_ns(self, item: Scheduled) -> int:
        """Give what was stamped alike one stamp again: an image and its CameraInfo belong."""
        if not self._options.stamp_now:
            return item.stamp_ns
        if self._restamped[0] != item.stamp_ns:
            self._restamped = (item.stamp_ns, self._now().nanoseconds)
        return self._restamped[1]

    def _show_time(self, time_ns: int) -> None:
        if self._clocks is not None:
            self._clocks.publish(Clock(clock=Time(nanoseconds=time_ns).to_msg()))


def _info_topic(image_topic: str) -> str:
    """Return where image_transport looks for the CameraInfo of a topic."""
    return f'{image_topic.removesuffix("/compressed").rpartition("/")[0]}/camera_info'


@contextmanager
def _noticing_shutdown() -> Iterator[None]:
    """Let a shutdown be one also where it comes between a look at ROS and a call of it."""
    _check_ros()
    try:
        yield
    except RuntimeError as error:  # all of rcl's errors are
        if rclpy.ok():
            raise
        raise ExternalShutdownException from error


def _check_ros() -> None:
    if not rclpy.ok():
        raise ExternalShutdownException
