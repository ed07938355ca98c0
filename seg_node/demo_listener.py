"""The demo's own node: collects masks, overlays, latencies and diagnostics."""

import contextlib
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import QoSProfile
from seg_node.errors import SegNodeError
from seg_node.latency import Percentiles
from sensor_msgs.msg import CameraInfo, Image

_QOS = QoSProfile(depth=50)


class DemoListener:
    """Subscribes to everything the node publishes, on a thread of its own."""

    def __init__(self, keep_masks: bool) -> None:
        """
        Start listening.

        :param keep_masks: for ``masks_by_frame``; a long drive would fill the memory with them.
        """
        self._keep_masks = keep_masks
        rclpy.init()
        self._node = rclpy.create_node('demo')
        self._lock = threading.Lock()
        self._masks: dict[int, np.ndarray] = {}  # by stamp_ns, labels (H, W)
        self._arrivals_s: list[float] = []
        self._overlays: list[np.ndarray] = []
        self._latencies: list[dict[str, float]] = []
        self._sent_stamps: list[int] = []
        self._status: Any = None
        self.last_overlay = np.zeros((1, 1, 3), np.uint8)
        subscribe = self._node.create_subscription
        subscribe(Image, '/seg_node/mask', self._on_mask, _QOS)
        subscribe(Image, '/seg_node/overlay', self._on_overlay, _QOS)
        subscribe(DiagnosticArray, '/seg_node/latency', self._on_latency, _QOS)
        subscribe(DiagnosticArray, '/diagnostics', self._on_diagnostics, _QOS)
        # Small and reliable: tells which frames were sent, in order, whatever became of them.
        subscribe(CameraInfo, '/camera_info', self._on_camera_info, QoSProfile(depth=1000))
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        rclpy.try_shutdown()
        self._thread.join(5)
        self._executor.shutdown()
        self._node.destroy_node()

    def node_is_active(self) -> bool:
        """Return whether the node is active and has seen that we subscribe."""
        values = self._values()
        return values.get('state') == 'active' and int(values.get('listeners', 0)) >= 3

    def settled(self) -> bool:
        """Return whether every frame sent has its mask."""
        return len(self._sent_stamps) > 0 and len(self._arrivals_s) >= len(self._sent_stamps)

    def silent_s(self) -> float:
        """Return how long ago the last mask came; endless before the first."""
        return time.monotonic() - self._arrivals_s[-1] if self._arrivals_s else float('inf')

    def take_overlays(self) -> list[np.ndarray]:
        """Return the overlays that came since the last call, (H, W, 3) uint8 BGR each."""
        with self._lock:
            taken, self._overlays = self._overlays, []
        return taken

    def live_line(self) -> str:
        """Return one line for a terminal."""
        latest = self._latencies[-1] if self._latencies else {}
        return (
            f'{len(self._sent_stamps)} frames, {len(self._arrivals_s)} masks, '
            f'age {latest.get("age_ms", 0):6.1f} ms, '
            f'inference {latest.get("inference_ms", 0):5.1f} ms '
        )

    def masks_by_frame(self) -> dict[int, np.ndarray]:
        """Return the masks by the number of their frame in the drive."""
        return {
            number: self._masks[stamp]
            for number, stamp in enumerate(self._sent_stamps)
            if stamp in self._masks
        }

    def summary(self) -> dict[str, Any]:
        """
        Return the figures of the run.

        :raises SegNodeError: when no mask came.
        """
        if not self._arrivals_s:
            text = self._status.message if self._status else 'the node said nothing'
            raise SegNodeError(f'no mask came back: {text}')
        values, seconds = self._values(), self._arrivals_s[-1] - self._arrivals_s[0]
        return {
            'model': self._status.hardware_id,
            'sent': len(self._sent_stamps),
            'masks': len(self._arrivals_s),
            'rate_hz': (len(self._arrivals_s) - 1) / seconds if seconds else 0.0,
            'dropped': int(values['dropped']),
            'lost_in_transport': int(values['lost_in_transport']),
            **{name: self._percentiles(name) for name in ('age_ms', 'inference_ms')},
        }

    def _percentiles(self, name: str) -> dict[str, float]:
        return vars(Percentiles.of(latency[name] for latency in self._latencies))

    def _values(self) -> dict[str, str]:
        status = self._status
        return {item.key: item.value for item in status.values} if status else {}

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    def _on_mask(self, message: Image) -> None:
        self._arrivals_s.append(time.monotonic())
        if self._keep_masks:
            labels = np.frombuffer(message.data, np.uint8)
            self._masks[_stamp_ns(message)] = labels.reshape(message.height, message.width)

    def _on_overlay(self, message: Image) -> None:
        shape = (message.height, message.width, 3)
        self.last_overlay = np.frombuffer(message.data, np.uint8).reshape(shape)
        with self._lock:
            self._overlays.append(self.last_overlay)

    def _on_latency(self, message: DiagnosticArray) -> None:
        values = {item.key: item.value for item in message.status[0].values}
        self._latencies.append({name: float(values[name]) for name in ('age_ms', 'inference_ms')})

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == 'seg_node':
                self._status = status

    def _on_camera_info(self, message: CameraInfo) -> None:
        self._sent_stamps.append(_stamp_ns(message))


def _stamp_ns(message: Any) -> int:
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
