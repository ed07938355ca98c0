"""Synchronous mode for as long as it is needed, and the settings as they were afterwards."""

import logging
import math
from typing import Any

from seg_node.carla.connection import asking

_log = logging.getLogger(__name__)

_MAX_SUBSTEPS = 16
_SUBSTEP_S = 0.01  # CARLA's own default

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
        self.weather_changed = False
        if settings.synchronous_mode:
            _log.warning(
                'the world is in synchronous mode already: another client drives it, or one '
                'ended without putting it back (restart the server then)'
            )

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
        with asking('setting synchronous mode'):
            _apply(world, wanted)

    def restore(self, world: Any) -> None:
        """Put back what was found; other settings that were changed meanwhile stay."""
        with asking('restoring the settings'):
            if self.weather_changed:
                world.set_weather(self._weather)
            _apply(world, self._found)


def _apply(world: Any, values: dict[str, Any]) -> None:
    settings = world.get_settings()
    for name, value in values.items():
        setattr(settings, name, value)
    world.apply_settings(settings)
