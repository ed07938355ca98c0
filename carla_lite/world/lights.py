"""Traffic lights as actors, and which of them a vehicle stands at."""

from collections.abc import Callable, Sequence
import math

from carla_lite.pose import Pose
from carla_lite.town import TrafficLight
from carla_lite.world.actors import Actor, Vector
from carla_lite.world.refusal import Refused
from carla_lite.world.traffic_light_cycle import Cycle
import numpy as np

_PAST_LINE_M = 1.5  # so far past the line a vehicle still stands at it
_LANE_HALF_M = 1.75
_MIN_REACH_M = 4.0
_BRAKING_MPS2 = 4.0  # a vehicle sees a light as early as it must to stop gently
_MAX_TURN_DEG = 60.0
_VOLUME_HALF: Vector = (_MIN_REACH_M, _LANE_HALF_M, 2.0)


class TrafficLights:
    """
    The lights of a town.

    :param add: makes an actor at a pose.
    """

    def __init__(self, lights: Sequence[TrafficLight], add: Callable[[Pose], Actor]) -> None:
        self.cycle = Cycle(lights)
        self._actors = [add(light.pose) for light in lights]
        self._lights = {actor.id: light for actor, light in zip(self._actors, lights, strict=True)}
        self._ids = {light.signal_id: number for number, light in self._lights.items()}
        for actor, light in zip(self._actors, lights, strict=True):
            actor.box = _volume(light)
        stops = [light.stop for light in lights]
        self._stops = np.array([[stop.x, stop.y, stop.z] for stop in stops]).reshape(-1, 3)
        yaws = np.radians([stop.yaw for stop in stops])
        self._ways = np.stack([np.cos(yaws), np.sin(yaws)], axis=1)

    def step(self, delta_s: float) -> None:
        """Let time pass."""
        self.cycle.step(delta_s)

    def signal(self, actor: Actor) -> str:
        """
        Return the signal id of a light.

        :raises Refused: when the actor is none.
        """
        if actor.id not in self._lights:
            raise Refused(f'actor {actor.id} is a {actor.kind}, not a traffic light')
        return self._lights[actor.id].signal_id

    def group(self, actor: Actor) -> list[int]:
        """Return the actors of all lights of the same junction."""
        return [self._ids[signal] for signal in self.cycle.group(self.signal(actor))]

    def poles(self) -> list[tuple[Actor, int]]:
        """Return each light and its state."""
        return [
            (actor, self.cycle.state(self._lights[actor.id].signal_id)) for actor in self._actors
        ]

    def report(self, actor: Actor) -> tuple[str, Vector, float, int, bool, int]:
        """Return signal, times of green, yellow and red, elapsed time, pole, frozen, state."""
        signal, cycle = self.signal(actor), self.cycle
        times = cycle.times(signal)
        pole = self.group(actor).index(actor.id)
        return (
            signal,
            (times.green_s, times.yellow_s, times.red_s),
            cycle.elapsed_s(signal),
            pole,
            cycle.frozen,
            cycle.state(signal),
        )

    def governing(self, vehicle: Actor) -> tuple[int, int] | None:
        """Return the light that a vehicle stands at or drives up to, and its state."""
        if not self._actors:
            return None
        pose, speed = vehicle.pose, math.hypot(*vehicle.velocity)
        to_line = self._stops - (pose.x, pose.y, pose.z)
        along = np.einsum('nk,nk->n', to_line[:, :2], self._ways)
        aside = np.abs(self._ways[:, 0] * to_line[:, 1] - self._ways[:, 1] * to_line[:, 0])
        yaw = math.radians(pose.yaw)
        facing = self._ways @ (math.cos(yaw), math.sin(yaw))
        nose_m = along - vehicle.box[1][0]
        reach_m = _MIN_REACH_M + speed * speed / (2.0 * _BRAKING_MPS2)
        near = (
            (nose_m > -_PAST_LINE_M)
            & (nose_m < reach_m)
            & (aside < _LANE_HALF_M)
            & (np.abs(to_line[:, 2]) < 3.0)
            & (facing > math.cos(math.radians(_MAX_TURN_DEG)))
        )
        if not near.any():
            return None
        actor = self._actors[int(np.argmin(np.where(near, nose_m, np.inf)))]
        return actor.id, self.cycle.state(self._lights[actor.id].signal_id)


def _volume(light: TrafficLight) -> tuple[Vector, Vector]:
    """Return the box before the stop line, in the light's own coordinates."""
    middle = light.stop.then(Pose(x=-_VOLUME_HALF[0], z=_VOLUME_HALF[2]))
    local = np.linalg.inv(light.pose.matrix()) @ np.append(middle.position(), 1.0)
    return (float(local[0]), float(local[1]), float(local[2])), _VOLUME_HALF
