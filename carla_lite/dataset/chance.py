"""What differs between samples: weather, lens, camera, traffic; each drawn from one generator."""

from dataclasses import replace

from carla_lite.dataset.settings import APPROACH_M, CameraRanges, Settings, WeatherShares
from carla_lite.look import Look
from carla_lite.materials import Material
from carla_lite.pose import Pose
from carla_lite.render.lens import LensEffects
from carla_lite.render.picture import CameraView
from carla_lite.town import Town
from carla_lite.weather import Weather
import numpy as np

_FULL_SIZE = 1.0


def draw_weather(rng: np.random.Generator, shares: WeatherShares) -> Weather:
    """Return one weather at one hour."""
    hour = rng.random()
    if hour < shares.night:
        altitude = rng.uniform(-60, -6)
    elif hour < shares.night + shares.dusk:
        altitude = rng.uniform(-4, 14)
    else:
        altitude = rng.uniform(14, 85)
    clouds = rng.uniform(60, 100) if rng.random() < shares.overcast else rng.uniform(0, 50)
    kind = rng.random()
    rain = float(kind < shares.rain)
    fog = float(shares.rain <= kind < shares.rain + shares.fog)
    wet = rain or rng.random() < 0.1
    return Weather(
        cloudiness=float(max(clouds, 80 * rain)),
        precipitation=float(rain * rng.uniform(10, 100)),
        precipitation_deposits=float(wet * rng.uniform(10, 95)),
        wind_intensity=float(rng.uniform(0, 100)),
        sun_azimuth_angle=float(rng.uniform(0, 360)),
        sun_altitude_angle=float(altitude),
        fog_density=float(fog * rng.uniform(10, 75)),
        fog_distance=float(rng.uniform(0, 25)),
        wetness=float(wet * rng.uniform(20, 100)),
    )


def darken_walks(look: Look, share: float) -> Look:
    """Give a share of the looks sidewalks as dark as their road, and kerbs of any grey."""
    rng = np.random.default_rng([look.seed, 73])  # its own: other draws stay as they were
    if rng.random() >= share:
        return look
    walk = np.array(look.albedo[Material.ASPHALT]) * rng.uniform(0.75, 1.2)
    walk = np.clip(walk * (1 + 0.04 * rng.uniform(-1, 1, 3)), 5, 252)
    kerb = np.clip(walk * rng.choice([rng.uniform(0.8, 1.1), rng.uniform(1.1, 1.9)]), 5, 252)
    changed = {Material.SIDEWALK: _bgr(walk), Material.KERB: _bgr(kerb)}
    return replace(look, albedo=look.albedo | changed)


def _bgr(values: np.ndarray) -> tuple[float, float, float]:
    blue, green, red = (float(value) for value in values)
    return (blue, green, red)


def draw_lens(rng: np.random.Generator, strength: float) -> LensEffects:
    """Return the faults of one camera."""
    if strength <= 0:
        return LensEffects()
    swing = strength * rng.uniform(-1, 1, 4)
    return LensEffects(
        exposure=float(np.exp(0.35 * swing[0])),
        gamma=float(np.exp(0.3 * swing[1])),
        warmth=float(0.5 * swing[2]),
        tint=float(0.6 * swing[3] * (rng.random() < 0.5)),
        saturation=float(rng.uniform(0.5, 1.4)),
        vignette=float(strength * rng.choice([0.0, rng.uniform(0, 0.5)])),
        blur_px=float(strength * rng.choice([0.0, rng.uniform(0.3, 1.3)], p=[0.65, 0.35])),
        motion_px=int(strength * rng.integers(2, 9) * (rng.random() < 0.2)),
        motion_up=bool(rng.random() < 0.4),
        noise=float(strength * rng.uniform(1, 11) * (rng.random() < 0.4)),
        distortion=float(strength * rng.choice([0.0, rng.uniform(-0.2, 0.1)])),
        jpeg_quality=int(rng.integers(25, 90) * (rng.random() < 0.5)),
    )


def draw_view(rng: np.random.Generator, town: Town, settings: Settings) -> tuple[CameraView, Pose]:
    """Return a camera over a lane, and the pose of the car that carries it."""
    ranges, track = settings.camera, town.scale < _FULL_SIZE
    lengths = np.array([len(path) for path in town.lane_paths], float)
    path = town.lane_paths[rng.choice(len(lengths), p=lengths / lengths.sum())]
    index = int(rng.integers(len(path)))
    if ranges.approach_share and rng.random() < ranges.approach_share:
        index = _before_the_end(rng, path, town.scale)
    x, y, z, lane_yaw = (float(value) for value in path[index])
    car = Pose(x, y, z, 0.0, lane_yaw + (180.0 if rng.random() < 0.04 else 0.0))
    astray = rng.random() < ranges.astray_share
    yaw = rng.uniform(*(ranges.astray_deg if astray else ranges.yaw_deg))
    pitch = rng.uniform(*(ranges.track_pitch_deg if track else ranges.pitch_deg))
    mount = Pose(
        0.0, float(town.scale * rng.uniform(*ranges.side_m)),
        float(rng.uniform(*_height_range(rng, ranges, track))),
        float(pitch), float(yaw), float(rng.uniform(*ranges.roll_deg)),
    )  # fmt: skip
    fov = float(rng.uniform(*ranges.fov_deg))
    return CameraView(settings.width, settings.height, fov, car.then(mount)), car


def _before_the_end(rng: np.random.Generator, path: np.ndarray, scale: float) -> int:
    """Return a place on the last metres of a lane; path: (n, 4) x, y, z, yaw."""
    left_m = np.cumsum(np.hypot(*np.diff(path[::-1, :2], axis=0).T))
    within = int(np.searchsorted(left_m, APPROACH_M * scale))
    return len(path) - 1 - int(rng.integers(0, within + 1))


def _height_range(
    rng: np.random.Generator, ranges: CameraRanges, track: bool
) -> tuple[float, float]:
    if track:
        return ranges.track_height_m
    return ranges.low_height_m if rng.random() < ranges.low_share else ranges.height_m
