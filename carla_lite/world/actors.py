"""What stands in the world, and clients can name by a number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from carla_lite.pose import Pose
from carla_lite.tags import Tag
from carla_lite.world.blueprints import Blueprint
import numpy as np

Vector = tuple[float, float, float]
_STILL = (0.0, 0.0, 0.0)


@dataclass(eq=False)
class Actor:
    """
    An actor of whatever kind.

    :param attributes: the blueprint's, with the client's values over the defaults.
    :param relative: the pose in the parent's own coordinates, of an attached one.
    :param box: centre and half size in the actor's own coordinates, metres.
    :param body: moves a vehicle or a walker; ``None`` for what only stands.
    :param stream_id: where a sensor's measurements are published; 0 for other actors.
    """

    id: int
    blueprint: Blueprint
    attributes: dict[str, str]
    pose: Pose
    parent: Actor | None = None
    relative: Pose = field(default=Pose())
    box: tuple[Vector, Vector] = (_STILL, _STILL)
    tags: tuple[Tag, ...] = ()
    body: Any = None
    stream_id: int = 0
    velocity: Vector = _STILL
    angular_velocity: Vector = _STILL
    acceleration: Vector = _STILL
    instrument: Any = None  # what a GNSS receiver or an IMU remembers
    measured_s: float = 0.0  # when it measured last
    due_s: float = 0.0  # when a sensor with a period of its own measures next
    collides: bool = True
    lights: int = 0  # CARLA's flags of a vehicle's lamps
    settings: dict[str, Any] = field(default_factory=dict)  # records that only clients read
    children: list[Actor] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The blueprint's id, such as ``vehicle.tesla.model3``."""
        return self.blueprint.id

    @property
    def is_sensor(self) -> bool:
        """Whether it measures; lane invasions are found by the client, they need a stream too."""
        return self.kind.startswith('sensor.')

    def number(self, name: str, default: float = 0.0) -> float:
        """Return an attribute as a number."""
        try:
            return float(self.attributes.get(name, default))
        except ValueError:
            return default

    @property
    def is_solid(self) -> bool:
        """Whether other actors cannot be where it is."""
        return self.collides and self.kind.startswith(('vehicle.', 'walker.', 'static.'))

    def place(self, pose: Pose) -> None:
        """Put the actor somewhere, and what is attached to it along with it."""
        if self.body is not None:
            self.body.place(pose)
        self._stand_at(pose)

    def follow_body(self) -> None:
        """Be where the body has moved."""
        body = self.body
        self.velocity = _triple(body.velocity)
        self.angular_velocity = _triple(body.angular_velocity)
        self.acceleration = _triple(body.acceleration)
        self._stand_at(body.pose)

    def _stand_at(self, pose: Pose) -> None:
        self.pose = pose
        for child in self.children:
            child.velocity = self.velocity
            child._stand_at(pose.then(child.relative))


def _triple(vector: np.ndarray) -> Vector:
    x, y, z = vector.tolist()
    return x, y, z
