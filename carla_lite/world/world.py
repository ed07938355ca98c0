"""The world of one episode: a town, what stands in it, its clock, weather and settings."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
import itertools

from carla_lite.pose import Pose
from carla_lite.town import Town
from carla_lite.weather import Weather
from carla_lite.world import blueprints
from carla_lite.world.actors import Actor
from carla_lite.world.birth import make_actor, SPECTATOR, TRAFFIC_LIGHT
from carla_lite.world.contacts import Collision, in_the_way, part_overlapping
from carla_lite.world.geodesy import GeoReference
from carla_lite.world.lights import TrafficLights
from carla_lite.world.refusal import Refused
from carla_lite.world.settings import Settings
from carla_lite.world.speed_limit import speed_limit_kmh

_FIRST_VIEW_M = 10.0  # height of the onlooker over the first spawn point


@dataclass(frozen=True)
class Numbers:
    """Where the numbers of streams come from, and who is told that one is not needed any more."""

    open_stream: Callable[[], int]
    close_stream: Callable[[int], None]


class World:
    """
    One episode.

    ``collisions`` are those of the last step.

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
        self.delta_s = 0.0
        self.actors: dict[int, Actor] = {}
        self.collisions: list[Collision] = []
        self._numbers = numbers
        self._reference = GeoReference.of(town.opendrive)
        self._speed_limit_kmh = speed_limit_kmh(town.opendrive)
        scenery = max(int(mesh.instance.max(initial=0)) for mesh in (town.surface, town.scenery))
        self._ids = itertools.count(scenery + 1)  # so that instances of pictures are actors' ids
        start = town.spawn_points[0] if town.spawn_points else Pose()
        place = Pose(start.x, start.y, start.z + _FIRST_VIEW_M, -30.0, start.yaw)
        self.spectator = self._add(make_actor(next(self._ids), SPECTATOR, {}, place))
        self.lights = TrafficLights(town.traffic_lights, self._add_light)

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
        self, name: str, attributes: Iterable[tuple[str, str]], pose: Pose, parent_id: int = 0
    ) -> Actor:
        """
        Put a new actor into the world.

        :param pose: in the parent's own coordinates when there is one.
        :raises Refused: when a value is wrong, the parent unknown, or something in the way.
        :raises CarlaLiteError: when there is no such blueprint.
        """
        blueprint = blueprints.find(name)
        parent = self.actor(parent_id) if parent_id else None
        values = {part.id: part.value for part in blueprint.attributes} | dict(attributes)
        actor = make_actor(
            next(self._ids), blueprint, values, pose, parent, self._reference, self.town.scale
        )
        if parent is None and (other := in_the_way(actor, self.actors.values())):
            raise Refused(
                'Spawn failed because of collision at spawn position: '
                f'{other.kind} {other.id} is there'
            )
        if actor.kind.startswith('vehicle.'):
            actor.body.speed_limit_kmh = self._speed_limit_kmh
        if actor.is_sensor:
            actor.stream_id = self._numbers.open_stream()
        return self._add(actor)

    def destroy(self, actor_id: int) -> bool:
        """Remove an actor and what is attached to it; false when that cannot be."""
        actor = self.actors.get(actor_id)
        if actor is None or actor.kind.startswith(('spectator', 'traffic.')):
            return False
        self._remove(actor)
        return True

    def end(self) -> None:
        """Remove all actors: the episode is over."""
        for actor in list(self.actors.values()):
            self._remove(actor)

    def is_due(self, sensor: Actor) -> bool:
        """Return whether a sensor measures in this tick, and note that it did."""
        period_s = sensor.number('sensor_tick')
        if period_s <= 0.0:
            return True
        if self.time_s + 1e-6 < sensor.due_s:
            return False
        sensor.due_s += period_s
        if sensor.due_s <= self.time_s:  # the first one, or nobody listened for a while
            sensor.due_s = self.time_s + period_s
        return True

    def step(self, delta_s: float) -> None:
        """Let time pass."""
        self.frame += 1
        self.time_s += delta_s
        self.delta_s = delta_s
        self.lights.step(delta_s)
        moving = [actor for actor in self.actors.values() if actor.body is not None]
        for actor in moving:
            actor.body.step(delta_s, self._ground_for(actor.body.pose.z))
        self.collisions = part_overlapping(self.actors.values())
        for actor in moving:
            actor.follow_body()

    def _ground_for(self, z: float) -> Callable[[float, float], float]:
        """Return the ground's height for who is at a height: on a bridge or under it."""
        return lambda x, y: self.town.height_at(x, y, z)

    def _add_light(self, pose: Pose) -> Actor:
        return self._add(make_actor(next(self._ids), TRAFFIC_LIGHT, {}, pose))

    def _add(self, actor: Actor) -> Actor:
        if actor.parent:
            actor.parent.children.append(actor)
        self.actors[actor.id] = actor
        return actor

    def _remove(self, actor: Actor) -> None:
        if self.actors.pop(actor.id, None) is None:
            return  # it went with what it was attached to
        if actor.parent:
            actor.parent.children.remove(actor)
        for child in list(actor.children):
            self._remove(child)
        if actor.stream_id:
            self._numbers.close_stream(actor.stream_id)
