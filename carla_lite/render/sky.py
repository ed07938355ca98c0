"""The sky behind everything: gradient, sun and clouds."""

from functools import cache

from carla_lite.render.light import Daylight
from carla_lite.render.noise import as_shares, fractal_noise, tiled
from carla_lite.render.picture import CameraView, planes
from carla_lite.weather import Weather
import numpy as np

_BLUE = np.array([205, 150, 100], np.float32)
_HAZE = np.array([232, 224, 212], np.float32)
_CLOUD = np.array([205, 203, 200], np.float32)
_DARK = np.array([26, 17, 12], np.float32)
_DUSK = np.array([105, 150, 225], np.float32)
_CLOUD_PX = 512


_CLOUDS = 5


@cache
def _clouds(seed: int) -> np.ndarray:
    return as_shares(fractal_noise(np.random.default_rng([seed, 13]), _CLOUD_PX, 60.0))


class Sky:
    """
    Skies over one town.

    :param seed: of the clouds and the air's colours.
    :param indoors: there is a ceiling instead.
    """

    def __init__(self, seed: int, indoors: bool = False) -> None:
        self._clouds = _clouds(seed % _CLOUDS)
        rng = np.random.default_rng([seed, 11])
        self._haze: np.ndarray = _HAZE * rng.uniform(0.85, 1.06)
        self._blue: np.ndarray = np.clip(_BLUE * rng.uniform(0.8, 1.2, 3), 0, 250).astype(
            np.float32
        )
        self._indoors = indoors
        if indoors:
            self._haze = rng.uniform(20, 200) * rng.uniform(0.85, 1.15, 3)
            self._blue = rng.uniform(60, 230) * rng.uniform(0.9, 1.1, 3)

    def horizon(self, weather: Weather, light: Daylight) -> np.ndarray:
        """Return (3,) BGR 0..255 of the air near the horizon: what fog fades to."""
        clouds = np.clip(weather.cloudiness / 100, 0, 1)
        day = self._haze * (1 - 0.25 * clouds)
        low = np.clip(1 - abs(weather.sun_altitude_angle) / 14, 0, 1) * (1 - clouds)
        day = day * (1 - 0.6 * low) + 0.6 * low * _DUSK
        return ((1 - light.night) * day + light.night * _DARK * 1.6).astype(np.float32)

    def draw(self, view: CameraView, weather: Weather, light: Daylight, rows: range) -> np.ndarray:
        """
        Return some rows of the sky, (3, h, W) float32 BGR 0..255.

        :param rows: of the view.
        """
        columns = np.arange(view.width, dtype=np.float32)
        right = (columns + 0.5 - view.width / 2) / np.float32(view.focal_px)
        up = (view.height / 2 - 0.5 - np.asarray(rows, np.float32)) / np.float32(view.focal_px)
        rotation = view.pose.rotation().astype(np.float32)
        x, y, z = (row[0] + row[1] * right[None] + row[2] * up[:, None] for row in rotation)
        length = np.sqrt(x * x + y * y + z * z)
        rise = np.clip(z / length, 0.0, 1.0)
        horizon = self.horizon(weather, light)
        if self._indoors:
            return planes(horizon) + np.sqrt(rise) * planes(self._blue - horizon)
        zenith = (1 - light.night) * self._blue + light.night * _DARK
        picture = planes(horizon) + np.sqrt(rise) * planes(zenith - horizon)
        self._add_sun(picture, (x * light.to_sun[0] + y * light.to_sun[1] + z * light.to_sun[2])
                      / length, weather, light)  # fmt: skip
        if weather.cloudiness > 1:
            self._add_clouds(picture, x, y, z, weather, light)
        return picture

    @staticmethod
    def _add_sun(
        picture: np.ndarray, cosine: np.ndarray, weather: Weather, light: Daylight
    ) -> None:
        strength = float(light.sun.mean()) * (1 - weather.cloudiness / 130)
        if strength > 0.01:
            wide = np.square(np.square(np.square(np.maximum(cosine, 0.0))))
            glow = 40 * wide + 400 * np.exp(400 * (cosine - 1))
            picture += (strength * glow) * planes(np.array([0.8, 0.95, 1.0]))

    def _add_clouds(
        self,
        picture: np.ndarray,
        x: np.ndarray,
        y: np.ndarray,
        z: np.ndarray,
        weather: Weather,
        light: Daylight,
    ) -> None:
        over = 130.0 / np.maximum(z, 0.03)
        shares = tiled(self._clouds, x * over, y * over)
        cover = np.clip((shares - 1 + weather.cloudiness / 90) * 3, 0, 1)
        cover *= np.clip(z * 12, 0.35, 1)
        cloud = (1 - light.night) * _CLOUD * (1 - 0.35 * weather.precipitation / 100)
        picture += cover * (planes(cloud + light.night * _DARK * 1.5) - picture)
