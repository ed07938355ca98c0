"""Which drives a collection makes: every combination of its axes, or a fair choice of them."""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from training.collection.camera import CameraConfig, VaryConfig
from training.collection.config import CollectConfig, SplitConfig

TRAIN, VALIDATION = 'train', 'validation'
#: The town that the server has loaded, whatever it is.
LOADED_TOWN = ''


@dataclass(frozen=True)
class Drive:
    """One stretch under one sky with one camera."""

    number: int  # in the order driven; names the samples
    town: str  # ``LOADED_TOWN`` for the one the server has
    weather: str
    time: str
    route: int  # of the town: the same number is the same place under any sky
    camera: CameraConfig
    split: str

    @property
    def title(self) -> str:
        """Name it in one short line."""
        time = '' if self.time == 'preset' else f' {self.time}'
        town = self.town or 'loaded town'
        return f'{town} route {self.route} {self.weather}{time} {self.camera.name}'


def make_schedule(config: CollectConfig) -> tuple[Drive, ...]:
    """
    List the drives in the order to drive them: town by town, for loading one is slow.

    The same settings give the same list.
    """
    towns = config.towns or (LOADED_TOWN,)
    axes = (towns, config.weathers, config.times, range(config.routes), config.cameras)
    count = config.drives
    combinations = _fair(axes, count, config.seed) if count else list(product(*axes))
    combinations.sort(key=lambda chosen: towns.index(chosen[0]))  # stable: keeps the rest
    held_out = held_out_routes(config.split, config.routes, config.seed)
    return tuple(
        Drive(
            number,
            town,
            weather,
            time,
            route,
            vary_camera(camera, config.vary, (config.seed, number)),
            split_of(config.split, town, route in held_out),
        )
        for number, (town, weather, time, route, camera) in enumerate(combinations)
    )


def vary_camera(camera: CameraConfig, vary: VaryConfig, seed: tuple[int, int]) -> CameraConfig:
    """Return the camera as it is mounted for one drive."""
    if vary == VaryConfig():
        return camera
    chance = np.random.default_rng([*seed, 4])
    height, pitch, yaw, roll, fov = chance.uniform(-1, 1, 5).tolist()
    return replace(
        camera,
        height_m=round(camera.height_m * (1 + vary.height_share * height), 3),
        pitch_deg=round(camera.pitch_deg + vary.pitch_deg * pitch, 2),
        yaw_deg=round(camera.yaw_deg + vary.yaw_deg * yaw, 2),
        roll_deg=round(camera.roll_deg + vary.roll_deg * roll, 2),
        fov_deg=round(camera.fov_deg + vary.fov_deg * fov, 2),
    )


def held_out_routes(split: SplitConfig, routes: int, seed: int) -> frozenset[int]:
    """Choose the routes for validation: at least one, never all."""
    if split.by != 'route' or split.validation == 0:
        return frozenset()
    count = min(max(1, round(routes * split.validation)), routes - 1)
    return frozenset(np.random.default_rng([seed, 1]).permutation(routes)[:count].tolist())


def split_of(split: SplitConfig, town: str, route_is_held_out: bool) -> str:
    """Return ``train`` or ``validation`` for a drive."""
    held_out = town in split.towns if split.by == 'town' else route_is_held_out
    return VALIDATION if held_out else TRAIN


def _fair(axes: tuple, count: int, seed: int) -> list[tuple]:
    """
    Draw combinations in which every value of every axis comes equally often.

    Each axis is shuffled by itself, again and again, so that all pairs of values come together
    in time, where walking through the product would leave the first value only at its end.
    """
    columns = []
    for position, axis in enumerate(axes):
        rng = np.random.default_rng([seed, 2, position])
        order: list[int] = []
        while len(order) < count:
            order += rng.permutation(len(axis)).tolist()
        columns.append([axis[index] for index in order[:count]])
    return list(zip(*columns, strict=True))
