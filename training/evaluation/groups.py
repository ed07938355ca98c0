"""Which pictures belong together: by town, weather, light and camera, where a set states them."""

from collections.abc import Mapping
from typing import Any

from training.data.listing import read_listing
from training.data.pairs import PairsFolder

#: Sun below this many degrees: its light comes from below the clouds, or not at all.
_LOW_SUN_DEG = 10.0


def groups_of(folder: PairsFolder) -> dict[str, dict[str, list[int]]]:
    """
    Return the pictures of each value of each fact that ``samples.jsonl`` states.

    :return: fact, value, indices of pictures; facts that no picture states are left out.
    """
    listing = read_listing(folder.folder) or {}
    groups: dict[str, dict[str, list[int]]] = {}
    for index, pair in enumerate(folder.pairs):
        for fact, value in _facts(listing.get(pair.name, {})).items():
            groups.setdefault(fact, {}).setdefault(value, []).append(index)
    return {fact: dict(sorted(values.items())) for fact, values in groups.items()}


def _facts(line: Mapping[str, Any]) -> dict[str, str]:
    """Return town, weather, light and camera as far as a line states them."""
    camera = line.get('camera')
    facts = {
        'town': line.get('town'),
        'weather': line.get('weather') or _weather(line),
        'light': _light(line.get('sun_altitude_deg')),
        'camera': camera.get('name') if isinstance(camera, Mapping) else camera,
    }
    return {fact: str(value) for fact, value in facts.items() if value not in (None, '')}


def _weather(line: Mapping[str, Any]) -> str | None:
    """Return rain, fog or dry from the amounts that drawn weather has."""
    if 'precipitation' not in line:
        return None
    if line['precipitation'] > 0:
        return 'rain'
    return 'fog' if line.get('fog', 0) > 0 else 'dry'


def _light(sun_altitude_deg: float | None) -> str | None:
    if sun_altitude_deg is None:
        return None
    if sun_altitude_deg < 0:
        return 'night'
    return 'low sun' if sun_altitude_deg < _LOW_SUN_DEG else 'day'
