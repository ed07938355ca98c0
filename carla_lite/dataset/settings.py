"""What is drawn for a data set, and how much of each."""

from dataclasses import asdict, dataclass, field, fields, replace
import json
from pathlib import Path
from typing import Any

from carla_lite.errors import CarlaLiteError
from carla_lite.render.ingredients import Ingredients

_Range = tuple[float, float]
APPROACH_M = 25.0


@dataclass(frozen=True)
class CameraRanges:
    """
    Where cameras are put, each value drawn evenly between two ends.

    :param height_m: over the road, in a town of full size; a tenth-scale track has its own.
    :param low_share: share of the cameras at ``low_height_m`` instead: bumpers and robots.
    :param approach_share: share of the cameras that are put up to ``APPROACH_M`` before the end of
        a lane, where stop lines, arrows and crosswalks are.
    :param side_m: sideways off the lane's middle.
    :param yaw_deg: off the lane's direction; ``astray_share`` of them look ``astray_deg`` off.
    """

    height_m: _Range = (0.9, 2.6)
    low_share: float = 0.2
    low_height_m: _Range = (0.25, 0.9)
    track_height_m: _Range = (0.1, 0.35)
    side_m: _Range = (-1.0, 1.0)
    yaw_deg: _Range = (-7.0, 7.0)
    astray_share: float = 0.15
    astray_deg: _Range = (-35.0, 35.0)
    pitch_deg: _Range = (-16.0, 2.0)
    track_pitch_deg: _Range = (-32.0, -6.0)
    roll_deg: _Range = (-2.5, 2.5)
    fov_deg: _Range = (55.0, 115.0)
    approach_share: float = 0.0


@dataclass(frozen=True)
class WeatherShares:
    """Shares of hours and weathers; what remains is a clear or cloudy day."""

    night: float = 0.12
    dusk: float = 0.12
    rain: float = 0.15
    fog: float = 0.1
    overcast: float = 0.3


@dataclass(frozen=True)
class Settings:
    """
    A data set of rendered pairs.

    :param towns: kinds of towns and how often each is drawn, relative to each other.
    :param frames_per_town: samples of one town before the next is built from another seed.
    :param traffic: most vehicles near the camera.
    :param bonnet_share: share of the cameras that see their own car's bonnet.
    :param lens_strength: 1 for usual cameras' faults, 0 for none.
    :param riders: share of motorcycles and bicycles in the traffic.
    :param dark_walks: share of the looks whose sidewalks are as dark as the road and hardly
        another colour, as tarmac pavements are.
    :param usual_look: one plain look instead of a new one for each picture.
    """

    seed: int = 1
    width: int = 512
    height: int = 288
    towns: dict[str, float] = field(
        default_factory=lambda: {
            'LiteTown': 0.36, 'LiteLoop': 0.14, 'LiteHighway': 0.14, 'LiteCountry': 0.14,
            'LiteTrack': 0.22,
        }
    )  # fmt: skip
    frames_per_town: int = 20
    traffic: int = 8
    riders: float = 0.1
    dark_walks: float = 0.0
    bonnet_share: float = 0.12
    lens_strength: float = 1.0
    usual_look: bool = False
    jpeg_quality: int = 92
    camera: CameraRanges = field(default_factory=CameraRanges)
    weather: WeatherShares = field(default_factory=WeatherShares)
    ingredients: Ingredients = field(default_factory=Ingredients)

    def without(self, name: str) -> 'Settings':
        """
        Return the settings with one ingredient left out, for an ablation.

        :raises CarlaLiteError: for a name that is none.
        """
        whole: dict[str, dict[str, Any]] = {
            'looks': {'usual_look': True},
            'faults': {'lens_strength': 0.0},
            'traffic': {'traffic': 0},
            'bonnet': {'bonnet_share': 0.0},
            'cameras': {'camera': CameraRanges(
                (1.4, 1.4), 0.0, side_m=(0, 0), yaw_deg=(0, 0), astray_share=0.0,
                pitch_deg=(-6, -6), track_pitch_deg=(-18, -18), roll_deg=(0, 0), fov_deg=(90, 90),
            )},
            'hours': {'weather': replace(self.weather, night=0.0, dusk=0.0)},
        }  # fmt: skip
        whole |= {f'town:{town}': {'towns': _rest(self.towns, town)} for town in self.towns}
        whole |= {
            part.name: {'ingredients': replace(self.ingredients, **{part.name: False})}
            for part in fields(Ingredients)
        }
        if name not in whole:
            raise CarlaLiteError(
                f'nothing is called {name!r}: leave out one of {", ".join(whole)}'
            )
        return replace(self, **whole[name])

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain values, ready for JSON."""
        return asdict(self)


def _rest(towns: dict[str, float], left_out: str) -> dict[str, float]:
    return {name: share for name, share in towns.items() if name != left_out}


def read_settings(path: Path) -> Settings:
    """
    Read settings from a JSON file; what it leaves out keeps its default.

    :raises CarlaLiteError: for a missing or malformed file, or a key that is unknown.
    """
    try:
        values = json.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise CarlaLiteError(f'{path} cannot be read: {error.strerror}') from error
    except ValueError as error:  # also text that is no UTF-8
        raise CarlaLiteError(f'{path} is no JSON: {error}') from error
    return _filled(Settings, values, str(path))


def _filled(kind: type, values: Any, where: str) -> Any:
    if not isinstance(values, dict):
        raise CarlaLiteError(f'{where}: expected keys and values')
    parts = {'camera': CameraRanges, 'weather': WeatherShares, 'ingredients': Ingredients}
    if kind is not Settings:
        parts = {}
    known = {part.name for part in fields(kind)}
    if unknown := sorted(set(values) - known):
        raise CarlaLiteError(f'{where}: unknown {", ".join(unknown)}; known: {sorted(known)}')
    made = {
        key: _filled(parts[key], value, f'{where}: {key}')
        if key in parts
        else tuple(value)
        if isinstance(value, list)
        else value
        for key, value in values.items()
    }
    return kind(**made)
