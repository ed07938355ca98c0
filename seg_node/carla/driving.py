"""Who drives the ego: nobody, the waypoint follower, or CARLA's traffic manager."""

import logging
import random
from typing import Any, Protocol

from seg_node.carla.actors import spawn_places
from seg_node.carla.config import RigConfig
from seg_node.carla.connection import asking
from seg_node.carla.follower import Car, WaypointFollower
from seg_node.carla.pose import Pose

_log = logging.getLogger(__name__)

#: Of a car's length; enough where the wheels' places are not known.
_WHEELBASE_SHARE = 0.6
_STEER_DEG = Car.max_steer_deg


class Driver(Protocol):
    """Moves the car on by one tick."""

    #: Why the car was put somewhere else in this step, or empty.
    relocated: str

    def step(self, pose: Pose, speed_mps: float) -> None:
        """Act before a tick."""

    def restart(self) -> None:
        """Note that the car is somewhere else now."""

    def close(self) -> None:
        """Take the hands off the wheel."""


class Standing:
    """Nobody drives."""

    relocated = ''

    def step(self, pose: Pose, speed_mps: float) -> None:
        """Do nothing."""

    def restart(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Following:
    """The waypoint follower drives; where it cannot go on the car starts again elsewhere."""

    def __init__(
        self, carla: Any, world: Any, ego: Any, config: RigConfig, chance: random.Random
    ) -> None:
        """
        Take the wheel.

        :param chance: decides at junctions and where to start again.
        """
        self._carla = carla
        self._world = world
        self._ego = ego
        self._step_s = config.step_s
        self._chance = chance
        self.relocated = ''
        with asking('reading the map'):
            self.follower = WaypointFollower(
                world.get_map(), _car_of(ego), config.speed_mps, chance
            )

    def step(self, pose: Pose, speed_mps: float) -> None:
        """Steer, or start again at a spawn point."""
        self.relocated = self.follower.trouble
        if self.relocated:
            place = spawn_places(self._world, -1, self._chance)[0]
            _log.info('%s: the car starts again at a spawn point', self.relocated)
            put(self._carla, self._ego, place)
            self.restart()
            return
        location = self._carla.Location(pose.x_m, pose.y_m, pose.z_m)
        drive = self.follower.step(location, pose, speed_mps, self._step_s)
        self._ego.apply_control(
            self._carla.VehicleControl(
                throttle=drive.throttle, steer=drive.steer, brake=drive.brake
            )
        )

    def restart(self) -> None:
        """Plan anew from where the car is."""
        self.follower.restart()

    def close(self) -> None:
        """Stop the car."""
        self._ego.apply_control(self._carla.VehicleControl(brake=1.0))


class TrafficManaged:
    """CARLA's traffic manager drives; it listens on all interfaces of this machine."""

    relocated = ''

    def __init__(self, client: Any, ego: Any, config: RigConfig) -> None:
        """Hand the car over."""
        self._ego = ego
        with asking('starting the traffic manager'):
            self._manager = client.get_trafficmanager(config.traffic_manager_port)
            self._manager.set_synchronous_mode(config.drives_clock)
            self._manager.set_random_device_seed(config.seed)
            self._port = self._manager.get_port()
            ego.set_autopilot(True, self._port)

    def step(self, pose: Pose, speed_mps: float) -> None:
        """Do nothing: the manager acts with each tick."""

    def restart(self) -> None:
        """Do nothing: the manager notices."""

    def close(self) -> None:
        """Take the car back; the manager must not wait for our ticks any more."""
        self._ego.set_autopilot(False, self._port)
        self._manager.set_synchronous_mode(False)


def driver_for(
    carla: Any, client: Any, world: Any, ego: Any, config: RigConfig, chance: random.Random
) -> Driver:
    """Return the driver that the config asks for."""
    if config.autopilot == 'waypoints':
        return Following(carla, world, ego, config, chance)
    if config.autopilot == 'traffic_manager':
        return TrafficManaged(client, ego, config)
    return Standing()


def put(carla: Any, ego: Any, transform: Any) -> None:
    """Put a car somewhere, at rest; it is there after the next tick."""
    with asking('moving the car'):
        ego.set_transform(transform)
        ego.set_target_velocity(carla.Vector3D(0.0, 0.0, 0.0))
        ego.set_target_angular_velocity(carla.Vector3D(0.0, 0.0, 0.0))


def _car_of(ego: Any) -> Car:
    with asking('measuring the car'):
        length_m = 2 * ego.bounding_box.extent.x
    return Car(_WHEELBASE_SHARE * length_m or Car.wheelbase_m, _max_steer_deg(ego))


def _max_steer_deg(ego: Any) -> float:
    try:
        angles = [wheel.max_steer_angle for wheel in ego.get_physics_control().wheels]
    except RuntimeError as error:
        _log.info('the steering angle of the car is not known, %g taken: %s', _STEER_DEG, error)
        return _STEER_DEG
    return max(angles, default=0.0) or _STEER_DEG
