"""What stands in the world, and clients can name by a number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from carla_lite.pose import Pose
from carla_lite.tags import Tag
from carla_lite.world.blueprints import Blueprint

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
    relative: Pose = Pose()
    box: tuple[Vector, Vector] = (_STILL, _STILL)
    tags: tuple[Tag, ...] = ()
    body: Any = None
    stream_id: int = 0
    velocity: Vector = _STILL
    angular_velocity: Vector = _STILL
    acceleration: Vector = _STILL
    due_s: float = 0.0  # when a sensor with a period of its own measures next
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

    def place(self, pose: Pose) -> None:
        """Put the actor somewhere, and what is attached to it along with it."""
        self.pose = pose
        for child in self.children:
            child.place(pose.then(child.relative))
