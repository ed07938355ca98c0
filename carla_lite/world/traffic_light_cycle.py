"""When traffic lights are green: the groups of a junction take turns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from carla_lite.errors import CarlaLiteError
from carla_lite.town import TrafficLight

RED, YELLOW, GREEN, OFF, UNKNOWN = range(5)  # CARLA's numbers
_PHASES = (GREEN, YELLOW, RED)
_LONGEST_S = 1e6


@dataclass(frozen=True)
class Times:
    """Seconds of green, of yellow, and of red for all before the next group's turn."""

    green_s: float = 10.0
    yellow_s: float = 3.0
    red_s: float = 2.0

    def of(self, state: int) -> float:
        """Return how long a state lasts."""
        return {GREEN: self.green_s, YELLOW: self.yellow_s}.get(state, self.red_s)


@dataclass
class _Turn:
    """Whose turn it is at a junction: ``groups[at]``, and in which phase since when."""

    groups: list[int]
    at: int = 0
    phase: int = GREEN
    since_s: float = 0.0


@dataclass
class _Light:
    light: TrafficLight
    state: int
    elapsed_s: float = 0.0
    held: bool = False  # a client set it; until its group's next change


class Cycle:
    """
    All traffic lights of a town.

    No two groups of a junction are green or yellow together, unless a client sets lights by hand.
    """

    def __init__(self, lights: Sequence[TrafficLight], times: Times | None = None) -> None:
        self.frozen = False
        self._lights = {light.signal_id: _Light(light, RED) for light in lights}
        self._first_times = times or Times()
        junctions = sorted({light.junction for light in lights})
        self._turns = {
            junction: _Turn(sorted({x.group for x in lights if x.junction == junction}))
            for junction in junctions
        }
        self._times = {(light.junction, light.group): self._first_times for light in lights}
        self.reset()

    def step(self, dt_s: float) -> None:
        """Let time pass; nothing happens while frozen."""
        if self.frozen or dt_s <= 0.0:
            return
        for light in self._lights.values():
            light.elapsed_s += dt_s
        for junction, turn in self._turns.items():
            turn.since_s += dt_s
            self._advance(junction, turn)

    def state(self, signal_id: str) -> int:
        """Return 0 red, 1 yellow, 2 green, 3 off, 4 unknown."""
        return self._light(signal_id).state

    def elapsed_s(self, signal_id: str) -> float:
        """Return for how long a light has been in its state, seconds."""
        return self._light(signal_id).elapsed_s

    def times(self, signal_id: str) -> Times:
        """Return the times of a light's group."""
        return self._times[self._group(signal_id)]

    def group(self, signal_id: str) -> list[str]:
        """Return the signal ids of all lights of the same junction."""
        junction = self._light(signal_id).light.junction
        return [key for key, light in self._lights.items() if light.light.junction == junction]

    def set_times(
        self,
        signal_id: str,
        green_s: float | None = None,
        yellow_s: float | None = None,
        red_s: float | None = None,
    ) -> None:
        """
        Set the times of a light's whole group; what is ``None`` stays.

        :raises CarlaLiteError: a time is negative, too long or not a number.
        """
        given = {'green_s': green_s, 'yellow_s': yellow_s, 'red_s': red_s}
        changes = {name: float(value) for name, value in given.items() if value is not None}
        for name, value in changes.items():
            if not 0.0 <= value <= _LONGEST_S:
                raise CarlaLiteError(
                    f'A traffic light cannot have {name} = {value}: '
                    f'give 0 to {_LONGEST_S:g} seconds.'
                )
        key = self._group(signal_id)
        self._times[key] = replace(self._times[key], **changes)

    def set_state(self, signal_id: str, state: int) -> None:
        """
        Set one light by hand; it stays so until its group's next change.

        :raises CarlaLiteError: there is no such state.
        """
        if state not in range(5):
            raise CarlaLiteError(
                f'A traffic light cannot be in state {state}: '
                'use 0 red, 1 yellow, 2 green, 3 off or 4 unknown.'
            )
        light = self._light(signal_id)
        light.held = True
        _switch(light, int(state))

    def freeze(self, frozen: bool) -> None:
        """Stop all lights as they are, or let them go on."""
        self.frozen = frozen

    def reset(self) -> None:
        """Begin all over: each junction's first group is green."""
        for junction, turn in self._turns.items():
            turn.at, turn.phase, turn.since_s = 0, GREEN, 0.0
            for light in self._of(junction):
                light.elapsed_s, light.held = 0.0, False
            self._show(junction, turn)

    def _advance(self, junction: int, turn: _Turn) -> None:
        idle = 0  # phases of no length in a row: a junction with nothing but those stands still
        while idle <= len(_PHASES) * len(turn.groups):
            lasts = self._times[junction, turn.groups[turn.at]].of(turn.phase)
            if turn.since_s < lasts - 1e-9:
                break
            idle = idle + 1 if lasts == 0.0 else 0
            turn.since_s = max(0.0, turn.since_s - lasts)
            if turn.phase == RED:
                turn.at = (turn.at + 1) % len(turn.groups)
            turn.phase = _PHASES[(_PHASES.index(turn.phase) + 1) % len(_PHASES)]
            self._show(junction, turn)

    def _show(self, junction: int, turn: _Turn) -> None:
        for light in self._of(junction):
            mine = light.light.group == turn.groups[turn.at]
            if light.held and not mine:
                continue
            light.held = False
            state = turn.phase if mine else RED
            if light.state != state:
                _switch(light, state, turn.since_s)

    def _of(self, junction: int) -> list[_Light]:
        return [light for light in self._lights.values() if light.light.junction == junction]

    def _group(self, signal_id: str) -> tuple[int, int]:
        light = self._light(signal_id).light
        return light.junction, light.group

    def _light(self, signal_id: str) -> _Light:
        try:
            return self._lights[signal_id]
        except KeyError:
            raise CarlaLiteError(
                f'There is no traffic light {signal_id!r} in this town: '
                'its OpenDRIVE text names its signals.'
            ) from None


def _switch(light: _Light, state: int, since_s: float = 0.0) -> None:
    light.state, light.elapsed_s = state, since_s
