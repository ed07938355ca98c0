"""What drivers and walkers ask for, in CARLA's units and order of fields."""

from dataclasses import dataclass
import math


@dataclass(frozen=True)
class VehicleControl:
    """
    Pedals and wheel.

    :param throttle: 0..1, as ``brake``; ``steer`` -1 left .. 1 right.
    :param gear: counts only with ``manual_gear_shift``: -1 reverse, 0 neutral.
    """

    throttle: float = 0.0
    steer: float = 0.0
    brake: float = 0.0
    hand_brake: bool = False
    reverse: bool = False
    manual_gear_shift: bool = False
    gear: int = 0

    def clamped(self) -> 'VehicleControl':
        """Return the same within its ranges; what is not a number counts as zero."""
        return VehicleControl(
            _clamp(self.throttle, 0.0),
            _clamp(self.steer, -1.0),
            _clamp(self.brake, 0.0),
            bool(self.hand_brake),
            bool(self.reverse),
            bool(self.manual_gear_shift),
            int(self.gear),
        )

    @property
    def direction(self) -> int:
        """1 forwards, -1 backwards, 0 in neutral."""
        if self.manual_gear_shift:
            return (self.gear > 0) - (self.gear < 0)
        return -1 if self.reverse else 1


@dataclass(frozen=True)
class AckermannControl:
    """
    Speed and wheel angle to reach.

    :param steer: radians of the wheels, positive right; ``steer_speed`` rad/s, 0 at once.
    :param speed: m/s, negative backwards; ``acceleration`` m/s², 0 the controller's own.
    :param jerk: kept for the wire; the speed controller does not use it.
    """

    steer: float = 0.0
    steer_speed: float = 0.0
    speed: float = 0.0
    acceleration: float = 0.0
    jerk: float = 0.0


@dataclass(frozen=True)
class WalkerControl:
    """
    Where a walker goes.

    :param direction: x, y, z of any length; ``speed`` m/s.
    """

    direction: tuple[float, float, float] = (1.0, 0.0, 0.0)
    speed: float = 0.0
    jump: bool = False


def _clamp(value: float, low: float) -> float:
    return min(1.0, max(low, value)) if math.isfinite(value) else 0.0
