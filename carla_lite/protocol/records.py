"""CARLA's msgpack records and what they mean here; all arrays, in CARLA's field order."""

from collections.abc import Sequence
from dataclasses import astuple
import math
from typing import Any

from carla_lite.pose import Pose
from carla_lite.weather import Weather
from carla_lite.world.actors import Actor
from carla_lite.world.blueprints import Blueprint
from carla_lite.world.refusal import Refused
from carla_lite.world.settings import Settings

Vector = tuple[float, float, float]


def vector_of(record: Sequence[Any]) -> Vector:
    """
    Return three finite numbers.

    :raises Refused: when they are something else.
    """
    try:
        x, y, z = (float(value) for value in record)
    except (TypeError, ValueError) as error:
        raise Refused(f'{record!r} is not a vector') from error
    if not math.isfinite(x + y + z):
        raise Refused(f'({x}, {y}, {z}) is not a place: its numbers must be finite')
    return x, y, z


def pose_of(record: Sequence[Any]) -> Pose:
    """
    Return the pose of a Transform.

    :raises Refused: when it is none.
    """
    location, rotation = record
    return Pose(*vector_of(location), *vector_of(rotation))


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
    fields: list[Any] = list(astuple(settings))
    fields[2] = [False] if settings.fixed_delta_s is None else [True, settings.fixed_delta_s]
    return fields


def settings_of(record: Sequence[Any]) -> Settings:
    """
    Return the settings of EpisodeSettings.

    :raises Refused: when the step is not one.
    """
    fields = list(record)
    has_step, *step = fields[2]
    fields[2] = float(step[0]) if has_step and step[0] else None
    settings = Settings(*fields)
    if settings.fixed_delta_s is not None and not 0 < settings.fixed_delta_s <= 10:
        raise Refused(
            f'fixed_delta_seconds is {settings.fixed_delta_s}: it must be over 0 and up to 10'
        )
    return settings


def weather_record(weather: Weather) -> list[float]:
    """Return WeatherParameters."""
    return list(astuple(weather))


def weather_of(record: Sequence[Any]) -> Weather:
    """
    Return the weather of WeatherParameters.

    :raises Refused: when a number is not finite.
    """
    numbers = [float(value) for value in record]
    if not all(map(math.isfinite, numbers)):
        raise Refused('the weather has a number that is not finite')
    return Weather(*numbers)
