"""The weather by name or by parameter."""

from collections.abc import Mapping
import difflib
from typing import Any

from seg_node.carla.errors import CarlaError


def weather_parameters(carla: Any, weather: str | Mapping[str, float]) -> Any:
    """
    Return ``carla.WeatherParameters``.

    :param carla: the client library.
    :param weather: name of a preset, or parameters that differ from ClearNoon by name.
    :raises CarlaError: for an unknown name; the text lists the known ones.
    """
    kind = carla.WeatherParameters
    presets = sorted(name for name in dir(kind) if isinstance(getattr(kind, name), kind))
    if isinstance(weather, str):
        _check_known(weather, presets, 'weather')
        return getattr(kind, weather)
    parameters = _copy_of(kind, kind.ClearNoon)
    known = _parameter_names(kind)
    for name, value in weather.items():
        _check_known(name, known, 'weather parameter')
        setattr(parameters, name, float(value))
    return parameters


def _parameter_names(kind: Any) -> list[str]:
    return [name for name in dir(kind) if not name.startswith('_') and name[0].islower()]


def _copy_of(kind: Any, preset: Any) -> Any:
    """Return parameters of one's own: the presets are shared by all of the process."""
    copy = kind()
    for name in _parameter_names(kind):
        setattr(copy, name, getattr(preset, name))
    return copy


def _check_known(name: str, known: list[str], what: str) -> None:
    if name in known:
        return
    close = difflib.get_close_matches(name, known, 1)
    hint = f'did you mean {close[0]}? Known' if close else 'known'
    raise CarlaError(f"{what} '{name}' is unknown: {hint} are {', '.join(known)}")
