"""The loop of the camera node: tick, publish, keep the schedules, find a lost server again."""

import logging
import threading
import time
from typing import Protocol

import numpy as np
from seg_node.carla.camera_status import CameraStatus
from seg_node.carla.config import CameraMount, RigConfig
from seg_node.carla.connection import known_town, town_of
from seg_node.carla.errors import CarlaError, NoServerError, ServerLostError
from seg_node.carla.lane_marks import lane_marks_only, MapLines
from seg_node.carla.rig import open_rig, Rig
from seg_node.carla.schedule import Schedule
from seg_node.carla.shot import Shot
from seg_node.carla.tags import labels_of_tags, table_of_version

_log = logging.getLogger(__name__)

_RETRY_PERIOD_S = 0.5
#: A pace that fell behind by more is not made up for.
_MAX_BEHIND_S = 0.2


class Publisher(Protocol):
    """Where the pictures go."""

    wanted_weather: str

    @property
    def wants_labels(self) -> bool:
        """Whether somebody listens to the truth."""

    def show_time(self, stamp_ns: int) -> None:
        """Tell the simulation time."""

    def publish(self, shot: Shot, camera: CameraMount, labels: np.ndarray | None) -> None:
        """Publish a picture and its truth."""


class CameraDrive:
    """Drives until it is stopped, through towns and weathers."""

    def __init__(
        self,
        config: RigConfig,
        publisher: Publisher,
        status: CameraStatus,
        *,
        towns: Schedule,
        weathers: Schedule,
        retry_s: float,
        realtime: bool,
        marks_only: bool,
        frames: int,
    ) -> None:
        """
        Prepare; :meth:`run` does it.

        :param towns: in turn; empty stays in the config's.
        :param weathers: in turn; empty leaves it to the publisher's wish.
        :param retry_s: how long to look for a server, 0 not at all.
        :param realtime: do not run faster than the time of day.
        :param marks_only: filter the truth, see lane_marks.py.
        :param frames: end after so many; 0 for never.
        """
        self._config = config
        self._publisher = publisher
        self._status = status
        self._towns, self._weathers = towns, weathers
        self._retry_s = retry_s
        self._realtime = realtime
        self._marks_only = marks_only
        self._frames = frames
        self._weather = config.weather
        self._lines: tuple[str, MapLines] | None = None

    def run(self, stop: threading.Event) -> None:
        """
        Drive until ``stop`` is set or all frames are published.

        :raises CarlaError: when there is no server for longer than ``retry_s``, or for a fault
            that trying again does not mend.
        """
        give_up_s = time.monotonic() + self._retry_s
        while not stop.is_set():
            before = self._status.shots
            try:
                with open_rig(self._config, stop) as rig:
                    self._drive(rig, stop)
                return
            except CarlaError as error:
                if stop.is_set():  # told to end together with its simulator
                    return
                if not isinstance(error, (NoServerError, ServerLostError)):
                    raise
                if self._status.shots > before:
                    give_up_s = time.monotonic() + self._retry_s
                self._note_failure(error, give_up_s)
            stop.wait(_RETRY_PERIOD_S)

    def _note_failure(self, error: CarlaError, give_up_s: float) -> None:
        """Say once what is wrong; raise when it has lasted too long."""
        if time.monotonic() >= give_up_s:
            raise error
        if self._status.error != str(error):
            _log.warning('%s; trying again for %.0f s', error, self._retry_s)
        self._status.error = str(error)

    def _drive(self, rig: Rig, stop: threading.Event) -> None:
        self._status.server = f'CARLA {rig.server_version}'
        self._status.counts = rig.counts
        for town in self._towns.names:  # now, not when its turn comes
            known_town(town_of(town), rig.towns())
        _log.info('driving in %s, CARLA %s', rig.town, rig.server_version)
        table = table_of_version(rig.server_version)
        camera = self._config.cameras[0]
        pacer = _Pacer(self._config.step_s)
        self._weather = self._config.weather
        while not stop.is_set() and (not self._frames or self._status.shots < self._frames):
            self._follow_schedules(rig)
            shot = rig.tick()
            self._publisher.show_time(shot.stamp_ns)
            if isinstance(shot, Shot):
                labels = None
                if self._publisher.wants_labels:
                    labels = labels_of_tags(shot.tags[camera.name], table)
                    labels = self._filtered(labels, camera, shot, rig)
                self._status.note_shot(shot.stamp_ns)
                self._publisher.publish(shot, camera, labels)
            if self._realtime and self._config.drives_clock:
                pacer.wait(stop)

    def _filtered(
        self, labels: np.ndarray, camera: CameraMount, shot: Shot, rig: Rig
    ) -> np.ndarray:
        if not self._marks_only:
            return labels
        if self._lines is None or self._lines[0] != rig.town:
            self._lines = (rig.town, MapLines.of_map(rig.map))
        name = camera.name
        return lane_marks_only(
            labels, camera, shot.camera_poses[name], self._lines[1], shot.depths_m.get(name)
        )

    def _follow_schedules(self, rig: Rig) -> None:
        index = self._status.shots
        if (town := self._towns.at(index)) and town_of(town) != rig.town:
            rig.load_town(town)
            _log.info('now in %s', rig.town)
        self._status.town = rig.town
        weather = self._weathers.at(index) or self._publisher.wanted_weather
        if weather and weather != self._weather:
            rig.set_weather(weather)
            self._weather = weather
            _log.info('now %s', weather)
        self._status.weather = str(self._weather)


class _Pacer:
    """Keeps ticks apart by their simulated time."""

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._next_s = time.monotonic() + step_s

    def wait(self, stop: threading.Event) -> None:
        """Wait until the next tick is due, or the stop."""
        now_s = time.monotonic()
        self._next_s = max(self._next_s, now_s - _MAX_BEHIND_S)
        if self._next_s > now_s:
            stop.wait(self._next_s - now_s)
        self._next_s += self._step_s
