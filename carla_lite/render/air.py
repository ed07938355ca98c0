"""What is between the camera and the world: fog, haze, rain; and what wet ground mirrors."""

from carla_lite.render.surface_points import Points
from carla_lite.weather import Weather
import cv2
import numpy as np

_HAZE_PER_M = 0.0006


def add_fog(picture: np.ndarray, points: Points, weather: Weather, horizon: np.ndarray) -> None:
    """
    Fade a picture to the horizon's colour with distance, in place.

    :param picture: (3, H, W) float32 BGR.
    :param horizon: (3,) BGR.
    """
    thickness = weather.fog_density / 100
    rain = weather.precipitation / 100
    per_m = _HAZE_PER_M + 0.0009 * rain + 0.035 * thickness**2
    way = np.clip(points.depth_m * points.ray_m - weather.fog_distance, 0.0, 900.0)
    share = 1.0 - np.exp(np.float32(-per_m) * way)
    for plane, colour in zip(picture, horizon, strict=True):
        plane += share * (colour - plane)


def wet_ground(
    picture: np.ndarray,
    is_ground: np.ndarray,
    points: Points,
    puddles: np.ndarray,
    weather: Weather,
) -> None:
    """
    Darken wet ground and let it mirror what is above the horizon, in place.

    The mirror image is the picture itself turned over its horizon row: right for level ground and
    an upright camera, and a hundred times cheaper than rays.

    :param picture: (3, H, W) float32 BGR.
    :param is_ground: (H, W) bool.
    :param puddles: (H, W) float32 0..1, where water stands.
    """
    wet = min(1.0, max(weather.wetness, 0.8 * weather.precipitation_deposits) / 100)
    if wet <= 0.01:
        return
    height, width = is_ground.shape
    horizon = int(np.clip(np.argmin(np.abs(points.rise[:, width // 2])), 1, height - 1))
    rows = np.clip(2 * horizon - np.arange(height), 0, height - 1)
    glancing = np.square(np.square(1.0 - points.facing))
    share = wet * (0.08 + 0.55 * glancing) * (0.45 + 0.9 * puddles)
    share = np.where(is_ground, np.clip(share, 0, 0.8), 0.0)
    left = np.where(is_ground, 1.0 - 0.35 * wet, 1.0).astype(np.float32) * (1 - share)
    for plane in picture:
        quarter = _shrunk(plane[rows], 4)
        mirrored = cv2.resize(cv2.blur(quarter, (3, 9)), (width, height))
        plane *= left
        plane += share * mirrored


def add_rain(picture: np.ndarray, weather: Weather, rng: np.random.Generator) -> None:
    """Draw falling drops as short bright streaks on (3, H, W) float32, in place."""
    count = int(weather.precipitation * picture.shape[2] / 400)
    if count < 1:
        return
    height, width = picture.shape[1:]
    streaks = np.zeros((height, width), np.uint8)
    tops = rng.integers(0, (width, height), (count, 2))
    lengths = rng.uniform(0.01, 0.06, count) * height
    slant = np.float32(weather.wind_intensity / 100 * rng.uniform(-0.5, 0.5))
    for (x, y), length in zip(tops.tolist(), lengths.tolist(), strict=True):
        cv2.line(streaks, (x, y), (int(x + slant * length), int(y + length)), 255, 1, cv2.LINE_AA)
    share = cv2.blur(streaks, (1, 3)) * np.float32(0.22 / 255)
    picture += share * (210.0 - picture)


def add_bloom(picture: np.ndarray, strength: float) -> None:
    """Let what is brighter than white shine over its surroundings, (3, H, W), in place."""
    height, width = picture.shape[1:]
    for plane in picture:
        small = _shrunk(plane, 8)
        excess = np.maximum(small - 235.0, 0.0)
        if excess.max() > 1.0:
            plane += strength * cv2.resize(cv2.GaussianBlur(excess, (0, 0), 2.5), (width, height))


def _shrunk(plane: np.ndarray, factor: int) -> np.ndarray:
    """Return a plane so many times smaller, of one pixel at least."""
    height, width = plane.shape
    size = (max(1, width // factor), max(1, height // factor))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))
