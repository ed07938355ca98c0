"""Who makes the time go on: synchronous mode while it is needed, or the ticks of another."""

import contextlib
import logging
import math
import threading
import time
from typing import Any

from seg_node.carla.config import RigConfig
from seg_node.carla.connection import asking
from seg_node.carla.errors import ConnectError, NoTicksError, ServerLostError
from seg_node.carla.greeting import greet

_log = logging.getLogger(__name__)

_MAX_SUBSTEPS = 16
_SUBSTEP_S = 0.01  # CARLA's own default
_GREET_TIMEOUT_S = 3.0
_NOTICE_S = 0.5
_LEAST_S = 0.01

#: What a rig changes, and so restores.
_CHANGED = (
    'synchronous_mode',
    'fixed_delta_seconds',
    'substepping',
    'max_substeps',
    'max_substep_delta_time',
    'no_rendering_mode',
)


class WorldSettings:
    """The settings that were found, to be put back."""

    def __init__(self, world: Any) -> None:
        """
        Remember the settings of a world.

        :param world: ``carla.World``.
        """
        with asking('reading the settings'):
            settings = world.get_settings()
            self._weather = world.get_weather()
        self._found = {name: getattr(settings, name) for name in _CHANGED}
        self._ours = False  # whether we have changed them, and so are to put them back
        self.weather_changed = False

    def go_synchronous(self, world: Any, step_s: float) -> None:
        """
        Let time go on by ticks only.

        :param step_s: simulated seconds a tick.
        """
        substep_s = max(_SUBSTEP_S, step_s / _MAX_SUBSTEPS)
        wanted = {
            'synchronous_mode': True,
            'fixed_delta_seconds': step_s,
            'substepping': True,
            'max_substep_delta_time': substep_s,
            'max_substeps': min(_MAX_SUBSTEPS, math.ceil(step_s / substep_s - 1e-9)),
            'no_rendering_mode': False,
        }
        if not self._ours and self._found['synchronous_mode']:
            _log.warning(
                'the world is in synchronous mode already: another client drives it, or one '
                'ended without putting it back (restart the server then)'
            )
        self._ours = True
        with asking('setting synchronous mode'):
            _apply(world, wanted)

    def restore(self, world: Any) -> None:
        """Put back what we have changed; what others changed meanwhile stays."""
        with asking('restoring the settings'):
            if self.weather_changed:
                world.set_weather(self._weather)
            if self._ours:
                _apply(world, self._found)


def wait_for_tick(world: Any, config: RigConfig, stop: threading.Event | None = None) -> Any:
    """
    Return the ``carla.WorldSnapshot`` of the next tick, which another client makes.

    :param stop: ends the waiting when it is set.
    :raises NoTicksError: when none comes although the server is there, or before the stop.
    :raises ServerLostError: when the server is not there any more.
    """
    end_s = time.monotonic() + config.timeout_s
    while True:
        # In parts: within the client neither a stop nor Ctrl-C is noticed, and who is told to end
        # and does not is killed, with all that it made left in the simulator.
        begin_s = time.monotonic()
        part_s = max(_LEAST_S, min(_NOTICE_S, end_s - begin_s))
        try:
            with asking('waiting for a tick'):
                return world.wait_for_tick(part_s)
        except ServerLostError:
            if stop is not None and stop.is_set():
                raise NoTicksError('told to end before a tick came') from None
            now_s = time.monotonic()
            if now_s < end_s and now_s - begin_s > part_s / 2:  # else it was no time-out
                continue
            _tell_no_ticks(config)
            raise


def _tell_no_ticks(config: RigConfig) -> None:
    """
    Return if the server is not there.

    :raises NoTicksError: if it is.
    """
    with contextlib.suppress(ConnectError):
        greet(config.host, config.port, min(config.timeout_s, _GREET_TIMEOUT_S))
        raise NoTicksError(
            f'nobody ticks the simulator: no tick came within {config.timeout_s:g} s, and '
            'drives_clock is false; start the client that ticks, or set drives_clock to true'
        ) from None


def _apply(world: Any, values: dict[str, Any]) -> None:
    settings = world.get_settings()
    for name, value in values.items():
        setattr(settings, name, value)
    world.apply_settings(settings)
