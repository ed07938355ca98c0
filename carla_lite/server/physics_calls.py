"""Calls about how a vehicle is built."""

from typing import Any

from carla_lite.protocol.limits import number_of
from carla_lite.server.actor_calls import body_of
from carla_lite.server.registry import endpoint
from carla_lite.server.simulation import Simulation
from carla_lite.world.refusal import Refused
from carla_lite.world.vehicle import STEERING_KMH, STEERING_SHARE, VehicleBody

_WHEEL_RADIUS_CM = 35.0
_MAX_RPM = 6000.0
_LIGHTEST_KG, _HEAVIEST_KG = 1e-3, 1e9
_MASS, _WHEELS = 11, 15  # places in the record
_MAX_STEER = 2  # in a wheel's


@endpoint('get_physics_control')
def get_physics_control(simulation: Simulation, actor_id: int) -> list[Any]:
    """Return how a vehicle is built; what the bicycle model does not know is CARLA's default."""
    body = body_of(simulation, actor_id, 'vehicle')
    settings = simulation.world.actor(actor_id).settings
    return settings.get('physics') or _physics_record(body)


@endpoint('apply_physics_control')
def apply_physics_control(simulation: Simulation, actor_id: int, record: list[Any]) -> None:
    """Change a vehicle; only its mass and how far its wheels turn matter to how it drives."""
    body = body_of(simulation, actor_id, 'vehicle')
    mass_kg = number_of(record[_MASS])
    angles = [number_of(wheel[_MAX_STEER]) for wheel in record[_WHEELS]]
    if not _LIGHTEST_KG <= mass_kg <= _HEAVIEST_KG:
        raise Refused(f'mass is {mass_kg}: use {_LIGHTEST_KG:g} to {_HEAVIEST_KG:g} kg')
    body.mass_kg = mass_kg
    steered = [angle for angle in angles if 0 < angle < 90]
    body.max_steer_deg = max(steered, default=body.max_steer_deg)
    simulation.world.actor(actor_id).settings['physics'] = record


@endpoint('get_telemetry_data')
def get_telemetry_data(simulation: Simulation, actor_id: int) -> list[Any]:
    """Return what the vehicle does; of the wheels only how they roll."""
    body = body_of(simulation, actor_id, 'vehicle')
    control, speed = body.control, abs(body.speed_mps)
    turn_rps = speed / (_WHEEL_RADIUS_CM / 100.0)
    wheel = [1.0, 0.0, 0.0, turn_rps, *[0.0] * 7]
    rpm = min(_MAX_RPM, 800.0 + speed * 90.0)
    gear = control.direction if control.throttle or speed else 0
    drag_n = body.drivetrain.drag_pm * body.mass_kg * speed**2
    count = 4 if body.track_m else 2
    return [
        speed, control.steer, control.throttle, control.brake, rpm, gear, drag_n, [wheel] * count
    ]  # fmt: skip


def _physics_record(body: VehicleBody) -> list[Any]:
    curve = [list(point) for point in zip(STEERING_KMH, STEERING_SHARE, strict=True)]
    gears = [[4.25, 0.5, 0.65], [2.52, 0.5, 0.65], [1.66, 0.5, 0.65], [1.22, 0.5, 0.65]]
    return [
        [[0.0, 500.0], [1890.0, 500.0], [_MAX_RPM, 440.0]], _MAX_RPM, 1.0, 0.15, 2.0, 0.35,
        True, 0.5, 10.0, 4.0, gears, body.mass_kg, 0.3, [0.0, 0.0, 0.0], curve,
        _wheels(body), True,
    ]  # fmt: skip


def _wheels(body: VehicleBody) -> list[Any]:
    """Return the wheels, front ones first; their places are the world's, in centimetres."""
    sides = (-body.track_m / 2, body.track_m / 2) if body.track_m else (0.0,)
    axes, place = body.pose.rotation(), body.pose.position()
    wheels = []
    for ahead, angle in ((body.wheelbase_m / 2, body.max_steer_deg), (-body.wheelbase_m / 2, 0.0)):
        for side in sides:
            middle = place + axes @ (ahead, side, _WHEEL_RADIUS_CM / 100.0)
            position = (100.0 * middle).tolist()
            brakes = [1500.0, 0.0 if angle else 3000.0]
            wheels.append(
                [3.5, 0.25, angle, _WHEEL_RADIUS_CM, *brakes, 2.0, 17.0, 1000.0, position]
            )
    return wheels
