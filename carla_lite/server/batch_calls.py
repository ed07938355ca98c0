"""Many commands in one call."""

from collections.abc import Callable
import logging
import reprlib
from typing import Any

from carla_lite.errors import CarlaLiteError
from carla_lite.protocol.answers import failure, success
from carla_lite.server import actor_calls, physics_calls, traffic_calls, vehicle_calls
from carla_lite.server.registry import Bare, endpoint
from carla_lite.server.simulation import Simulation
from carla_lite.world.refusal import Refused

#: Command number -> does it to an actor, with the command's further arguments.
_COMMANDS: dict[int, Callable[..., Any]] = {
    2: vehicle_calls.apply_control_to_vehicle,
    3: vehicle_calls.apply_ackermann_control_to_vehicle,
    4: vehicle_calls.apply_control_to_walker,
    5: physics_calls.apply_physics_control,
    6: actor_calls.set_actor_transform,
    8: actor_calls.set_actor_target_velocity,
    9: vehicle_calls.set_actor_target_angular_velocity,
    10: actor_calls.add_actor_impulse,
    11: vehicle_calls.add_actor_force,
    12: vehicle_calls.add_actor_angular_impulse,
    13: vehicle_calls.add_actor_angular_impulse,
    14: actor_calls.set_actor_simulate_physics,
    15: actor_calls.set_actor_enable_gravity,
    17: vehicle_calls.only_for_the_eye,
    18: vehicle_calls.set_lamps,
    19: actor_calls.set_actor_location,
    21: traffic_calls.set_traffic_light_state,
}
_LOG = logging.getLogger(__name__)
_CANNOT_BE_DONE = (Refused, CarlaLiteError, TypeError, ValueError, LookupError, OverflowError)
_SPAWN, _DESTROY, _WALKER_STATE, _AUTOPILOT, _CONSOLE = 0, 1, 7, 16, 20


@endpoint('apply_batch')
def apply_batch(simulation: Simulation, commands: list[Any], _do_tick: bool = False) -> Bare:
    """Do commands one after another; each has an answer of its own."""
    return Bare(_answer(simulation, command) for command in commands)


def _answer(simulation: Simulation, command: list[Any]) -> list[Any]:
    try:
        return success(_do(simulation, command, 0))
    except (Refused, CarlaLiteError) as refusal:
        return failure(str(refusal))
    except _CANNOT_BE_DONE as error:
        return failure(f'command {reprlib.repr(command)}: {error}')


def _do(simulation: Simulation, command: list[Any], new_id: int) -> int:
    """
    Do one command; return the actor that it was about.

    :param new_id: stands for actor 0, "the one just made".
    """
    number, values = command[0]
    if number == _SPAWN:
        return _spawn(simulation, *values)
    actor_id = values[0] or new_id
    if number == _DESTROY:
        if not simulation.world.destroy(actor_id):
            raise Refused(f'unable to destroy actor {actor_id}: there is none that clients made')
    elif number == _WALKER_STATE:
        _set_walker(simulation, actor_id, *values[1:])
    elif number in _COMMANDS:
        _COMMANDS[number](simulation, actor_id, *values[1:])
    elif number != _AUTOPILOT:  # that one is the client's own affair
        name = 'ConsoleCommand' if number == _CONSOLE else f'number {number}'
        raise Refused(f'carla_lite does not have the command {name}')
    return actor_id


def _spawn(
    simulation: Simulation,
    description: list[Any],
    transform: list[Any],
    parent: list[Any],
    _attachment: int,
    _socket: str,
    after: list[Any],
) -> int:
    parent_id = parent[1] if parent[0] else 0
    actor = actor_calls.spawn(simulation, description, transform, parent_id)
    for command in after:
        _do_after(simulation, command, actor.id)
    return actor.id


def _do_after(simulation: Simulation, command: list[Any], new_id: int) -> None:
    """Do what ``.then`` asks for; as in CARLA nobody but the log hears of it when it fails."""
    try:
        _do(simulation, command, new_id)
    except _CANNOT_BE_DONE as error:
        text = reprlib.repr(command)
        _LOG.warning('apply_batch: actor %d was made, but then %s: %s', new_id, text, error)


def _set_walker(simulation: Simulation, actor_id: int, transform: list[Any], speed: float) -> None:
    """Put a walker somewhere, as one who walks at a speed: its legs move."""
    actor_calls.set_actor_transform(simulation, actor_id, transform)
    pose = simulation.world.actor(actor_id).pose
    direction = pose.rotation()[:, 0].tolist()
    vehicle_calls.apply_control_to_walker(simulation, actor_id, [direction, speed, False])
