"""One running simulator: the world, the streams of its sensors, and how time passes."""

from collections.abc import Callable
import logging
import threading
import time

from carla_lite.protocol.messages import MAP_CHANGED
from carla_lite.protocol.streams import StreamServer
from carla_lite.server.cameras import Cameras, Draws
from carla_lite.server.sensors import measurements
from carla_lite.server.states import state_message
from carla_lite.town import Town
from carla_lite.weather import Weather
from carla_lite.world.refusal import Refused
from carla_lite.world.settings import Settings
from carla_lite.world.world import Numbers, World

_LOG = logging.getLogger(__name__)
_LONGEST_STEP_S = 0.1  # of asynchronous time, however late the machine is

#: A client that loads a town drops its subscription and subscribes anew. A message that comes to
#: the old subscription just then lets its threads change one table without a lock, and ends the
#: process ("close: Bad file descriptor", or a segmentation fault). So the last tick has time to be
#: dealt with before the call is answered, and nothing is sent for a moment after.
_REST_BEFORE_S = 0.05
_REST_S = 0.5

#: Makes a town by name, and what draws it, or says why not (CarlaLiteError).
BuildTown = Callable[[str], tuple[Town, Draws]]


class Simulation:
    """
    What the endpoints work on.

    Whoever reads or changes the world holds ``lock``, and only for as long as that takes. A tick
    also holds ``_ticking`` until all is published: ticks of two clients come one after another,
    and a stopped subscriber holds up ticks, but no other call.

    :param rate_hz: ticks a second in asynchronous mode.
    """

    def __init__(
        self,
        streams: StreamServer,
        build_town: BuildTown,
        town: str,
        weather: Weather,
        rate_hz: float,
    ) -> None:
        self.streams = streams
        self.lock = threading.RLock()
        self.managers: dict[int, str] = {}  # traffic managers: port -> host
        self._ticking = threading.Lock()
        self._mode_changed = threading.Condition(self.lock)
        self._build_town, self._rate_hz = build_town, rate_hz
        self._first_weather = weather
        self._numbers = Numbers(streams.open_stream, streams.close_stream)
        self.world_stream = streams.open_stream()
        made, renderer = build_town(town)
        self.world = World(made, weather, 1, self._numbers)
        self._cameras = Cameras(streams, renderer)
        self._rest_until_s = 0.0
        self._is_new_episode = False  # which the next state tells to all who listen
        self._closed = False

    def start(self) -> None:
        """Let time pass."""
        threading.Thread(target=self._run_freely, name='clock', daemon=True).start()

    def close(self) -> None:
        """Stop the clock."""
        with self.lock:
            self._closed = True
            self._mode_changed.notify_all()

    def set_settings(self, settings: Settings) -> int:
        """Change how time passes; returns the frame from which on it does."""
        with self.lock:
            self.world.settings = settings
            self._mode_changed.notify_all()
            return self.world.frame

    def tick(self) -> int:
        """Let one step pass, once those who are about to listen do; return its frame."""
        self.streams.wait_for_expected()
        return self._step(self.world.settings.fixed_delta_s or 1.0 / self._rate_hz)

    def load(self, name: str, reset_settings: bool) -> None:
        """
        Begin a new episode.

        :param name: of the town; empty for the same again.
        :raises CarlaLiteError: when there is no such town.
        """
        town, cameras = self.world.town, self._cameras
        if name and name != town.name:
            town, renderer = self._build_town(name)
            cameras = Cameras(self.streams, renderer)
        with self._ticking:
            self._cameras.finish()
            with self.lock:
                old = self.world
                old.end()
                self._cameras = cameras
                self.world = World(
                    town, self._first_weather, old.episode_id + 1, self._numbers, old.frame + 1
                )
                if not reset_settings:
                    self.world.settings = old.settings
                self._is_new_episode = True
                self._mode_changed.notify_all()
                self.streams.greet_with(self.world_stream, state_message(self.world, 0))
            time.sleep(_REST_BEFORE_S)
            self._rest_until_s = time.monotonic() + _REST_S

    def refuse_unless_open(self, stream_id: int) -> None:
        """
        Check that a stream can be had.

        :raises Refused: when it cannot.
        """
        if not self.streams.is_open(stream_id):
            raise Refused(f'there is no stream {stream_id}: its sensor may have been destroyed')

    def _run_freely(self) -> None:
        last_s = time.monotonic()
        while True:
            with self.lock:
                while self.world.settings.synchronous and not self._closed:
                    self._mode_changed.wait()
                    last_s = time.monotonic()
                if self._closed:
                    return
                fixed_s = self.world.settings.fixed_delta_s
            due_s = max(last_s + 1.0 / self._rate_hz, self._rest_until_s)
            if (wait_s := due_s - time.monotonic()) > 0.0:
                time.sleep(wait_s)
                continue  # the mode may have changed, or a new episode begun
            now_s = time.monotonic()
            try:
                self._step(fixed_s or min(now_s - last_s, _LONGEST_STEP_S), freely=True)
            except Exception:  # a fault in one tick must not stop time for good
                _LOG.exception('a tick failed')
            last_s = now_s

    def _step(self, delta_s: float, freely: bool = False) -> int:
        with self._ticking:
            must_arrive = self.world.settings.synchronous
            if freely and must_arrive:
                return self.world.frame  # the mode changed while the clock slept
            if must_arrive:
                self._cameras.finish()
            with self.lock:
                self.world.step(delta_s)
                frame = self.world.frame
                state = state_message(self.world, MAP_CHANGED if self._is_new_episode else 0)
                self._is_new_episode = False
                measured = measurements(self.world, self.streams.has_subscribers)
                if self._cameras.is_idle:  # asynchronous: slow cameras leave ticks out
                    self._cameras.shoot(self._cameras.aim(self.world), must_arrive)
            self.streams.greet_with(self.world_stream, state)
            self.streams.publish(self.world_stream, [state], must_arrive)
            for stream_id, parts in measured:
                self.streams.publish(stream_id, parts, must_arrive)
            return frame
