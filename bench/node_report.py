"""What seg_node publishes about itself: ~/latency for each frame, counters in /diagnostics."""

from dataclasses import dataclass

from bench.listener import Listener, wait_until
from seg_node.cdr_stamp import read_stamp_ns
from seg_node.latency import STAGES


@dataclass(frozen=True)
class FrameStages:
    """Where the time of one frame went."""

    stamp_ns: int
    times_ms: dict[str, float]  # by the names of seg_node.latency.STAGES


class NodeReport:
    """Keeps both topics of one node."""

    def __init__(self, listener: Listener, latency_topic: str) -> None:
        """Subscribe."""
        from diagnostic_msgs.msg import DiagnosticArray

        self._listener = listener
        self._latency: list[bytes] = []
        self._diagnostics: list[bytes] = []
        self._subscriptions = [
            listener.subscribe(latency_topic, DiagnosticArray, self._latency.append),
            listener.subscribe('/diagnostics', DiagnosticArray, self._diagnostics.append),
        ]

    def wait_for_listeners(self) -> None:
        """Wait until the node sees the subscriptions to mask and latency."""
        wait_until(lambda: int(self._newest().get('listeners', 0)) >= 2, 'the node to see us')

    def counters(self) -> dict[str, int]:
        """Return the node's counters from a message published after this call."""
        before = len(self._diagnostics)
        wait_until(lambda: len(self._diagnostics) > before + 1, 'diagnostics')
        names = ('received', 'processed', 'dropped', 'stale', 'rejected', 'lost_in_transport')
        newest = self._newest()
        return {name: int(newest[name]) for name in names}

    def stages(self) -> list[FrameStages]:
        """Return the stages of each frame."""
        return [_stages(content) for content in self._latency]

    def close(self) -> None:
        """Unsubscribe."""
        for subscription in self._subscriptions:
            self._listener.unsubscribe(subscription)

    def _newest(self) -> dict[str, str]:
        return _values(self._diagnostics[-1]) if self._diagnostics else {}


def _stages(content: bytes) -> FrameStages:
    values = _values(content)
    times_ms = {stage: float(values[stage]) for stage in STAGES}
    return FrameStages(read_stamp_ns(content), times_ms)


def _values(content: bytes) -> dict[str, str]:
    from diagnostic_msgs.msg import DiagnosticArray
    from rclpy.serialization import deserialize_message

    status = deserialize_message(content, DiagnosticArray).status[0]
    return {item.key: item.value for item in status.values}
