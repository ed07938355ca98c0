"""The node's image subscription, and what can be seen of the topic around it."""

from collections.abc import Callable
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import (
    qos_check_compatible,
    qos_policy_name_from_kind,
    qos_profile_sensor_data,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
)
from sensor_msgs.msg import CompressedImage, Image

#: SensorData has 5. Images are taken at once and the mailbox keeps the newest, so depth adds no
#: latency; it bridges moments without this process' attention. Importing torch for a swap takes
#: 207 ms of them, more than five frames at 30 Hz.
_DEPTH = 20

_MESSAGE_TYPES = {'raw': Image, 'compressed': CompressedImage}


class ImageInput:
    """Subscribes to ``image`` and keeps count of what arrives and of what the middleware says."""

    def __init__(
        self, node: Node, transport: str, reliability: str, deliver: Callable[[Any], None]
    ) -> None:
        """
        Subscribe.

        :param node: owner of the subscription.
        :param transport: ``raw`` or ``compressed``.
        :param reliability: ``best_effort`` or ``reliable``.
        :param deliver: called with each message; must return at once.
        """
        self._node = node
        self._deliver = deliver
        self._message_type = _MESSAGE_TYPES[transport]
        self.arrived = 0
        self.lost = 0
        self._incompatible_policy = ''  # as the middleware's event names it
        self._qos = _qos(reliability)
        self._subscription = node.create_subscription(
            self._message_type,
            'image',
            self._on_message,
            self._qos,
            event_callbacks=SubscriptionEventCallbacks(
                incompatible_qos=self._on_incompatible_qos, message_lost=self._on_lost
            ),
        )
        self.topic = self._subscription.topic_name

    def close(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def deliver_waiting(self) -> None:
        """Take what has arrived, for callbacks that keep the executor from doing so."""
        handle = self._subscription.handle
        with handle:
            while (taken := handle.take_message(self._message_type, False)) is not None:
                self._on_message(taken[0])

    def observe(self) -> dict[str, Any]:
        """Return the fields of an ``Observation`` that concern the topic."""
        wanted = _type_name(self._message_type)
        infos = self._node.get_publishers_info_by_topic(self.topic)
        compatible = [
            qos_check_compatible(info.qos_profile, self._qos)[0] != QoSCompatibility.ERROR
            for info in infos
        ]
        other_types = sorted({info.topic_type for info in infos} - {wanted})
        return {
            'topic': self.topic,
            'publishers': sum(info.topic_type == wanted for info in infos),
            'publishers_of_other_types': tuple(other_types),
            'other_image_topics': () if infos else self._image_topics(),
            'incompatible_policy': '' if all(compatible) else self._incompatible_policy,
            'arrived': self.arrived,
            'lost_in_transport': self.lost,
        }

    def _image_topics(self) -> tuple[str, ...]:
        types = {_type_name(message_type) for message_type in _MESSAGE_TYPES.values()}
        own = self._node.get_fully_qualified_name()
        return tuple(
            name
            for name, topic_types in self._node.get_topic_names_and_types()
            if types & set(topic_types) and name != self.topic and not name.startswith(f'{own}/')
        )

    def _on_message(self, message: Any) -> None:
        self.arrived += 1
        self._deliver(message)

    def _on_incompatible_qos(self, event: Any) -> None:
        self._incompatible_policy = qos_policy_name_from_kind(event.last_policy_kind)

    def _on_lost(self, event: Any) -> None:
        self.lost = event.total_count


def _qos(reliability: str) -> QoSProfile:
    """Return SensorData (REP-2003) with a deeper queue, reliable when asked for."""
    return QoSProfile(
        history=qos_profile_sensor_data.history,
        depth=_DEPTH,
        durability=qos_profile_sensor_data.durability,
        reliability=ReliabilityPolicy[reliability.upper()],
    )


def _type_name(message_type: type) -> str:
    return f'sensor_msgs/msg/{message_type.__name__}'
