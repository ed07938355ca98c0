"""What the recorded bags show: short drives through towns of carla_lite, with exact labels."""

from collections.abc import Iterator
from dataclasses import dataclass
import functools
from typing import NamedTuple

from carla_lite.dataset.sample import label_ids
from carla_lite.dataset.settings import Settings
from carla_lite.dataset.traffic import draw_traffic
from carla_lite.look import draw_look
from carla_lite.mesh import Mesh
from carla_lite.pose import Pose
from carla_lite.render.lens import LensEffects
from carla_lite.render.picture import CameraView
from carla_lite.render.renderer import Instant, Renderer
from carla_lite.scenery.vehicles import vehicle_mesh
from carla_lite.town import Town
from carla_lite.towns import build_town
from carla_lite.weather import PRESETS
import numpy as np

#: Where the camera sits on the car: behind the windscreen, looking a little down.
_MOUNT = Pose(0.4, 0.0, 1.4, -6.0)
_LENS = LensEffects(noise=2.0, blur_px=0.4)
_CAR_M = (4.5, 1.85, 1.5)
_LEAD_COLOUR = (140, 60, 40)  # BGR
_LEAD_INSTANCE, _CLEAR_OF_ROUTE_M = 4800, 3.5
_BEFORE_STOP_M, _ALONG_LANE_M = 24.0, 20.0


@dataclass(frozen=True)
class Drive:
    """
    A drive along one lane.

    :param weather: one of CARLA's presets.
    :param place: ``lane`` for the town's longest, ``junction`` for one from a stop line across.
    :param lead_m: metres to a car that drives ahead; 0 for none.
    :param traffic: most vehicles that stand around, off the route.
    """

    town: str
    weather: str
    frames: int
    place: str = 'lane'
    town_seed: int = 1
    look_seed: int = 1
    width: int = 640
    height: int = 360
    fov_deg: float = 90.0
    spacing_m: float = 1.2
    lead_m: float = 0.0
    traffic: int = 0


class Shot(NamedTuple):
    """A picture (H, W, 3) uint8 BGR and its truth, (H, W) uint8 label ids."""

    picture: np.ndarray
    truth: np.ndarray


def shots(drive: Drive) -> Iterator[Shot]:
    """Yield what the camera sees; the same drive gives the same pictures."""
    town = _town(drive.town, drive.town_seed)
    weather = PRESETS[drive.weather]
    renderer = Renderer(town, draw_look(drive.look_seed))
    route = _Route(town, drive.place)
    start = route.at(0.0)
    rng = np.random.default_rng([drive.town_seed, 5])
    traffic = Settings(traffic=drive.traffic)
    vehicles, poses = draw_traffic(rng, town, start, traffic, weather.is_night)
    standing = [
        (mesh, pose)
        for mesh, pose in zip(vehicles, poses, strict=False)  # walkers come after the vehicles
        if route.distance_m(pose) > _CLEAR_OF_ROUTE_M
    ]
    lead = vehicle_mesh('car', _CAR_M, _LEAD_COLOUR, lights_on=weather.is_night)
    for index in range(drive.frames):
        along_m = index * drive.spacing_m
        car = route.at(along_m)
        moving = [(lead, route.at(along_m + drive.lead_m))] if drive.lead_m else []
        movers: list[Mesh] = [mesh for mesh, _ in standing]
        movers += [mesh.moved(pose, _LEAD_INSTANCE) for mesh, pose in moving]
        lights = (car, *(pose for _, pose in (*standing, *moving))) if weather.is_night else ()
        view = CameraView(drive.width, drive.height, drive.fov_deg, car.then(_MOUNT))
        instant = Instant(weather, tuple(movers), lights, index, index * 0.1)
        seen = renderer.render(view, instant, _LENS)
        yield Shot(seen.bgr, label_ids(seen.tags))


class _Route:
    """A line along lanes, straight on where they part."""

    def __init__(self, town: Town, place: str) -> None:
        if place == 'junction':
            points, start_m = _through_junction(town)
        else:
            points, start_m = max(town.lane_paths, key=len), _ALONG_LANE_M
        points = _carried_on(town, points.astype(float))
        steps_m = np.hypot(*np.diff(points[:, :2], axis=0).T)
        self._along_m = np.concatenate([[0.0], np.cumsum(steps_m)]) - start_m
        self._points = points
        self._points[:, 3] = np.degrees(np.unwrap(np.radians(points[:, 3])))

    def at(self, along_m: float) -> Pose:
        """Return the place so many metres after the start."""
        x, y, z, yaw = (
            float(np.interp(along_m, self._along_m, column)) for column in self._points.T
        )
        return Pose(x, y, z, 0.0, yaw)

    def distance_m(self, pose: Pose) -> float:
        """Return how far from the line a place is."""
        apart = self._points[:, :2] - (pose.x, pose.y)
        return float(np.hypot(*apart.T).min())


def _through_junction(town: Town) -> tuple[np.ndarray, float]:
    """Return the lane that the town's first traffic light governs, and where to start on it."""
    stop = town.traffic_lights[0].stop
    best_m, found = np.inf, (town.lane_paths[0], 0.0)
    for path in town.lane_paths:
        away_m = np.hypot(path[:, 0] - stop.x, path[:, 1] - stop.y)
        nearest = int(away_m.argmin())
        if away_m[nearest] < best_m and _turn_deg(path[nearest, 3], stop.yaw) < 30:
            steps_m = np.hypot(*np.diff(path[: nearest + 1, :2], axis=0).T)
            best_m = float(away_m[nearest])
            found = path, max(0.0, float(steps_m.sum()) - _BEFORE_STOP_M)
    return found


def _carried_on(town: Town, points: np.ndarray, lanes: int = 3) -> np.ndarray:
    """Append the lanes that go on where one ends, the straightest of them."""
    for _ in range(lanes):
        end = points[-1]
        following = [
            path
            for path in town.lane_paths
            if np.hypot(*(path[0, :2] - end[:2])) < 1.0 and _turn_deg(path[0, 3], end[3]) < 20
        ]
        if not following:
            break
        onward = min(following, key=lambda path: _turn_deg(path[-1, 3], end[3]))
        points = np.concatenate([points, onward[1:]])
    return points


def _turn_deg(first: float, second: float) -> float:
    return float(abs((first - second + 180) % 360 - 180))


@functools.cache
def _town(name: str, seed: int) -> Town:
    return build_town(name, seed)
