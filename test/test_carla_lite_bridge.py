"""Bridges carry who drives over them, and let through who drives under them."""

from carla_lite.pose import Pose
from carla_lite.town import Town
from carla_lite.towns import build_town
from carla_lite.weather import Weather
from carla_lite.world.world import Numbers, World
import numpy as np
import pytest


@pytest.fixture(scope='module')
def highway() -> Town:
    return build_town('LiteHighway', 1)


def places_on_deck(town: Town) -> np.ndarray:
    """Return (n, 4) x, y, z, yaw of lanes that have another road under them."""
    points = np.concatenate(town.lane_paths)
    over = [z - town.height_at(x, y) > 3.0 for x, y, z, _ in points.tolist()]
    return points[np.array(over)]


def test_there_is_a_bridge(highway: Town) -> None:
    assert len(places_on_deck(highway)) > 5


@pytest.mark.parametrize('on_deck', [True, False])
def test_a_vehicle_stays_on_its_own_level(highway: Town, on_deck: bool) -> None:
    x, y, z, yaw = (float(value) for value in places_on_deck(highway)[2])
    level = z if on_deck else highway.height_at(x, y)
    world = World(highway, Weather(), 1, Numbers(int, lambda number: None))
    car = world.spawn('vehicle.tesla.model3', (), Pose(x, y, level + 0.2, yaw=yaw))
    for _ in range(40):
        world.step(0.05)
    assert car.pose.z == pytest.approx(level, abs=0.3)
    assert z - highway.height_at(x, y) > 3.0
