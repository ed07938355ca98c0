"""Walkers go where they are told, face it, and stand on the ground with their middle held."""

import math

from carla_lite.pose import Pose
from carla_lite.world.controls import WalkerControl
from carla_lite.world.drivetrain import GRAVITY_MPS2
from carla_lite.world.walker import WalkerBody
import numpy as np
import pytest

HALF_M = 0.93


def flat(x, y):
    return 0.0


def person(pose=None, height_at=flat):
    body = WalkerBody.of('walker.pedestrian.0001', pose or Pose(z=HALF_M))
    return walk(body, 1.0, height_at)


def walk(body, seconds, height_at=flat):
    for _ in range(round(seconds / 0.05)):
        body.step(0.05, height_at)
    return body


def test_it_walks_at_its_speed_in_its_direction_and_faces_it():
    body = person()
    body.control = WalkerControl((0.0, -3.0, 0.0), 1.4)
    walk(body, 2.0)
    assert body.pose.position() == pytest.approx([0.0, -2.8, HALF_M])
    assert body.velocity == pytest.approx([0.0, -1.4, 0.0])
    assert body.pose.yaw == pytest.approx(-90.0)
    body.control = WalkerControl((0.0, -3.0, 0.0), 0.0)
    pose = walk(body, 0.1).pose
    assert walk(body, 2.0).pose == pose and not body.velocity.any()


def test_it_goes_up_kerbs_and_falls_from_walls():
    steps = {0: 0.0, 1: 0.15, 2: 3.0}

    def height_at(x, y):
        return steps[min(2, max(0, math.floor(x / 2)))]

    body = person(Pose(x=1.0, z=HALF_M), height_at)
    body.control = WalkerControl((1.0, 0.0, 0.0), 1.0)
    walk(body, 1.5, height_at)
    assert body.pose.z == pytest.approx(0.15 + HALF_M)
    body.place(Pose(x=4.5, z=3.0 + HALF_M))
    body.control = WalkerControl((-1.0, 0.0, 0.0), 1.0)
    walk(body, 1.0, height_at)
    lowest = []
    for _ in range(40):
        body.step(0.05, height_at)
        lowest.append(body.pose.z)
    assert lowest[-1] == pytest.approx(0.0 + HALF_M, abs=0.16)
    assert any(0.3 + HALF_M < z < 2.7 + HALF_M for z in lowest)  # it fell, it did not jump


def test_a_jump_is_as_high_as_its_speed_gets_it_and_ends_on_the_ground():
    body = person()
    body.control = WalkerControl(jump=True)
    body.step(0.05, flat)
    body.control = WalkerControl()
    heights = []
    for _ in range(40):
        body.step(0.05, flat)
        heights.append(body.pose.z - HALF_M)
    assert max(heights) == pytest.approx(4.2**2 / (2 * GRAVITY_MPS2), abs=0.02)
    assert heights[-1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    'control',
    [
        WalkerControl((0.0, 0.0, 0.0), 3.0),
        WalkerControl((math.nan, 1.0, 0.0), 3.0),
        WalkerControl((1.0, 0.0, 0.0), math.nan),
        WalkerControl((1.0, 0.0, 0.0), -2.0),
    ],
)
def test_controls_without_a_direction_or_speed_stand(control):
    body = person()
    pose = body.pose
    body.control = control
    assert walk(body, 1.0).pose == pose


def test_a_push_is_braked_and_physics_can_be_off():
    body = person()
    body.add_impulse(np.array([2.0 * body.mass_kg, 0.0, 0.0]))
    assert body.velocity == pytest.approx([2.0, 0.0, 0.0])
    walk(body, 3.0)
    assert not body.velocity.any() and 0.2 < body.pose.x < 1.0
    body.simulate_physics = False
    body.control = WalkerControl((1.0, 0.0, 0.0), 2.0)
    pose = body.pose
    assert walk(body, 1.0).pose == pose
