"""CARLA's msgpack records and what they mean here; all arrays, in CARLA's field order."""

from collections.abc import Callable, Sequence
from dataclasses import astuple, fields
from typing import Any

from carla_lite.pose import Pose
from carla_lite.protocol.limits import FARTHEST, number_of, Vector, vector_of, whole_number_of
from carla_lite.weather import Weather
from carla_lite.world.actors import Actor
from carla_lite.world.blueprints import Blueprint
from carla_lite.world.controls import AckermannControl, VehicleControl, WalkerControl
from carla_lite.world.refusal import Refused
from carla_lite.world.settings import Settings

_SHORTEST_STEP_S, _LONGEST_STEP_S = 1e-5, 10.0
_DEFAULTS = Settings()
_READERS: dict[type, Callable[[Any], Any]] = {
    bool: bool,
    int: whole_number_of,
    float: number_of,
}


def pose_of(record: Sequence[Any]) -> Pose:
    """
    Return the pose of a Transform.

    :raises Refused: when it is none.
    """
    location, rotation = record
    return Pose(*vector_of(location, FARTHEST), *vector_of(rotation, FARTHEST))


def vehicle_control_of(record: Sequence[Any]) -> VehicleControl:
    """
    Return the control of VehicleControl.

    :raises Refused: when the gear is none.
    """
    *pedals, hand_brake, reverse, is_manual, gear = record
    throttle, steer, brake = map(float, pedals)
    gear = whole_number_of(gear)
    return VehicleControl(
        throttle, steer, brake, bool(hand_brake), bool(reverse), bool(is_manual), gear
    )


def ackermann_control_of(record: Sequence[Any]) -> AckermannControl:
    """
    Return the control of VehicleAckermannControl.

    :raises Refused: when a field is no number.
    """
    return AckermannControl(*map(number_of, record))


def walker_control_of(record: Sequence[Any]) -> WalkerControl:
    """
    Return the control of WalkerControl.

    :raises Refused: when a field is no number.
    """
    direction, speed, jump = record
    return WalkerControl(vector_of(direction), number_of(speed), bool(jump))


def pose_record(pose: Pose) -> list[Any]:
    """Return a Transform."""
    return [[pose.x, pose.y, pose.z], [pose.pitch, pose.yaw, pose.roll]]


def box_record(centre: Vector, extent: Vector, actor_id: int = 0) -> list[Any]:
    """Return a BoundingBox; ``extent`` is half the size."""
    return [list(centre), list(extent), [0.0, 0.0, 0.0], actor_id]


def blueprint_record(blueprint: Blueprint) -> list[Any]:
    """Return an ActorDefinition."""
    attributes = [
        [part.id, part.kind, part.value, list(part.recommended), part.is_modifiable, part.restrict]
        for part in blueprint.attributes
    ]
    return [blueprint.uid, blueprint.id, blueprint.tags, attributes]


def actor_record(actor: Actor, token: bytes) -> list[Any]:
    """
    Return an Actor.

    :param token: of the actor's stream, or nothing.
    """
    kinds = {part.id: part.kind for part in actor.blueprint.attributes}
    attributes = [[name, kinds.get(name, 4), text] for name, text in actor.attributes.items()]
    return [
        actor.id,
        actor.parent.id if actor.parent else 0,
        [actor.blueprint.uid, actor.blueprint.id, attributes],
        box_record(*actor.box, actor.id),
        bytes(actor.tags),
        token,
    ]


def settings_record(settings: Settings) -> list[Any]:
    """Return EpisodeSettings."""
    values: list[Any] = list(astuple(settings))
    values[2] = [False] if settings.fixed_delta_s is None else [True, settings.fixed_delta_s]
    return values


def settings_of(record: Sequence[Any]) -> Settings:
    """
    Return the settings of EpisodeSettings.

    :raises Refused: when the step is not one.
    """
    synchronous, no_rendering, (has_step, *step), *rest = record
    step_s = number_of(step[0]) if has_step and step[0] else None
    if step_s is not None and not _SHORTEST_STEP_S <= step_s <= _LONGEST_STEP_S:
        raise Refused(
            f'fixed_delta_seconds is {step_s}: '
            f'it must be from {_SHORTEST_STEP_S:.5f} to {_LONGEST_STEP_S:g}'
        )
    names = [part.name for part in fields(Settings)[3:]]
    given = {
        name: _READERS[type(getattr(_DEFAULTS, name))](value)
        for name, value in zip(names, rest, strict=True)
    }
    return Settings(bool(synchronous), bool(no_rendering), step_s, **given)


def weather_record(weather: Weather) -> list[float]:
    """Return WeatherParameters."""
    return list(astuple(weather))


def weather_of(record: Sequence[Any]) -> Weather:
    """
    Return the weather of WeatherParameters.

    :raises Refused: when a field is no number.
    """
    return Weather(*(number_of(value, FARTHEST) for value in record))
