"""The waypoint follower on real maps, read by the official client, with a bicycle for a car."""

import math
import random

from carla_lite.roads.opendrive import opendrive_of
from carla_lite.towns.catalogue import build_network
import pytest
from seg_node.carla.follower import Car, WaypointFollower
from seg_node.carla.pose import Pose

carla = pytest.importorskip('carla', reason='the carla client is not installed')

STEP_S = 0.05
CAR = Car(wheelbase_m=2.8, max_steer_deg=40.0)


@pytest.fixture(scope='module')
def town():
    """Return CARLA's view of a town with junctions."""
    return carla.Map('LiteTown', opendrive_of(build_network('LiteTown', 3)))


class Bicycle:
    """A car with a little inertia in pedals and wheel, kept on the plane."""

    def __init__(self, transform) -> None:
        self.pose = Pose.of(transform)
        self.speed_mps = 0.0
        self._steer = 0.0

    def move(self, drive) -> None:
        self._steer += 0.5 * (drive.steer - self._steer)
        self.speed_mps += STEP_S * (6 * drive.throttle - 8 * drive.brake - 0.06 * self.speed_mps)
        self.speed_mps = max(0.0, self.speed_mps)
        yaw = math.radians(self.pose.yaw_deg)
        turn = (
            self.speed_mps
            / CAR.wheelbase_m
            * math.tan(math.radians(self._steer * CAR.max_steer_deg))
        )
        self.pose = Pose(
            self.pose.x_m + STEP_S * self.speed_mps * math.cos(yaw),
            self.pose.y_m + STEP_S * self.speed_mps * math.sin(yaw),
            self.pose.z_m,
            yaw_deg=math.degrees(yaw + turn * STEP_S),
        )


def drive(town, seed: int, steps: int, speed_mps: float = 9.0):
    """Return the roads passed, the distances from the lane's middle, the speeds and the driver."""
    chance = random.Random(seed)
    start = chance.choice(town.generate_waypoints(40.0))
    car = Bicycle(start.transform)
    follower = WaypointFollower(town, CAR, speed_mps, chance)
    roads, offsets_m, speeds = [], [], []
    for _ in range(steps):
        location = carla.Location(car.pose.x_m, car.pose.y_m, car.pose.z_m)
        car.move(follower.step(location, car.pose, car.speed_mps, STEP_S))
        location = carla.Location(car.pose.x_m, car.pose.y_m, car.pose.z_m)
        planned = min(follower.plan, key=lambda way: way.transform.location.distance(location))
        offsets_m.append(_distance_to_line(planned.transform, car.pose))
        roads.append((planned.road_id, planned.lane_id))
        speeds.append(car.speed_mps)
        if follower.trouble:
            break
    return list(dict.fromkeys(roads)), offsets_m, speeds, follower


def _distance_to_line(transform, pose: Pose) -> float:
    yaw = math.radians(transform.rotation.yaw)
    dx, dy = pose.x_m - transform.location.x, pose.y_m - transform.location.y
    return abs(-dx * math.sin(yaw) + dy * math.cos(yaw))


@pytest.mark.parametrize('seed', range(4))
def test_it_keeps_its_lane_through_junctions_and_holds_the_speed(town, seed: int) -> None:
    roads, offsets_m, speeds, follower = drive(town, seed, 1200)
    assert follower.trouble == ''
    assert len(roads) >= 3, 'through a junction'
    assert sorted(offsets_m)[int(0.95 * len(offsets_m))] < 0.5
    assert max(offsets_m) < 1.2
    assert max(speeds) < 9.0 * 1.1
    assert max(speeds) > 7.0


def test_the_seed_decides_the_way(town) -> None:
    ways = [tuple(drive(town, seed, 900)[0]) for seed in (1, 1, 2, 3)]
    assert ways[0] == ways[1]
    assert len(set(ways)) == 3


def test_it_says_when_it_is_stuck_or_off_the_road(town) -> None:
    start = town.generate_waypoints(40.0)[0]
    pose = Pose.of(start.transform)
    follower = WaypointFollower(town, CAR, 9.0, random.Random(0))
    for _ in range(100):  # a wall: throttle and no motion
        follower.step(start.transform.location, pose, 0.0, STEP_S)
    assert follower.trouble == 'stuck'
    follower.restart()
    assert follower.trouble == ''
    follower.step(start.transform.location, pose, 5.0, STEP_S)
    aside = Pose(
        pose.x_m - 9 * math.sin(math.radians(pose.yaw_deg)),
        pose.y_m + 9 * math.cos(math.radians(pose.yaw_deg)),
        yaw_deg=pose.yaw_deg,
    )
    follower.step(start.transform.location, aside, 5.0, STEP_S)
    assert follower.trouble == 'off the road'


def test_it_stops_where_the_road_ends() -> None:
    xodr = """<?xml version="1.0"?><OpenDRIVE><header revMajor="1" revMinor="4" name="end"/>
    <road name="r" length="80" id="1" junction="-1"><planView>
    <geometry s="0" x="0" y="0" hdg="0" length="80"><line/></geometry></planView>
    <lanes><laneSection s="0"><center><lane id="0" type="none" level="false"/></center>
    <right><lane id="-1" type="driving" level="false">
    <width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right>
    </laneSection></lanes></road></OpenDRIVE>"""
    road = carla.Map('end', xodr)
    start = road.get_waypoint(carla.Location(2.0, 1.75, 0.0))
    car = Bicycle(start.transform)
    follower = WaypointFollower(road, CAR, 9.0, random.Random(0))
    for _ in range(600):
        location = carla.Location(car.pose.x_m, car.pose.y_m, 0.0)
        car.move(follower.step(location, car.pose, car.speed_mps, STEP_S))
        if follower.trouble:
            break
    assert follower.trouble == 'dead end'
    assert 60.0 < car.pose.x_m < 81.0
    assert abs(car.pose.y_m - 1.75) < 0.1
