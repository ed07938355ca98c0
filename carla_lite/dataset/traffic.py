"""Vehicles and walkers around a camera, standing where they would drive and walk."""

from carla_lite.dataset.settings import Settings
from carla_lite.mesh import Mesh
from carla_lite.pose import Pose
from carla_lite.scenery.people import walker_mesh
from carla_lite.scenery.vehicles import bonnet_mesh, vehicle_mesh, VehicleKind
from carla_lite.town import Town
import numpy as np

_KINDS: tuple[tuple[VehicleKind, tuple[float, float, float], float], ...] = (
    ('car', (4.5, 1.85, 1.5), 0.62),
    ('van', (5.6, 2.0, 2.4), 0.12),
    ('truck', (8.5, 2.5, 3.6), 0.1),
    ('bus', (11.0, 2.55, 3.3), 0.06),
    ('motorcycle', (2.2, 0.8, 1.4), 0.05),
    ('bicycle', (1.7, 0.5, 1.3), 0.05),
)
_TWO_WHEELED = ('motorcycle', 'bicycle')
_NEAREST_M, _FARTHEST_M = 6.0, 70.0
_APART_M = 9.0


def draw_traffic(
    rng: np.random.Generator, town: Town, car: Pose, settings: Settings, night: bool
) -> tuple[list[Mesh], list[Pose]]:
    """
    Return meshes of vehicles and walkers around a car, and the vehicles' poses.

    :param settings: ``traffic`` vehicles at most, ``riders`` of them on two wheels; a track has
        none.
    """
    most, shares = settings.traffic, _shares(settings.riders)
    if most == 0 or town.scale < 1.0 or not town.lane_paths:
        return [], []
    points = np.concatenate(town.lane_paths)
    away = np.hypot(points[:, 0] - car.x, points[:, 1] - car.y)
    near = points[(away > _NEAREST_M) & (away < _FARTHEST_M)]
    meshes: list[Mesh] = []
    poses: list[Pose] = []
    for _ in range(int(rng.integers(0, most + 1)) if len(near) else 0):
        x, y, z, yaw = (float(value) for value in near[rng.integers(len(near))])
        if all(np.hypot(pose.x - x, pose.y - y) > _APART_M for pose in poses):
            pose = Pose(x, y, z, 0.0, yaw + float(rng.normal(0, 2)))
            meshes.append(_vehicle(rng, shares, night).moved(pose, 5000 + len(poses)))
            poses.append(pose)
    for number in range(int(rng.integers(0, 4)) if len(near) else 0):
        x, y, z, yaw = (float(value) for value in near[rng.integers(len(near))])
        side = rng.uniform(-7, 7)
        turned = np.radians(yaw)
        x, y = x - side * np.sin(turned), y + side * np.cos(turned)
        walker = walker_mesh(rng.uniform(1.5, 1.95), phase=rng.random())
        meshes.append(walker.moved(Pose(x, y, z, 0.0, rng.uniform(0, 360)), 6000 + number))
    return meshes, poses


def own_bonnet(rng: np.random.Generator, camera: Pose, car: Pose) -> Mesh:
    """Return the bonnet that a camera behind the windscreen sees, whatever its place."""
    forward = np.array([np.cos(np.radians(car.yaw)), np.sin(np.radians(car.yaw))])
    height = camera.z - car.z
    size = (4.7, 1.85, float(np.clip(height * rng.uniform(0.95, 1.25), 0.8, 2.6)))
    back = rng.uniform(0.2, 0.9)
    spot = Pose(camera.x - back * forward[0], camera.y - back * forward[1], car.z, 0.0, car.yaw)
    return bonnet_mesh(_colour(rng), size).moved(spot, 4999)


def _shares(riders: float) -> list[float]:
    """Return how often each kind comes, riders together so often."""
    wheels = [kind in _TWO_WHEELED for kind, _, _ in _KINDS]
    usual = sum(share for (_, _, share), two in zip(_KINDS, wheels, strict=True) if two)
    factors = [riders / usual if two else (1 - riders) / (1 - usual) for two in wheels]
    return [share * factor for (_, _, share), factor in zip(_KINDS, factors, strict=True)]


def _vehicle(rng: np.random.Generator, shares: list[float], night: bool) -> Mesh:
    index = rng.choice(len(_KINDS), p=shares)
    kind, size, _ = _KINDS[index]
    grown = tuple(length * rng.uniform(0.9, 1.12) for length in size)
    return vehicle_mesh(kind, grown, _colour(rng), lights_on=night, braking=rng.random() < 0.3)


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """Return a car's BGR: mostly greys, black, white and silver."""
    grey = rng.uniform(10, 245)
    blue, green, red = (
        np.full(3, grey) if rng.random() < 0.6 else rng.uniform(10, 230, 3)
    ).astype(int)
    return (int(blue), int(green), int(red))
