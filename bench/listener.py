"""The measuring end: when each mask arrived, and what the node says about each frame."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
import os
import threading
import time
import traceback
from types import TracebackType
from typing import Any

from bench.errors import BenchError
from bench.processes import dds_environment
from seg_node.cdr_stamp import read_stamp_ns

TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Arrival:
    """One mask."""

    stamp_ns: int  # of its frame
    arrival_ns: int  # wall clock

    @property
    def age_ms(self) -> float:
        """From the camera's stamp to here."""
        return (self.arrival_ns - self.stamp_ns) / 1e6


class Listener:
    """
    Subscribes in this process; keeps serialised messages and decodes them when it is all over.

    Decoding a mask of a megabyte takes time that the node would lack on a small machine.
    """

    def __init__(self, domain_id: int) -> None:
        """Join a DDS domain."""
        os.environ.update(dds_environment())
        import rclpy
        from rclpy.context import Context
        from rclpy.executors import SingleThreadedExecutor

        self._context = Context()
        rclpy.init(args=[], context=self._context, domain_id=domain_id)
        self.node = rclpy.create_node('bench_listener', context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def __enter__(self) -> 'Listener':
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.try_shutdown()
        self._thread.join(5)
        self._executor.shutdown()
        self.node.destroy_node()

    def subscribe(self, topic: str, message_type: type, take: Callable[[bytes], None]) -> Any:
        """Call ``take`` with each serialised message; returns the subscription."""
        return self.node.create_subscription(message_type, topic, take, 50, raw=True)

    def unsubscribe(self, subscription: Any) -> None:
        """Stop listening."""
        self.node.destroy_subscription(subscription)

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except Exception:  # closing the context raises one of several
            if self._context.ok():
                traceback.print_exc()


class MaskLog:
    """The masks of one topic, in the order in which they came."""

    def __init__(self, listener: Listener, topic: str) -> None:
        """Subscribe."""
        from sensor_msgs.msg import Image

        self._listener, self.topic = listener, topic
        self.arrivals: list[Arrival] = []
        self.first: bytes = b''
        self._subscription = listener.subscribe(topic, Image, self._take)

    def wait_for_publisher(self) -> None:
        """
        Wait until it is matched.

        :raises BenchError: when none comes.
        """
        wait_until(self._subscription.get_publisher_count, f'publisher on {self.topic}')

    def wait_until_quiet(self, expected: int, seconds: float = 2.0) -> None:
        """Wait until ``expected`` masks are here, or none came for some seconds."""
        before, since_s = -1, time.monotonic()
        while len(self.arrivals) < expected and time.monotonic() - since_s < seconds:
            if len(self.arrivals) != before:
                before, since_s = len(self.arrivals), time.monotonic()
            time.sleep(0.02)

    def close(self) -> None:
        """Unsubscribe."""
        self._listener.unsubscribe(self._subscription)

    def check(self, width: int, height: int) -> None:
        """
        Make sure that these are masks: one for each frame at most, in order, of its size.

        :raises BenchError: naming what is wrong.
        """
        from rclpy.serialization import deserialize_message
        from sensor_msgs.msg import Image

        if not self.arrivals:
            raise BenchError(f'no mask came on {self.topic}')
        mask = deserialize_message(self.first, Image)
        seen = f'{mask.width}x{mask.height} {mask.encoding}'
        if seen != f'{width}x{height} mono8':
            raise BenchError(f'masks on {self.topic} are {seen}, not {width}x{height} mono8')
        stamps = [arrival.stamp_ns for arrival in self.arrivals]
        if any(later <= earlier for earlier, later in pairwise(stamps)):
            raise BenchError(f'masks on {self.topic} came twice or out of order')

    def _take(self, content: bytes) -> None:
        self.arrivals.append(Arrival(read_stamp_ns(content), time.time_ns()))
        if not self.first:
            self.first = content


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = TIMEOUT_S) -> None:
    """
    Wait for a condition.

    :raises BenchError: after the timeout, naming what did not happen.
    """
    end_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end_s:
            raise BenchError(f'after {timeout_s:g} s still no {what}')
        time.sleep(0.02)
