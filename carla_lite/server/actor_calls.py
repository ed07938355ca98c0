"""Calls that make, move, ask and destroy actors."""

from typing import Any

from carla_lite.protocol.limits import vector_of
from carla_lite.protocol.records import (
    actor_record,
    blueprint_record,
    box_record,
    pose_of,
)
from carla_lite.protocol.tokens import pack_token
from carla_lite.server.registry import endpoint
from carla_lite.server.simulation import Simulation
from carla_lite.world.actors import Actor
from carla_lite.world.blueprints import definitions
from carla_lite.world.refusal import Refused
import numpy as np


@endpoint('get_actor_definitions')
def get_actor_definitions(_simulation: Simulation) -> list[Any]:
    """Return the blueprints."""
    return [blueprint_record(blueprint) for blueprint in definitions()]


def record_of(simulation: Simulation, actor: Actor) -> list[Any]:
    """Return an actor as clients get it."""
    token = pack_token(actor.stream_id, simulation.streams.port) if actor.stream_id else b''
    return actor_record(actor, token)


@endpoint('spawn_actor')
def spawn_actor(simulation: Simulation, description: list[Any], transform: list[Any]) -> list[Any]:
    """Make an actor."""
    actor = spawn(simulation, description, transform)
    return record_of(simulation, actor)


@endpoint('spawn_actor_with_parent')
def spawn_actor_with_parent(
    simulation: Simulation,
    description: list[Any],
    transform: list[Any],
    parent_id: int,
    _attachment: int = 0,
    _socket: str = '',
) -> list[Any]:
    """Make an actor that is attached to another one; every attachment is a rigid one."""
    actor = spawn(simulation, description, transform, parent_id)
    return record_of(simulation, actor)


def spawn(
    simulation: Simulation, description: list[Any], transform: list[Any], parent_id: int = 0
) -> Actor:
    """Make an actor of an ActorDescription."""
    _uid, name, attributes = description
    values = [(str(key), str(text)) for key, _kind, text in attributes]
    return simulation.world.spawn(name, values, pose_of(transform), parent_id)


@endpoint('get_actors_by_id')
def get_actors_by_id(simulation: Simulation, actor_ids: list[int]) -> list[Any]:
    """Return those of the actors that exist."""
    actors = simulation.world.actors
    return [record_of(simulation, actors[number]) for number in actor_ids if number in actors]


@endpoint('get_spectator')
def get_spectator(simulation: Simulation) -> list[Any]:
    """Return the actor that stands for the onlooker."""
    return record_of(simulation, simulation.world.spectator)


@endpoint('destroy_actor')
def destroy_actor(simulation: Simulation, actor_id: int) -> bool:
    """Remove an actor; false when there is none."""
    return simulation.world.destroy(actor_id)


@endpoint('get_actor_bounding_box')
def get_actor_bounding_box(simulation: Simulation, actor_id: int) -> list[Any]:
    """Return a box; of an unknown actor an empty one, since an error ends clients here."""
    actor = simulation.world.actors.get(actor_id)
    if actor is None:
        return box_record((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    return box_record(*actor.box, actor.id)


@endpoint('set_actor_transform')
def set_actor_transform(simulation: Simulation, actor_id: int, transform: list[Any]) -> None:
    """Put an actor somewhere; an attached one, somewhere on what it is attached to."""
    actor = simulation.world.actor(actor_id)
    pose = pose_of(transform)
    if actor.parent is None:
        actor.place(pose)
    else:
        actor.relative = pose
        actor.place(actor.parent.pose.then(pose))


@endpoint('set_actor_location')
def set_actor_location(simulation: Simulation, actor_id: int, location: list[float]) -> None:
    """Put an actor somewhere, turned as it was; an attached one, on what it is attached to."""
    actor = simulation.world.actor(actor_id)
    old = actor.relative if actor.parent else actor.pose
    set_actor_transform(simulation, actor_id, [location, [old.pitch, old.yaw, old.roll]])


@endpoint('set_actor_collisions')
def set_actor_collisions(simulation: Simulation, actor_id: int, enabled: bool) -> None:
    """Let others run into an actor, or through it."""
    simulation.world.actor(actor_id).collides = bool(enabled)


@endpoint('set_actor_simulate_physics')
def set_actor_simulate_physics(simulation: Simulation, actor_id: int, enabled: bool) -> None:
    """Let an actor move, or hold it where it is."""
    body = simulation.world.actor(actor_id).body
    if body is not None:
        body.simulate_physics = bool(enabled)


@endpoint('set_actor_enable_gravity')
def set_actor_enable_gravity(simulation: Simulation, actor_id: int, enabled: bool) -> None:
    """Let an actor rest on the ground, or stay at its height."""
    body = simulation.world.actor(actor_id).body
    if body is not None:
        body.gravity = bool(enabled)


@endpoint('set_actor_target_velocity')
def set_actor_target_velocity(simulation: Simulation, actor_id: int, velocity: list[Any]) -> None:
    """Let an actor move at a velocity from now on, m/s."""
    body_of(simulation, actor_id).set_target_velocity(array_of(velocity))


@endpoint('add_actor_impulse')
def add_actor_impulse(simulation: Simulation, actor_id: int, impulse: list[Any]) -> None:
    """Push an actor, N s."""
    body_of(simulation, actor_id).add_impulse(array_of(impulse))


def body_of(simulation: Simulation, actor_id: int, kind: str = '') -> Any:
    """
    Return what moves an actor.

    :param kind: ``vehicle`` or ``walker`` when it must be one.
    :raises Refused: when it is something else.
    """
    actor = simulation.world.actor(actor_id)
    if actor.body is None or not actor.kind.startswith(kind):
        raise Refused(f'actor {actor_id} is a {actor.kind}, not a {kind or "vehicle or walker"}')
    return actor.body


def array_of(record: list[Any]) -> np.ndarray:
    """Return (3,) float64 of a Vector3D."""
    return np.array(vector_of(record))
