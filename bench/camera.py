"""
A camera in a process of its own: ``python -m bench.camera``.

Frames leave on a fixed schedule that does not drift, stamped at the moment of publishing. What it
sent is printed as one line of JSON; it stays until its input is closed, so that no frame is lost
because its sender is gone.
"""

import argparse
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
import json
import sys
import time
from typing import Any

from bench.numbers import above_zero, whole_from_one
from bench.pictures import road_pictures
from seg_node.dds_profile import use_large_images_profile
from seg_node.latency import Percentiles

#: For the first subscriber, then for a mask when one frame waits for the other.
MATCH_TIMEOUT_S, MASK_TIMEOUT_S = 60.0, 5.0
#: Between the match and the first frame: discovery is not symmetric, and while Fast DDS gets to
#: know a new process it can hold back what others receive, seen up to three seconds later.
SETTLE_S = 3.0


@dataclass
class Sent:
    """What a camera did."""

    frames: int
    first_stamp_ns: int
    rate_hz: float
    late_ms: Percentiles  # from the time on the schedule to the call of publish
    publish_ms: Percentiles  # in the call of publish
    unanswered: int  # frames without a mask, where one frame waits for the other


class Camera:
    """Publishes pictures made beforehand, so that a frame costs what DDS costs."""

    def __init__(self, node: Any, topic: str, width: int, height: int) -> None:
        """Make the messages and the publisher: reliable, which suits every subscriber."""
        from rclpy.qos import QoSProfile
        from seg_node.ros_conversions import bgr8_message
        from sensor_msgs.msg import Image
        from std_msgs.msg import Header

        self._messages = [
            bgr8_message(picture, Header(frame_id='camera'))
            for picture in road_pictures(width, height)
        ]
        self._publisher = node.create_publisher(Image, topic, QoSProfile(depth=10))
        self._publish_ms: list[float] = []
        self._late_ms: list[float] = []
        self._first_stamp_ns = 0

    def wait_for_subscriber(self) -> bool:
        """Return whether one came in time."""
        end_s = time.monotonic() + MATCH_TIMEOUT_S
        while not self._publisher.get_subscription_count():
            if time.monotonic() > end_s:
                return False
            time.sleep(0.05)
        time.sleep(SETTLE_S)
        return True

    def play(self, rate_hz: float, frames: int) -> Sent:
        """Publish on a schedule; a late frame does not move those after it."""
        start_s = time.monotonic()
        for index in range(frames):
            due_s = start_s + index / rate_hz
            time.sleep(max(0.0, due_s - time.monotonic()))
            self._late_ms.append((time.monotonic() - due_s) * 1e3)
            self._publish(index)
        return self._sent(time.monotonic() - start_s)

    def play_in_step(self, wait_for_mask: Callable[[], bool], frames: int) -> Sent:
        """Publish each frame when the one before has its mask: as fast as the node works."""
        start_s, unanswered = time.monotonic(), 0
        for index in range(frames):
            self._publish(index)
            unanswered += not wait_for_mask()
        return self._sent(time.monotonic() - start_s, unanswered)

    def _publish(self, index: int) -> None:
        message = self._messages[index % len(self._messages)]
        stamp = message.header.stamp
        stamp_ns = time.time_ns()
        self._first_stamp_ns = self._first_stamp_ns or stamp_ns
        stamp.sec, stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
        self._publisher.publish(message)
        self._publish_ms.append((time.time_ns() - stamp_ns) / 1e6)

    def _sent(self, seconds: float, unanswered: int = 0) -> Sent:
        frames = len(self._publish_ms)
        return Sent(
            frames,
            self._first_stamp_ns,
            rate_hz=frames / seconds,
            late_ms=Percentiles.of(self._late_ms),
            publish_ms=Percentiles.of(self._publish_ms),
            unanswered=unanswered,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the camera; return its exit status."""
    options = _parser().parse_args(arguments)
    use_large_images_profile()
    import rclpy

    rclpy.init(args=[])
    node = rclpy.create_node('bench_camera', start_parameter_services=False)
    with suppress(KeyboardInterrupt):
        camera = Camera(node, options.topic, options.width, options.height)
        wait_for_mask = _mask_waiter(node, options.in_step_with) if options.in_step_with else None
        if not camera.wait_for_subscriber():
            print(f'error: nobody subscribed to {options.topic}', file=sys.stderr)
            return 2
        if wait_for_mask:
            sent = camera.play_in_step(wait_for_mask, options.frames)
        else:
            sent = camera.play(options.rate, options.frames)
        print(json.dumps(asdict(sent)), flush=True)
        sys.stdin.read()
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


def _mask_waiter(node: Any, topic: str) -> Callable[[], bool]:
    """Return a function that waits for one more mask; False when none comes in time."""
    from rclpy.executors import SingleThreadedExecutor
    from sensor_msgs.msg import Image

    masks = [0]

    def count(_content: bytes) -> None:
        masks[0] += 1

    node.create_subscription(Image, topic, count, 10, raw=True)
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def wait() -> bool:
        end_s = time.monotonic() + MASK_TIMEOUT_S
        while not masks[0] and time.monotonic() < end_s:
            executor.spin_once(timeout_sec=0.1)
        arrived, masks[0] = masks[0] > 0, 0
        return arrived

    return wait


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python -m bench.camera', description=__doc__)
    parser.add_argument('--topic', default='image')
    parser.add_argument('--width', type=whole_from_one, default=1280)
    parser.add_argument('--height', type=whole_from_one, default=720)
    parser.add_argument('--rate', type=above_zero, default=30.0, help='Hz')
    parser.add_argument('--frames', type=whole_from_one, default=300)
    parser.add_argument(
        '--in-step-with', metavar='TOPIC', help='send a frame for each mask that comes here'
    )
    return parser


if __name__ == '__main__':
    sys.exit(main())
