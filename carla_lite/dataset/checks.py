"""What the settings of a data set may be, checked before anything is drawn."""

from dataclasses import fields, is_dataclass
from typing import Any

from carla_lite.dataset.settings import Settings
from carla_lite.errors import CarlaLiteError
from carla_lite.towns import TOWN_NAMES

#: Least and most of each number, by its key; all others are shares.
_BOUNDS: dict[str, tuple[float, float]] = {
    'seed': (0, 2**31 - 1),
    'width': (32, 4096),
    'height': (32, 4096),
    'frames_per_town': (1, 10_000),
    'traffic': (0, 100),
    'lens_strength': (0, 5),
    'jpeg_quality': (1, 100),
    'camera.height_m': (0.05, 50),
    'camera.low_height_m': (0.05, 50),
    'camera.track_height_m': (0.02, 50),
    'camera.side_m': (-20, 20),
    'camera.yaw_deg': (-180, 180),
    'camera.astray_deg': (-180, 180),
    'camera.pitch_deg': (-89, 89),
    'camera.track_pitch_deg': (-89, 89),
    'camera.roll_deg': (-180, 180),
    'camera.fov_deg': (5, 170),
}
_SHARE = (0.0, 1.0)


def check_settings(settings: Settings) -> None:
    """
    Refuse what cannot be drawn.

    :raises CarlaLiteError: names the key, its value and what it takes.
    """
    _check_towns(settings.towns)
    _check_all(settings, '')


def _check_towns(towns: Any) -> None:
    takes = f'give one or more of {", ".join(TOWN_NAMES)} a share of 0 or more, one of them above'
    known = isinstance(towns, dict) and set(towns) <= set(TOWN_NAMES)
    if not known or not all(_is_number(share, 0, 1e6) for share in towns.values()):
        raise CarlaLiteError(f'towns is {towns!r}: {takes}')
    if not sum(towns.values()) > 0:
        raise CarlaLiteError(f'towns leaves nothing to draw: {takes}')


def _check_all(values: Any, prefix: str) -> None:
    usual = type(values)()
    for part in fields(values):
        key, value, default = (
            prefix + part.name,
            getattr(values, part.name),
            getattr(usual, part.name),
        )
        if is_dataclass(value):
            _check_all(value, f'{key}.')
        elif key != 'towns' and (takes := _what_it_takes(value, default, key)):
            raise CarlaLiteError(f'{key} is {value!r}: use {takes}')


def _what_it_takes(value: Any, default: Any, key: str) -> str:
    """Return what a value should have been; empty for a good one."""
    if isinstance(default, bool):
        return '' if isinstance(value, bool) else 'true or false'
    low, high = _BOUNDS.get(key, _SHARE)
    span = f'{low:g} to {high:,}'
    if isinstance(default, tuple):
        good = isinstance(value, tuple) and len(value) == 2
        good = good and all(_is_number(end, low, high) for end in value) and value[0] <= value[1]
        return '' if good else f'two numbers of {span}, the smaller first'
    if isinstance(default, int):
        whole = isinstance(value, int) and _is_number(value, low, high)
        return '' if whole else f'a whole number of {span}'
    return '' if _is_number(value, low, high) else f'a number of {span}'


def _is_number(value: Any, low: float, high: float) -> bool:
    """Return whether it is one within its bounds; NaN is in none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
