"""
A car with cameras in a simulator: one tick, one shot, everything put back at the end.

    config = RigConfig(town='Town03', weather='HardRainNoon', cameras=(CameraMount('front'),))
    with open_rig(config) as rig:
        for shot in rig.shots():
            frame, tags = shot.pictures['front'], shot.tags['front']

Works with CARLA and with carla_lite. However the block ends (Ctrl-C and SIGTERM included), the
world's settings and weather are as before, and what the rig made is destroyed, and nothing else.
A town that was loaded stays.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, ExitStack
import logging
import random
import threading
from typing import Any

from seg_node.carla.actors import find_or_spawn_ego, MadeActors, spawn_places
from seg_node.carla.config import RigConfig
from seg_node.carla.connection import asking, connect, load_town, town_of, town_to_load
from seg_node.carla.driving import Driver, driver_for, put
from seg_node.carla.errors import CarlaError, ConnectError
from seg_node.carla.greeting import greet
from seg_node.carla.library import carla_library
from seg_node.carla.pairing import IncompleteError
from seg_node.carla.pose import Pose
from seg_node.carla.sensors import Sensors
from seg_node.carla.shot import LostShot, RigCounts, Shot
from seg_node.carla.snapshot import motion_of, shot_of, stamp_ns_of
from seg_node.carla.stopping import undisturbed, unwinding_on_sigterm
from seg_node.carla.synchrony import wait_for_tick, WorldSettings
from seg_node.carla.weather import weather_parameters

_log = logging.getLogger(__name__)

#: So many ticks without a complete shot are no accident any more.
_LOST_IN_A_ROW = 10
#: The first ticks after listen() may be over before the streams are connected.
_WARM_UP_TICKS = 10
#: After a lost shot: what has gone for good must not hold up everything.
_NEXT_PICTURE_TIMEOUT_S = 0.5
_WARM_UP_TIMEOUT_S = 1.0
#: Long enough to clean up, short enough when the server has gone.
_CLOSE_TIMEOUT_S = 3.0


class Rig:
    """The car, its cameras and the clock; made by :func:`open_rig`."""

    def __init__(
        self,
        config: RigConfig,
        client: Any,
        undo: ExitStack,
        hang_up: ExitStack,
        stop: threading.Event | None = None,
    ) -> None:
        """
        Set everything up; what is done is put on the stacks step by step.

        :param undo: what the server must do at the end.
        :param hang_up: what is to do at the end without a server.
        :raises CarlaError: naming what is wrong.
        """
        self.config = config
        self.counts = RigCounts()
        self._carla = carla_library()
        self._client = client
        self._chance = random.Random(config.seed)
        self._made = MadeActors(self._carla)
        self._lost_in_a_row = 0
        self._stop = stop
        self._snapshot: Any = None
        with asking('reading the world'):
            self.world = client.get_world()
            self.server_version: str = client.get_server_version()
        self._settings = WorldSettings(self.world)
        undo.callback(self._put_back)
        if config.town and (name := town_to_load(client, config.town)):
            self._change_town(name)
        if config.drives_clock:
            self._settings.go_synchronous(self.world, config.step_s)
        if config.weather:
            self.set_weather(config.weather)
        undo.callback(self._made.destroy, self._check_server)
        hang_up.callback(self._made.stop_listening)
        self._populate()
        undo.callback(self._let_go)

    @property
    def town(self) -> str:
        """Name of the town, such as ``Town03``."""
        return town_of(self.map.name)

    @property
    def map(self) -> Any:
        """The ``carla.Map``: waypoints, lane markings, crosswalks."""
        return self._map

    def tick(self) -> Shot | LostShot:
        """
        Let time go on by one step and return what the cameras saw then.

        :raises ServerLostError: when the server does not answer any more.
        :raises CarlaError: when many ticks in a row brought no complete shot.
        """
        with asking('driving'):
            self._drive()
        snapshot = self._next_snapshot()
        motion_of(snapshot, self.ego.id)  # a car that is gone is told before its cameras
        patience_s = self.config.picture_timeout_s
        if self._lost_in_a_row:
            patience_s = min(patience_s, _NEXT_PICTURE_TIMEOUT_S)
        shot = self._shot(snapshot, patience_s)
        self.counts.late = self._sensors.pairing.late
        if isinstance(shot, Shot):
            self.counts.shots += 1
            self._lost_in_a_row = 0
            return shot
        self.counts.lost[shot.reason] = self.counts.lost.get(shot.reason, 0) + 1
        self._lost_in_a_row += 1
        if self._lost_in_a_row >= _LOST_IN_A_ROW:
            raise CarlaError(
                f'{self._lost_in_a_row} ticks in a row without a complete shot ({shot.reason}): '
                "has another client reloaded the world, or destroyed the car's cameras?"
            )
        return shot

    def shots(self) -> Iterator[Shot]:
        """Tick for ever and yield the complete shots; the others stand in ``counts.lost``."""
        while True:
            shot = self.tick()
            if isinstance(shot, Shot):
                yield shot

    def set_weather(self, weather: str | Mapping[str, float]) -> None:
        """
        Change the weather, from the next tick on.

        :param weather: name of a preset, or parameters by name that differ from ClearNoon.
        :raises CarlaError: for an unknown name.
        """
        parameters = weather_parameters(self._carla, weather)
        with asking('setting the weather'):
            self._settings.weather_changed = True
            self.world.set_weather(parameters)

    def load_town(self, town: str) -> None:
        """
        Change the town; car and cameras are made anew there.

        :param town: one of :meth:`towns`.
        :raises CarlaError: when the server does not have it; the rig is as it was then.
        """
        name = town_to_load(self._client, town)
        if not name:
            return
        with asking('leaving the town'):
            self._driver.close()
            self._made.stop_listening()  # streams of another world would connect for ever
        self._change_town(name)
        self._made.forget()
        if self.config.drives_clock:
            self._settings.go_synchronous(self.world, self.config.step_s)
        self._populate()

    def towns(self) -> list[str]:
        """Return the towns that the server has."""
        with asking('looking for the towns'):
            return sorted({town_of(name) for name in self._client.get_available_maps()})

    def spawn_points(self) -> list[Pose]:
        """Return where cars may start in this town."""
        with asking('reading the spawn points'):
            return [Pose.of(place) for place in self.map.get_spawn_points()]

    def teleport(self, place: int | Pose) -> None:
        """
        Put the car somewhere, at rest; the next tick shows it there.

        :param place: index of a spawn point, or a pose of the car's origin on the ground.
        :raises CarlaError: when there is no such spawn point.
        """
        if isinstance(place, Pose):
            transform = place.transform(self._carla)
        else:
            transform = spawn_places(self.world, place, self._chance)[0]
        put(self._carla, self.ego, transform)
        self._driver.restart()

    def _change_town(self, name: str) -> None:
        """Load a town with the weather of the one before; CARLA gives each its own."""
        with asking('reading the weather'):
            weather = self.world.get_weather()
        load_town(self._client, name, self.config.timeout_s)
        with asking(f'entering {town_of(name)}'):
            self.world = self._client.get_world()
            self.world.set_weather(weather)

    def _populate(self) -> None:
        """Make or find the car, mount the cameras, and wait until they deliver."""
        carla, world, config = self._carla, self.world, self.config
        with asking('reading the map'):
            self._map = world.get_map()
        self._next_snapshot()  # who joins a synchronous world sees no actors before a tick
        self.ego = find_or_spawn_ego(carla, world, self._made, config, self._chance)
        self._sensors = Sensors(carla, world, self.ego, self._made, config.cameras, self._stop)
        self._driver: Driver = driver_for(
            carla, self._client, world, self.ego, config, self._chance
        )
        for _ in range(_WARM_UP_TICKS):
            snapshot = self._next_snapshot()
            if isinstance(self._shot(snapshot, _WARM_UP_TIMEOUT_S), Shot):
                return
        raise CarlaError(
            f'the cameras delivered nothing in {_WARM_UP_TICKS} ticks: is the server rendering '
            '(no -nullrhi), and are its stream ports (its port + 1) reachable?'
        )

    def _next_snapshot(self) -> Any:
        if not self.config.drives_clock:
            self._snapshot = wait_for_tick(self.world, self.config, self._stop)
            return self._snapshot
        with asking('ticking'):
            frame_number = self.world.tick(self.config.timeout_s)
            self._snapshot = self.world.get_snapshot()
        if self._snapshot.frame != frame_number:
            _log.debug('tick %d has the state of %d', frame_number, self._snapshot.frame)
        return self._snapshot

    def _drive(self) -> None:
        pose, speed_mps = motion_of(self._snapshot, self.ego.id)
        self._driver.step(pose, speed_mps)
        if reason := self._driver.relocated:
            self.counts.relocations[reason] = self.counts.relocations.get(reason, 0) + 1

    def _shot(self, snapshot: Any, timeout_s: float) -> Shot | LostShot:
        try:
            deliveries = self._sensors.pairing.take(snapshot.frame, timeout_s)
        except IncompleteError as error:
            return LostShot(snapshot.frame, stamp_ns_of(snapshot), str(error))
        return shot_of(snapshot, self.ego.id, self.config.cameras, deliveries)

    def _check_server(self) -> None:
        greet(self.config.host, self.config.port, _CLOSE_TIMEOUT_S)

    def _let_go(self) -> None:
        self._check_server()
        with asking('stopping the car'):
            self._driver.close()

    def _put_back(self) -> None:
        self._check_server()
        self._settings.restore(self.world)


@contextmanager
def open_rig(config: RigConfig, stop: threading.Event | None = None) -> Iterator[Rig]:
    """
    Connect, set up, and put everything back when the block ends, however it ends.

    :param stop: for programs with signal handlers of their own: no picture is waited for once it
        is set.
    :raises CarlaError: with one sentence that says what is wrong and what to do.
    """
    with unwinding_on_sigterm():
        client = connect(config.host, config.port, config.timeout_s)
        undo = ExitStack()
        with ExitStack() as hang_up:
            try:
                yield Rig(config, client, undo, hang_up, stop)
            finally:
                with undisturbed():
                    _close(client, config, undo)


def _close(client: Any, config: RigConfig, undo: ExitStack) -> None:
    """Undo all steps, unless the server has gone: each step would wait for it."""
    try:
        greet(config.host, config.port, _CLOSE_TIMEOUT_S)
    except ConnectError:
        _log.warning('the simulator does not answer: nothing could be put back there')
        return
    client.set_timeout(_CLOSE_TIMEOUT_S)
    try:
        undo.close()
    except CarlaError as error:
        _log.warning('not everything could be put back: %s', error)
