"""The world of one episode: a town, what stands in it, its clock, weather and settings."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
import itertools

from carla_lite.pose import Pose
from carla_lite.tags import Tag
from carla_lite.town import Town
from carla_lite.weather import Weather
from carla_lite.world import blueprints
from carla_lite.world.actors import Actor
from carla_lite.world.blueprints import Blueprint
from carla_lite.world.refusal import Refused
from carla_lite.world.settings import Settings

_SPECTATOR = Blueprint(0, 'spectator', 'spectator', ())


@dataclass(frozen=True)
class Numbers:
    """Where the numbers of streams come from, and who is told that one is not needed any more."""

    open_stream: Callable[[], int]
    close_stream: Callable[[int], None]


class World:
    """
    One episode.

    :param first_frame: frames go on counting through the episodes of a server.
    """

    def __init__(
        self, town: Town, weather: Weather, episode_id: int, numbers: Numbers, first_frame: int = 0
    ) -> None:
        self.town = town
        self.weather = weather
        self.settings = Settings()
        self.episode_id = episode_id
        self.frame = first_frame
        self.time_s = 0.0
        self.actors: dict[int, Actor] = {}
        self._numbers = numbers
        scenery = max(int(mesh.instance.max(initial=0)) for mesh in (town.surface, town.scenery))
        self._ids = itertools.count(scenery + 1)  # so that instances of pictures are actors' ids
        self.spectator = self._add(_SPECTATOR, {}, Pose(z=10.0))

    def actor(self, actor_id: int) -> Actor:
        """
        Return an actor.

        :raises Refused: when there is none.
        """
        try:
            return self.actors[actor_id]
        except (KeyError, TypeError):
            raise Refused(f'there is no actor {actor_id}: it may have been destroyed') from None

    def spawn(
        self,
        name: str,
        attributes: Iterable[tuple[str, str]],
        pose: Pose,
        parent_id: int = 0,
    ) -> Actor:
        """
        Put a new actor into the world.

        :param pose: in the parent's own coordinates when there is one.
        :raises Refused: when there is no such blueprint or parent, or something is in the way.
        """
        blueprint = _blueprint(name)
        parent = self.actor(parent_id) if parent_id else None
        values = {part.id: part.value for part in blueprint.attributes} | dict(attributes)
        actor = self._add(blueprint, values, pose, parent)
        return actor

    def destroy(self, actor_id: int) -> bool:
        """Remove an actor and what is attached to it; false when there is none."""
        actor = self.actors.pop(actor_id, None)
        if actor is None or actor is self.spectator:
            return False
        if actor.parent:
            actor.parent.children.remove(actor)
        for child in list(actor.children):
            self.destroy(child.id)
        if actor.stream_id:
            self._numbers.close_stream(actor.stream_id)
        return True

    def destroy_all(self) -> None:
        """Remove all actors: the episode ends."""
        for actor_id in list(self.actors):
            self.destroy(actor_id)

    def put(self, actor: Actor, pose: Pose) -> None:
        """Put an actor somewhere at once."""
        actor.place(pose)

    def is_due(self, sensor: Actor) -> bool:
        """Return whether a sensor measures in this tick, and note that it did."""
        period_s = sensor.number('sensor_tick')
        if period_s <= 0:
            return True
        if self.time_s + 1e-6 < sensor.due_s:
            return False
        sensor.due_s = max(sensor.due_s + period_s, self.time_s)
        return True

    def step(self, delta_s: float) -> None:
        """Let time pass."""
        self.frame += 1
        self.time_s += delta_s

    def _add(
        self,
        blueprint: Blueprint,
        attributes: dict[str, str],
        pose: Pose,
        parent: Actor | None = None,
    ) -> Actor:
        actor = Actor(
            next(self._ids),
            blueprint,
            attributes,
            parent.pose.then(pose) if parent else pose,
            parent,
            relative=pose,
            box=blueprints.bounding_box(blueprint.id),
            tags=_tags(blueprint.id),
        )
        if actor.is_sensor:
            actor.stream_id = self._numbers.open_stream()
        if parent:
            parent.children.append(actor)
        self.actors[actor.id] = actor
        return actor


def _blueprint(name: str) -> Blueprint:
    try:
        return blueprints.find(name)
    except Exception as error:
        raise Refused(str(error)) from error


_TAGS = {
    'car': Tag.CAR,
    'van': Tag.CAR,
    'truck': Tag.TRUCK,
    'bus': Tag.BUS,
    'motorcycle': Tag.MOTORCYCLE,
    'bicycle': Tag.BICYCLE,
    'walker': Tag.PEDESTRIANS,
    'traffic_light': Tag.TRAFFIC_LIGHT,
}


def _tags(name: str) -> tuple[Tag, ...]:
    if name.startswith('static.'):
        return (Tag.STATIC,)
    tag = _TAGS.get(blueprints.kind_of(name))
    return (tag,) if tag else ()
