"""Calls about vehicles and walkers: driving, walking, lamps."""

from typing import Any

from carla_lite.protocol.limits import number_of
from carla_lite.protocol.records import (
    ackermann_control_of,
    vehicle_control_of,
    walker_control_of,
)
from carla_lite.server.actor_calls import array_of, body_of
from carla_lite.server.registry import endpoint
from carla_lite.server.simulation import Simulation

_ACKERMANN_CONTROLLER = [0.15, 0.0, 0.25, 0.01, 0.0, 0.01]  # CARLA's gains of speed, acceleration

_UINT32 = 2**32 - 1


@endpoint('apply_control_to_vehicle')
def apply_control_to_vehicle(simulation: Simulation, actor_id: int, record: list[Any]) -> None:
    """Set pedals and wheel."""
    body_of(simulation, actor_id, 'vehicle').control = vehicle_control_of(record)


@endpoint('apply_ackermann_control_to_vehicle')
def apply_ackermann_control_to_vehicle(
    simulation: Simulation, actor_id: int, record: list[Any]
) -> None:
    """Set a speed and an angle of the wheels to reach."""
    body_of(simulation, actor_id, 'vehicle').set_ackermann(ackermann_control_of(record))


@endpoint('get_ackermann_controller_settings')
def get_ackermann_controller_settings(simulation: Simulation, actor_id: int) -> list[float]:
    """Return the gains that were set; the bicycle model reaches speeds without them."""
    return simulation.world.actor(actor_id).settings.get('ackermann', _ACKERMANN_CONTROLLER)


@endpoint('apply_ackermann_controller_settings')
def apply_ackermann_controller_settings(
    simulation: Simulation, actor_id: int, record: list[float]
) -> None:
    """Keep the gains."""
    simulation.world.actor(actor_id).settings['ackermann'] = [number_of(gain) for gain in record]


@endpoint('apply_control_to_walker')
def apply_control_to_walker(simulation: Simulation, actor_id: int, record: list[Any]) -> None:
    """Set where a walker goes, and how fast."""
    body_of(simulation, actor_id, 'walker').control = walker_control_of(record)


@endpoint('set_actor_target_angular_velocity')
def set_actor_target_angular_velocity(
    simulation: Simulation, actor_id: int, velocity: list[Any]
) -> None:
    """Let a vehicle turn, degrees a second."""
    body_of(simulation, actor_id, 'vehicle').set_target_angular_velocity(array_of(velocity))


@endpoint('enable_actor_constant_velocity')
def enable_actor_constant_velocity(
    simulation: Simulation, actor_id: int, velocity: list[Any]
) -> None:
    """Hold a vehicle at a velocity in its own axes."""
    body_of(simulation, actor_id, 'vehicle').set_constant_velocity(array_of(velocity))


@endpoint('disable_actor_constant_velocity')
def disable_actor_constant_velocity(simulation: Simulation, actor_id: int) -> None:
    """Let a vehicle go."""
    body_of(simulation, actor_id, 'vehicle').set_constant_velocity(None)


@endpoint('add_actor_force')
def add_actor_force(simulation: Simulation, actor_id: int, force: list[Any]) -> None:
    """Push a vehicle during the next tick, N."""
    body_of(simulation, actor_id, 'vehicle').add_force(array_of(force))


@endpoint('add_actor_angular_impulse')
def add_actor_angular_impulse(simulation: Simulation, actor_id: int, impulse: list[Any]) -> None:
    """Turn a vehicle by a push."""
    body_of(simulation, actor_id, 'vehicle').add_angular_impulse(array_of(impulse))


@endpoint('set_vehicle_light_state')
def set_vehicle_light_state(simulation: Simulation, actor_id: int, record: list[int]) -> None:
    """Switch a vehicle's lamps."""
    set_lamps(simulation, actor_id, record[0])


def set_lamps(simulation: Simulation, actor_id: int, flags: int) -> None:
    """Switch a vehicle's lamps, by CARLA's flags."""
    body_of(simulation, actor_id, 'vehicle')
    simulation.world.actor(actor_id).lights = int(number_of(flags)) & _UINT32


@endpoint('get_vehicle_light_state')
def get_vehicle_light_state(simulation: Simulation, actor_id: int) -> list[int]:
    """Return which of a vehicle's lamps burn."""
    return [simulation.world.actor(actor_id).lights]


@endpoint('get_vehicle_light_states')
def get_vehicle_light_states(simulation: Simulation) -> list[list[int]]:
    """Return which lamps burn, of all vehicles."""
    actors = simulation.world.actors.values()
    return [[actor.id, actor.lights] for actor in actors if actor.kind.startswith('vehicle.')]


@endpoint(
    'open_vehicle_door',
    'close_vehicle_door',
    'set_wheel_steer_direction',
    'set_wheel_pitch_angle',
    'show_vehicle_debug_telemetry',
)
def only_for_the_eye(simulation: Simulation, actor_id: int, *_arguments: Any) -> None:
    """Accept what only changes how a vehicle looks; nothing here does."""
    body_of(simulation, actor_id, 'vehicle')


@endpoint('get_wheel_steer_angle')
def get_wheel_steer_angle(simulation: Simulation, actor_id: int, wheel: int = 0) -> float:
    """Return the angle of a front wheel, degrees; rear wheels do not turn."""
    body = body_of(simulation, actor_id, 'vehicle')
    return body.steer_deg if wheel < 2 else 0.0


@endpoint('get_wheel_pitch_angle')
def get_wheel_pitch_angle(simulation: Simulation, actor_id: int, _wheel: int = 0) -> float:
    """Return zero: wheels do not roll."""
    body_of(simulation, actor_id, 'vehicle')
    return 0.0
