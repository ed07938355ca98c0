"""The ROS side of ``carla_camera``: topics, and what /diagnostics says of them."""

from collections.abc import Callable, Sequence
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
import numpy as np
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock as RosClock
from rclpy.clock import ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from seg_node.carla import camera_parameters
from seg_node.carla.camera_status import CameraStatus
from seg_node.carla.camera_transforms import optical_frame_id, transform_message
from seg_node.carla.config import CameraMount
from seg_node.carla.errors import CarlaError
from seg_node.carla.shot import Shot
from seg_node.replay_messages import pinhole_camera_info
from seg_node.ros_conversions import image_message, mono8_message
from seg_node.ros_logging import forward_logs
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

_QUEUE_DEPTH = 10
_ACK_TIMEOUT_S = 3.0
#: Best-effort subscribers acknowledge nothing, and read the last picture from our shared memory.
_LINGER_S = 0.5
#: The publisher knows of a match before the subscriber does; pictures in between would be lost.
_SETTLE_S = 0.5
#: For whoever wants more than the pictures; nobody may.
_FURTHER_WAIT_S = 2.0
_LOOK_UP_S = 0.02
_LEVELS = (DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR)


class CameraNode(Node):
    """Node ``carla_camera``; topics and parameters are listed in docs/carla.md."""

    def __init__(self, status: CameraStatus, check_weather: Callable[[str], None]) -> None:
        """
        Declare the parameters and create the publishers.

        :param status: read for /diagnostics.
        :param check_weather: raises CarlaError for a weather that there is not.
        :raises SegNodeError: for a parameter that cannot be.
        """
        super().__init__('carla_camera')
        forward_logs(self.get_logger())
        self.values = camera_parameters.declare(self)
        self.rig_config = camera_parameters.rig_config(self.values)
        self.wanted_weather = self.values.weather
        self._status = status
        self._check_weather = check_weather
        self._frame_id = optical_frame_id(self.values.role, self.values.camera)
        base = f'/carla/{self.values.role}/{self.values.camera}'
        self._images = self.create_publisher(Image, f'{base}/image', _QUEUE_DEPTH)
        self._infos = self.create_publisher(CameraInfo, f'{base}/camera_info', _QUEUE_DEPTH)
        self._labels = None
        if self.values.labels:
            self._labels = self.create_publisher(Image, f'{base}/labels', _QUEUE_DEPTH)
        self._clocks = self.create_publisher(Clock, '/clock', _QUEUE_DEPTH)
        self._transforms: Publisher | None = None
        self._static_transforms: Publisher | None = None
        self._create_transform_publishers()
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self.create_timer(
            self.values.diagnostics_period_s,
            self._publish_diagnostics,
            clock=RosClock(clock_type=ClockType.STEADY_TIME),
        )

    @property
    def image_topic(self) -> str:
        """Full name of the image topic."""
        return self._images.topic_name

    @property
    def wants_labels(self) -> bool:
        """Whether somebody listens to the truth."""
        return self._labels is not None and self._labels.get_subscription_count() > 0

    def show_time(self, stamp_ns: int) -> None:
        """Publish the simulation time."""
        self._clocks.publish(Clock(clock=Time(nanoseconds=stamp_ns).to_msg()))

    def publish(self, shot: Shot, camera: CameraMount, labels: np.ndarray | None) -> None:
        """
        Publish a picture, its CameraInfo and its truth with one header.

        :param labels: (H, W) uint8 label ids, or None where nobody wants them.
        """
        stamp = Time(nanoseconds=shot.stamp_ns).to_msg()
        header = Header(stamp=stamp, frame_id=self._frame_id)
        frame = shot.pictures[camera.name]
        self._send_transforms(shot, camera, stamp)
        self._infos.publish(
            pinhole_camera_info(camera.height, camera.width, camera.fov_deg, header)
        )
        if labels is not None and self._labels is not None:
            self._labels.publish(mono8_message(labels, header))
        self._images.publish(image_message(frame.image, frame.pixel_format, header))

    def wait_for_subscribers(self, stop: threading.Event) -> None:
        """Return once somebody listens to the pictures, or ``wait_for_subscribers_s`` is over."""
        wait_s = self.values.wait_for_subscribers_s
        if not wait_s:
            return
        if not _somebody_listens([self._images], wait_s, stop):
            self.get_logger().warning(
                f'nobody subscribed to {self.image_topic} within {wait_s:g} s: driving anyway'
            )
            return
        further = [publisher for publisher in (self._infos, self._labels) if publisher is not None]
        _somebody_listens(further, min(wait_s, _FURTHER_WAIT_S), stop)
        stop.wait(_SETTLE_S)

    def wait_until_arrived(self) -> None:
        """Give the last pictures the time to reach whoever listens."""
        self._images.wait_for_all_acked(Duration(seconds=_ACK_TIMEOUT_S))
        if self._images.get_subscription_count():
            time.sleep(_LINGER_S)

    def _create_transform_publishers(self) -> None:
        try:
            from tf2_msgs.msg import TFMessage
        except ImportError:
            self.get_logger().info('tf2_msgs is not installed: no transforms are published')
            return
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._tf_message = TFMessage
        self._transforms = self.create_publisher(TFMessage, '/tf', 100)
        self._static_transforms = self.create_publisher(TFMessage, '/tf_static', latched)

    def _send_transforms(self, shot: Shot, camera: CameraMount, stamp: Any) -> None:
        if self._transforms is None or self._static_transforms is None:
            return
        role = self.values.role
        self._transforms.publish(
            self._tf_message(transforms=[transform_message('map', role, shot.ego_pose, stamp)])
        )
        if self._status.shots <= 1:
            mounted = transform_message(role, self._frame_id, camera.pose, stamp, optical=True)
            self._static_transforms.publish(self._tf_message(transforms=[mounted]))

    def _on_set_parameters(self, changed: list[Parameter]) -> SetParametersResult:
        """Take a new weather; it comes with the next picture."""
        for parameter in changed:
            if parameter.name != 'weather':
                continue
            if self.values.weather_schedule:
                return SetParametersResult(
                    successful=False,
                    reason='weather_schedule decides on the weather: start without it to set it',
                )
            try:
                if parameter.value:
                    self._check_weather(parameter.value)
            except CarlaError as error:
                return SetParametersResult(successful=False, reason=str(error))
            self.wanted_weather = parameter.value
        return SetParametersResult(successful=True)

    def _publish_diagnostics(self) -> None:
        level, text = self._status.verdict()
        status = DiagnosticStatus(
            level=_LEVELS[level],
            name=self.get_name(),
            message=text,
            hardware_id=self._status.server,
            values=[
                KeyValue(key=key, value=value) for key, value in self._status.figures().items()
            ],
        )
        header = Header(stamp=self.get_clock().now().to_msg())
        self._diagnostics.publish(DiagnosticArray(header=header, status=[status]))


def _somebody_listens(
    publishers: Sequence[Publisher], timeout_s: float, stop: threading.Event
) -> bool:
    """Return whether each of them gets a subscriber in time."""
    end_s = time.monotonic() + timeout_s
    while not all(publisher.get_subscription_count() for publisher in publishers):
        if time.monotonic() > end_s or stop.wait(_LOOK_UP_S):
            return False
    return True
