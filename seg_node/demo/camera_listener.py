"""What the demo hears of a camera in the simulator: pictures and truth, matched with masks."""

from dataclasses import dataclass

import numpy as np
from rclpy.qos import QoSProfile
from seg_node.demo.listener import DemoListener, labels_of
from seg_node.frame import Frame
from seg_node.ros_conversions import frame_from_image, stamp_ns_of
from sensor_msgs.msg import Image

_QOS = QoSProfile(depth=50)
#: A picture whose mask has not come until so many later ones are here was dropped.
_WAITING = 60


@dataclass(frozen=True)
class Match:
    """A picture, its mask and its truth: three messages with one stamp."""

    number: int  # in the drive, from 0, among the frames that were heard of
    frame: Frame
    labels: np.ndarray  # (H, W) uint8 label ids
    truth: np.ndarray  # likewise


class CameraListener(DemoListener):
    """Listens to the simulated camera too."""

    def __init__(self, camera: str) -> None:
        """
        Start listening.

        :param camera: start of its topics, such as ``/carla/hero/front``.
        """
        self._pictures: dict[int, Frame] = {}  # by stamp_ns, as are the others
        self._truths: dict[int, np.ndarray] = {}
        self._matches: list[Match] = []
        super().__init__(camera, keep_masks=True)

    def take_matches(self) -> list[Match]:
        """Return what became complete since the last call."""
        with self._lock:
            taken, self._matches = self._matches, []
        return taken

    def _subscribe_further(self, camera: str) -> None:
        subscribe = self._node.create_subscription
        subscribe(Image, f'{camera}/image', self._on_picture, _QOS)
        subscribe(Image, f'{camera}/labels', self._on_truth, _QOS)

    def _on_picture(self, message: Image) -> None:
        frame = frame_from_image(message)
        self._pictures[frame.stamp_ns] = frame
        self._match(frame.stamp_ns)

    def _on_truth(self, message: Image) -> None:
        stamp_ns = stamp_ns_of(message.header.stamp)
        self._truths[stamp_ns] = labels_of(message)
        self._match(stamp_ns)

    def _note_mask(self, stamp_ns: int) -> None:
        self._match(stamp_ns)

    def _match(self, stamp_ns: int) -> None:
        """Put together what has one stamp, and forget what waits in vain."""
        waiting: tuple[dict, ...] = (self._pictures, self._masks, self._truths)
        if stamp_ns in self._numbers and all(stamp_ns in kind for kind in waiting):
            parts = (kind.pop(stamp_ns) for kind in waiting)
            with self._lock:
                self._matches.append(Match(self._numbers[stamp_ns], *parts))
        for kind in waiting:
            while len(kind) > _WAITING:
                kind.pop(next(iter(kind)))
