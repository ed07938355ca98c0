"""How bright and of what colour the daylight is, and where lamps add to it."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

from carla_lite.pose import Pose
from carla_lite.render.surface_points import Points
from carla_lite.weather import Weather
import numpy as np

_SUN_BGR = np.array([0.86, 0.97, 1.06], np.float32)
_LOW_SUN_BGR = np.array([0.50, 0.82, 1.12], np.float32)
_SKY_BGR = np.array([1.12, 1.02, 0.94], np.float32)
_NIGHT_BGR = np.array([0.17, 0.13, 0.11], np.float32)
_LAMP_BGR = np.array([0.42, 0.72, 1.0], np.float32)
_HEADLIGHT_BGR = np.array([0.92, 0.98, 1.0], np.float32)
_MOST_LAMPS = 6
_MOST_HEADLIGHTS = 4


@dataclass(frozen=True)
class Daylight:
    """
    The light outdoors; full light on level ground is 1.

    :param to_sun: (3,) unit vector in the world.
    :param sun: (3,) BGR that the sun adds on a surface that faces it, ``ambient`` the sky.
    :param night: 0 by day, 1 when it is dark.
    """

    to_sun: np.ndarray
    sun: np.ndarray
    ambient: np.ndarray
    night: float

    @property
    def shade(self) -> np.ndarray:
        """Return (3,) what is left of the light on level ground in a shadow."""
        return self.ambient / np.maximum(self.ambient + self.sun * max(self.to_sun[2], 0.0), 1e-6)

    def on_faces(self, normals: np.ndarray) -> np.ndarray:
        """
        Return (n, 3) light of surfaces.

        :param normals: (n, 3) unit vectors in the world, towards the camera.
        """
        facing = np.clip(normals @ self.to_sun.astype(np.float32), 0.0, 1.0)[:, None]
        openness = (0.75 + 0.25 * normals[:, 2:3]).astype(np.float32)
        return self.ambient * openness + self.sun * facing


def daylight(weather: Weather) -> Daylight:
    """Return the light of a weather, exposed so that level ground is as bright at any hour."""
    altitude = math.radians(weather.sun_altitude_angle)
    azimuth = math.radians(weather.sun_azimuth_angle)
    level = math.cos(altitude)
    to_sun = np.array(
        [level * math.cos(azimuth), level * math.sin(azimuth), math.sin(altitude)], np.float32
    )
    clouds = np.clip(
        max(weather.cloudiness, weather.precipitation, weather.fog_density) / 100, 0, 1
    )
    low = float(np.clip(1.0 - weather.sun_altitude_angle / 30.0, 0.0, 1.0))
    night = float(np.clip((4.0 - weather.sun_altitude_angle) / 12.0, 0.0, 1.0))
    strength = 1.5 * (1.0 - 0.93 * clouds**1.5) * float(weather.sun_altitude_angle > 0)
    sun = strength * ((1 - low) * _SUN_BGR + low * _LOW_SUN_BGR)
    ambient = (0.45 + 0.5 * clouds) * _SKY_BGR
    whole = float((ambient + sun * max(to_sun[2], 0.0)).mean())
    exposure = (1.0 - 0.15 * low) / max(whole, 1e-6)
    dark = (1.0 + 0.3 * clouds) * _NIGHT_BGR
    sun = (1 - night) * exposure * sun
    ambient = (1 - night) * exposure * ambient + night * dark
    return Daylight(to_sun, sun.astype(np.float32), ambient.astype(np.float32), night)


def lamp_light(
    points: Points, lamps: np.ndarray, headlights: Sequence[Pose], camera: np.ndarray
) -> np.ndarray:
    """
    Return the light that lamps add, (3, H, W) float32.

    :param lamps: (n, 3) metres, bulbs of street lamps; the nearest few count.
    :param headlights: poses of vehicles with their lights on.
    """
    light = np.zeros((3, *points.x.shape), np.float32)
    if len(lamps):
        distance = np.linalg.norm(lamps - camera, axis=1)
        nearest = np.argsort(distance)[:_MOST_LAMPS]
        pool = sum(_pool(points, lamps[index]) for index in nearest if distance[index] < 90)
        light += np.asarray(pool, np.float32) * (0.75 * _LAMP_BGR)[:, None, None]
    near = sorted(headlights, key=lambda pose: math.hypot(pose.x - camera[0], pose.y - camera[1]))
    for pose in near[:_MOST_HEADLIGHTS]:
        light += _beam(points, pose) * (0.9 * _HEADLIGHT_BGR)[:, None, None]
    return light


def _pool(points: Points, lamp: np.ndarray) -> np.ndarray:
    """Return the round pool of light under a lamp."""
    across = np.square(points.x - np.float32(lamp[0])) + np.square(points.y - np.float32(lamp[1]))
    return 1.0 / np.square(1.0 + across * np.float32(1 / 90.0))


def _beam(points: Points, pose: Pose) -> np.ndarray:
    """Return the cone in front of a vehicle, on what lies on the ground and stands on it."""
    yaw = math.radians(pose.yaw)
    dx, dy = points.x - np.float32(pose.x), points.y - np.float32(pose.y)
    ahead = dx * np.float32(math.cos(yaw)) + dy * np.float32(math.sin(yaw)) - 1.0
    aside = dy * np.float32(math.cos(yaw)) - dx * np.float32(math.sin(yaw))
    forward = np.maximum(ahead, 0.1)
    spread = np.square(aside / (1.2 + 0.35 * forward))
    reach = forward / (1.5 + forward) / np.square(1.0 + forward * np.float32(1 / 22.0))
    low = np.exp(-np.maximum(points.z - np.float32(pose.z) - 1.3, 0.0) / 0.8)
    return np.where(ahead > 0, 1.8 * reach * np.exp(-spread) * low, 0.0)
