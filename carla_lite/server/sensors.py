"""Sensors other than cameras."""

from collections.abc import Callable, Iterable, Iterator

from carla_lite.protocol.messages import packed_parts, sensor_header
from carla_lite.protocol.records import actor_record
from carla_lite.world.actors import Actor
from carla_lite.world.world import World

#: A stream's number, and a message for it as buffers.
Message = tuple[int, list[bytes | memoryview]]


def measurements(world: World, has_subscribers: Callable[[int], bool]) -> list[Message]:
    """Return what all sensors with a subscriber, but cameras, measured in this tick."""
    found: list[Message] = []
    for actor in world.actors.values():
        measure = _MEASURES.get(actor.kind)
        if measure and has_subscribers(actor.stream_id) and world.is_due(actor):
            header = sensor_header(actor.kind, world.frame, world.time_s, actor.pose)
            values = measure(world, actor)
            found += [(actor.stream_id, packed_parts(header, value)) for value in values]
    return found


def _gnss(_world: World, actor: Actor) -> Iterable[object]:
    return [list(actor.instrument.measure(actor.pose))]


def _imu(world: World, actor: Actor) -> Iterable[object]:
    since_s = world.time_s - actor.measured_s
    actor.measured_s = world.time_s
    turn = (actor.parent or actor).angular_velocity
    felt = actor.instrument.measure(actor.pose, turn, since_s)
    return [[felt.accelerometer.tolist(), felt.gyroscope.tolist(), float(felt.compass)]]


def _collisions(world: World, actor: Actor) -> Iterator[object]:
    for collision in world.collisions:
        if collision.actor is actor.parent:
            parties = (actor_record(part, b'') for part in (collision.actor, collision.other))
            yield [*parties, list(collision.impulse)]


_MEASURES: dict[str, Callable[[World, Actor], Iterable[object]]] = {
    'sensor.other.gnss': _gnss,
    'sensor.other.imu': _imu,
    'sensor.other.collision': _collisions,
}
