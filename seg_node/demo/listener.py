"""The demo's own node: collects masks, overlays, latencies and diagnostics."""

from collections.abc import Mapping
import contextlib
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from seg_node.demo.figures import Figures
from seg_node.errors import SegNodeError
from seg_node.ros_conversions import stamp_ns_of
from sensor_msgs.msg import CameraInfo, Image

_QOS = QoSProfile(depth=50)


class DemoListener:
    """Subscribes to everything the node publishes, on a thread of its own."""

    def __init__(self, camera: str = '', keep_masks: bool = False) -> None:
        """
        Start listening.

        :param camera: start of the camera's topics, such as ``/carla/hero/front``.
        :param keep_masks: for ``masks_by_frame``; a long drive would fill the memory with them.
        """
        self._keep_masks = keep_masks
        # Ours, not rclpy's: Ctrl-C must find ROS working until all processes are stopped.
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node('demo')
        self._lock = threading.Lock()
        self._masks: dict[int, np.ndarray] = {}  # by stamp_ns, labels (H, W)
        self._arrivals_s: dict[int, float] = {}  # of masks, by stamp_ns
        self._overlays: list[np.ndarray] = []
        self._latencies: dict[int, dict[str, float]] = {}  # likewise
        self._numbers: dict[int, int] = {}  # of frames in the drive, by stamp_ns
        self._sent_ns: dict[int, int] = {}  # time of day at the camera, by stamp_ns
        self._mask_sent_ns: dict[int, int] = {}  # time of day at the node, by stamp_ns
        self._status: Any = None
        self.last_overlay = np.zeros((1, 1, 3), np.uint8)
        subscribe: Any = self._node.create_subscription
        # Small and reliable: tells which frames were sent, in order, whatever became of them.
        infos = QoSProfile(depth=1000)
        subscribe(CameraInfo, f'{camera}/camera_info', self._on_camera_info, infos)
        subscribe(Image, '/seg_node/mask', self._on_mask, _QOS)
        subscribe(Image, '/seg_node/overlay', self._on_overlay, _QOS)
        subscribe(DiagnosticArray, '/seg_node/latency', self._on_latency, _QOS)
        subscribe(DiagnosticArray, '/diagnostics', self._on_diagnostics, _QOS)
        self._subscribe_further(camera)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _subscribe_further(self, camera: str) -> None:
        """Listen to more, in a subclass."""

    def _note_mask(self, stamp_ns: int) -> None:
        """Do more with a mask that was kept, in a subclass."""

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

    @property
    def sent(self) -> int:
        """How many frames the camera has sent."""
        return len(self._numbers)

    def settled(self) -> bool:
        """Return whether every frame sent has its mask."""
        return 0 < self.sent <= len(self._arrivals_s)

    def silent_s(self) -> float:
        """Return how long ago the last mask came; endless before the first."""
        latest_s = max(self._arrivals_s.values(), default=float('-inf'))
        return time.monotonic() - latest_s

    def take_overlays(self) -> list[np.ndarray]:
        """Return the overlays that came since the last call, (H, W, 3) uint8 BGR each."""
        with self._lock:
            taken, self._overlays = self._overlays, []
        return taken

    def live_line(self) -> str:
        """Return one line for a terminal."""
        latest = next(reversed(self._latencies.values()), {})
        return (
            f'{self.sent} frames, {len(self._arrivals_s)} masks, '
            f'inference {latest.get("inference_ms", 0):5.1f} ms '
        )

    def masks_by_frame(self) -> dict[int, np.ndarray]:
        """Return the masks by the number of their frame in the drive."""
        return {
            number: self._masks[stamp]
            for stamp, number in self._numbers.items()
            if stamp in self._masks
        }

    def figures(self, skip: int = 0) -> Figures:
        """
        Return the figures of the run.

        :param skip: so many frames at its beginning are left out, with their masks.
        :raises SegNodeError: when no mask came.
        """
        counted = [stamp for stamp, number in self._numbers.items() if number >= skip]
        arrivals_s = sorted(
            self._arrivals_s[stamp] for stamp in counted if stamp in self._arrivals_s
        )
        if not arrivals_s:
            text = self._status.message if self._status else 'the node said nothing'
            raise SegNodeError(f'no mask came back: {text}')
        values = self._values()
        return Figures(
            model=self._status.hardware_id,
            sent=len(counted),
            masks=len(arrivals_s),
            seconds=arrivals_s[-1] - arrivals_s[0],
            intervals=len(arrivals_s) - 1,
            dropped=int(values['dropped']),
            lost_in_transport=int(values['lost_in_transport']),
            times_ms=self._times_ms(counted),
        )

    def _times_ms(self, stamps: list[int]) -> dict[str, list[float]]:
        latencies = [self._latencies[stamp] for stamp in stamps if stamp in self._latencies]
        times_ms = {
            name: [latency[name] for latency in latencies] for name in ('age_ms', 'inference_ms')
        }
        times_ms['transit_ms'] = [
            (self._mask_sent_ns[stamp] - self._sent_ns[stamp]) / 1e6
            for stamp in stamps
            if self._mask_sent_ns.get(stamp) and self._sent_ns[stamp]
        ]
        return times_ms

    def _values(self) -> dict[str, str]:
        status = self._status
        return {item.key: item.value for item in status.values} if status else {}

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    def _on_mask(self, message: Image, info: Mapping[str, int]) -> None:
        stamp_ns = stamp_ns_of(message.header.stamp)
        self._mask_sent_ns[stamp_ns] = info['source_timestamp']
        if self._keep_masks:
            self._masks[stamp_ns] = labels_of(message)
            self._note_mask(stamp_ns)
        self._arrivals_s[stamp_ns] = time.monotonic()

    def _on_overlay(self, message: Image) -> None:
        shape = (message.height, message.width, 3)
        self.last_overlay = np.frombuffer(message.data, np.uint8).reshape(shape)
        with self._lock:
            self._overlays.append(self.last_overlay)

    def _on_latency(self, message: DiagnosticArray) -> None:
        values = {item.key: float(item.value) for item in message.status[0].values}
        latency = {name: values[name] for name in ('age_ms', 'inference_ms')}
        self._latencies[stamp_ns_of(message.header.stamp)] = latency

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == 'seg_node':
                self._status = status

    def _on_camera_info(self, message: CameraInfo, info: Mapping[str, int]) -> None:
        stamp_ns = stamp_ns_of(message.header.stamp)
        self._sent_ns[stamp_ns] = info['source_timestamp']
        self._numbers[stamp_ns] = len(self._numbers)


def labels_of(message: Image) -> np.ndarray:
    """Return the label ids of a mono8 image, (H, W) uint8; a view of its data."""
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width)
