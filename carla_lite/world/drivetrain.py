"""How fast a vehicle goes next: engine, brakes, drag and slopes along its own axis."""

from dataclasses import dataclass
import math

from carla_lite.world.controls import AckermannControl, VehicleControl

GRAVITY_MPS2 = 9.81
GRIP_MPS2 = 0.9 * GRAVITY_MPS2  # what dry tyres hold in any direction
_ROLLING_MPS2 = 0.15
_ENGINE_BRAKE_MPS2 = 0.4
_HILL_HOLD_MPS2 = 1.5  # an automatic gearbox in gear holds a 15 % slope
_HAND_BRAKE_MPS2 = 6.0
_FASTEST_BACKWARDS_MPS = 8.0
_SPEED_GAIN = 2.0  # m/s² for each m/s that an Ackermann target is away


@dataclass(frozen=True)
class Drivetrain:
    """
    What a kind of vehicle can do, each for its own weight.

    :param pull_mps2: at low speed; ``power_wpkg`` limits it further up.
    :param drag_pm: 1/m: deceleration by air is this times speed squared.
    """

    pull_mps2: float = 5.0
    power_wpkg: float = 60.0
    brake_mps2: float = 8.0
    drag_pm: float = 4e-4


DRIVETRAINS = {
    'car': Drivetrain(),
    'van': Drivetrain(3.5, 35.0, 7.5, 5e-4),
    'truck': Drivetrain(2.5, 20.0, 6.5, 6e-4),
    'bus': Drivetrain(2.0, 15.0, 6.5, 6e-4),
    'motorcycle': Drivetrain(6.5, 120.0, 7.5, 9e-4),
    'bicycle': Drivetrain(1.5, 4.0, 5.0, 2.5e-3),
}


def drive(
    drivetrain: Drivetrain, control: VehicleControl, speed: float, slope_mps2: float, dt_s: float
) -> tuple[float, float]:
    """
    Return the speed after dt, m/s, positive forwards, and the way until then, m.

    What resists never turns the motion round: it stops it, exactly.

    :param slope_mps2: gravity's pull along the vehicle's nose, negative uphill.
    """
    net = _pull(drivetrain, control, speed) + slope_mps2
    resistance = _resistance(drivetrain, control, speed)
    if speed == 0.0:
        idle = _HILL_HOLD_MPS2 if control.throttle == 0.0 and control.direction else 0.0
        return _start(net, resistance + idle, resistance, dt_s)
    sign = math.copysign(1.0, speed)
    after = speed + (net - sign * resistance) * dt_s
    if after * sign > 0.0:
        return after, (speed + after) / 2 * dt_s
    stopped_s = speed / (sign * resistance - net)
    after, way = _start(net, resistance, resistance, dt_s - stopped_s)
    return after, way + speed / 2 * stopped_s


def _start(net: float, hold: float, resistance: float, dt_s: float) -> tuple[float, float]:
    """Return the speed that a standing vehicle reaches, and its way."""
    if abs(net) <= hold:
        return 0.0, 0.0
    speed = math.copysign(abs(net) - resistance, net) * dt_s
    return speed, speed / 2 * dt_s


def _pull(drivetrain: Drivetrain, control: VehicleControl, speed: float) -> float:
    if control.direction < 0 and speed <= -_FASTEST_BACKWARDS_MPS:
        return 0.0
    limit = min(drivetrain.pull_mps2, drivetrain.power_wpkg / max(abs(speed), 0.1))
    return control.direction * control.throttle * limit


def _resistance(drivetrain: Drivetrain, control: VehicleControl, speed: float) -> float:
    brakes = control.brake * drivetrain.brake_mps2 + control.hand_brake * _HAND_BRAKE_MPS2
    engine = _ENGINE_BRAKE_MPS2 if control.throttle == 0.0 and control.direction else 0.0
    return min(brakes, GRIP_MPS2) + _ROLLING_MPS2 + engine + drivetrain.drag_pm * speed * speed


def pedals_for(
    drivetrain: Drivetrain, target: AckermannControl, steer: float, speed: float
) -> VehicleControl:
    """
    Return the pedals that bring a vehicle towards a speed.

    :param steer: -1..1, already worked out.
    """
    backwards = target.speed < 0.0 or (target.speed == 0.0 and speed < 0.0)
    sign = -1.0 if backwards else 1.0
    limit = abs(target.acceleration) or drivetrain.brake_mps2
    wanted = max(-limit, min(limit, _SPEED_GAIN * (target.speed - speed) * sign))
    if target.speed == 0.0 and abs(speed) < 0.1:
        return VehicleControl(steer=steer, brake=1.0)
    needed = wanted + _ROLLING_MPS2 + drivetrain.drag_pm * speed * speed
    if needed < 0.0:
        return VehicleControl(
            steer=steer, brake=min(1.0, -needed / drivetrain.brake_mps2), reverse=backwards
        )
    most = abs(_pull(drivetrain, VehicleControl(1.0, reverse=backwards), speed)) or math.inf
    return VehicleControl(min(1.0, needed / most), steer, reverse=backwards)
