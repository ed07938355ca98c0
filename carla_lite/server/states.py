"""The world's state as its stream carries it."""

import time

from carla_lite.protocol import messages
from carla_lite.world.actors import Actor
from carla_lite.world.world import World


def state_message(world: World, flags: int) -> bytes:
    """
    Return the message of the world's own stream.

    :param flags: such as :data:`carla_lite.protocol.messages.MAP_CHANGED`.
    """
    return messages.world_state(
        world.frame,
        world.time_s,
        world.delta_s,
        time.monotonic(),
        world.episode_id,
        flags,
        (_state_of(world, actor) for actor in world.actors.values()),
    )


def _state_of(world: World, actor: Actor) -> bytes:
    return messages.actor_state(
        actor.id,
        actor.pose,
        actor.velocity,
        actor.angular_velocity,
        actor.acceleration,
        _rest_of(world, actor),
    )


def _rest_of(world: World, actor: Actor) -> bytes:
    """Return what only this kind of actor has."""
    kind = actor.kind
    if kind.startswith('vehicle.'):
        control = actor.body.control
        pedals = (control.throttle, control.steer, control.brake)
        switches = (control.hand_brake, control.reverse, control.manual_gear_shift)
        return messages.vehicle_state(
            (*pedals, *switches, control.gear),
            actor.body.speed_limit_kmh,
            world.lights.governing(actor),
        )
    if kind.startswith('walker.'):
        control = actor.body.control
        return messages.walker_state(control.direction, control.speed, control.jump)
    if kind == 'traffic.traffic_light':
        return messages.light_state(*world.lights.report(actor))
    return b''
