"""The node's publishers; each result is made only for those who subscribe to it."""

from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import DurabilityPolicy, QoSProfile
from seg_node.bundle import Manifest
from seg_node.frame import Frame, Mask
from seg_node.labels import palette_bgr
from seg_node.overlay import draw_overlay
from seg_node.ros_conversions import bgr8_message, mono8_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header

#: Reliable, as REP-2003 asks of providers; sensor-data subscribers match it too.
_RESULT_QOS = QoSProfile(depth=5)
_LATCHED_QOS = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Outputs:
    """Publishers of one configured node; they publish while the node is active."""

    def __init__(self, node: LifecycleNode) -> None:
        """Create the publishers on ``node``."""
        self._node = node
        create = node.create_lifecycle_publisher
        self._mask = create(Image, '~/mask', _RESULT_QOS)
        self._confidence = create(Image, '~/confidence', _RESULT_QOS)
        self._overlay = create(Image, '~/overlay', _RESULT_QOS)
        self._latency = create(DiagnosticArray, '~/latency', _RESULT_QOS)
        self._label_info = _create_label_info(node)

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in (self._mask, self._confidence, self._overlay, self._latency):
            self._node.destroy_lifecycle_publisher(publisher)
        if self._label_info is not None:
            self._node.destroy_lifecycle_publisher(self._label_info)

    def listeners(self) -> int:
        """Return how many subscriptions need frames to be segmented."""
        publishers = (self._mask, self._confidence, self._overlay, self._latency)
        return sum(publisher.get_subscription_count() for publisher in publishers)

    def wants_confidence(self) -> bool:
        """Return whether anyone subscribes to ~/confidence."""
        return self._confidence.get_subscription_count() > 0

    def wants_latency(self) -> bool:
        """Return whether anyone subscribes to ~/latency."""
        return self._latency.get_subscription_count() > 0

    def publish_mask(self, frame: Frame, mask: Mask, manifest: Manifest, header: Header) -> None:
        """
        Publish what is subscribed to, the mask first.

        :param header: of the frame; passed through untouched.
        """
        if self._mask.get_subscription_count():
            self._mask.publish(mono8_message(mask.labels, header))
        if mask.confidence is not None:
            self._confidence.publish(mono8_message(mask.confidence, header))
        if self._overlay.get_subscription_count():
            overlay = draw_overlay(frame, mask, palette_bgr(manifest.labels))
            self._overlay.publish(bgr8_message(overlay, header))

    def publish_latency(self, message: DiagnosticArray) -> None:
        """Publish on ~/latency."""
        self._latency.publish(message)

    def publish_label_info(self, manifest: Manifest) -> None:
        """Publish the label table, latched, so that late subscribers get it too."""
        if self._label_info is not None:
            self._label_info.publish(_label_info(manifest, self._node.get_clock().now().to_msg()))


def _create_label_info(node: LifecycleNode) -> Any:
    try:
        from vision_msgs.msg import LabelInfo
    except ImportError:
        node.get_logger().info('vision_msgs is not installed: ~/label_info is left out')
        return None
    return node.create_lifecycle_publisher(LabelInfo, '~/label_info', _LATCHED_QOS)


def _label_info(manifest: Manifest, stamp: Any) -> Any:
    from vision_msgs.msg import LabelInfo, VisionClass

    classes = [VisionClass(class_id=label.id, class_name=label.name) for label in manifest.labels]
    return LabelInfo(
        header=Header(stamp=stamp),
        class_map=classes,
        threshold=manifest.output.lane_threshold,
    )
