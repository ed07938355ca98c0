"""Boxes overlap exactly where points of both do, and colliding bodies stop and part."""

import math
import time

from carla_lite.pose import Pose
from carla_lite.world import blueprints
from carla_lite.world.collision import Box, overlapping, respond
from carla_lite.world.vehicle import VehicleBody
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

CAR = 'vehicle.tesla.model3'

BOXES = st.builds(
    lambda x, y, z, yaw, cx, length, width, height: Box(
        Pose(x, y, z, yaw=yaw), (cx, 0.1 * cx, 0.2), (length, width, height)
    ),
    x=st.floats(-4, 4),
    y=st.floats(-4, 4),
    z=st.floats(-2, 2),
    yaw=st.floats(-180, 180),
    cx=st.floats(-1, 1),
    length=st.floats(0.3, 4),
    width=st.floats(0.3, 2),
    height=st.floats(0.3, 2),
)


def corners(box, inside=1.0):
    """Return (8, 3) corners in the world, in their own maths: through the pose's matrix."""
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    own = np.array(box.centre_m) + signs * np.array(box.half_m) * inside
    return own @ box.pose.rotation().T + box.pose.position()


def holds(box, points, margin=0.0):
    own = (points - box.pose.position()) @ box.pose.rotation() - np.array(box.centre_m)
    return (np.abs(own) <= np.array(box.half_m) + margin).all(axis=1)


def samples(box, count=13):
    steps = np.linspace(-1, 1, count)
    grid = np.array(np.meshgrid(steps, steps, steps)).reshape(3, -1).T
    own = np.array(box.centre_m) + grid * np.array(box.half_m)
    return own @ box.pose.rotation().T + box.pose.position()


@settings(max_examples=300, deadline=None)
@given(BOXES, BOXES)
def test_overlap_agrees_with_points_of_both(one, other):
    contacts = overlapping([one, other])
    if contacts:
        deep = contacts[0].depth_m
        assert deep > 0
        # moved apart along the normal by the depth, no point of one is within the other
        away = contacts[0].normal * (deep + 1e-6)
        moved = Box(
            Pose(*(other.pose.position() + away), yaw=other.pose.yaw), other.centre_m, other.half_m
        )
        assert overlapping([one, moved]) == []
    else:
        assert not holds(one, samples(other), -0.02).any()
        assert not holds(other, samples(one), -0.02).any()


@settings(max_examples=150, deadline=None)
@given(BOXES, BOXES)
def test_a_point_of_one_well_inside_the_other_is_an_overlap(one, other):
    if holds(one, samples(other), -0.02).any():
        assert len(overlapping([one, other])) == 1


@settings(max_examples=100, deadline=None)
@given(st.lists(BOXES, min_size=2, max_size=8))
def test_overlap_is_symmetric_and_finds_every_pair(boxes):
    many = {(c.i, c.j): c for c in overlapping(boxes)}
    assert all(i < j for i, j in many)
    for i in range(len(boxes)):
        for j in range(i + 1, len(boxes)):
            there, back = overlapping([boxes[i], boxes[j]]), overlapping([boxes[j], boxes[i]])
            assert ((i, j) in many) == bool(there) == bool(back)
            if there:
                assert there[0].depth_m == pytest.approx(back[0].depth_m)
                assert np.linalg.norm(there[0].normal) == pytest.approx(1.0)
                assert there[0].normal[2] == 0.0


def test_normal_points_from_the_first_to_the_second():
    first = Box(Pose(), (0.0, 0.0, 0.0), (2.0, 1.0, 1.0))
    second = Box(Pose(x=3.5, y=0.2), (0.0, 0.0, 0.0), (2.0, 1.0, 1.0))
    (contact,) = overlapping([first, second])
    assert contact.normal == pytest.approx([1, 0, 0])
    assert contact.depth_m == pytest.approx(0.5)
    assert overlapping([second, first])[0].normal == pytest.approx([-1, 0, 0])


def test_bodiless_things_and_bridges_do_not_collide():
    car = Box(Pose(), (0, 0, 0.7), (2, 1, 0.7))
    above = Box(Pose(z=5.0), (0, 0, 0.7), (2, 1, 0.7))
    camera = Box(Pose(z=0.5), (0, 0, 0), (0, 0, 0))
    assert overlapping([car, above, camera]) == []
    assert overlapping([]) == overlapping([car]) == []


def crash(speeds, masses=(1700.0, 1700.0)):
    bodies = [
        VehicleBody(pose, (4.8, 2.0, 1.5), mass)
        for pose, mass in zip((Pose(), Pose(x=4.6)), masses, strict=True)
    ]
    for body, speed in zip(bodies, speeds, strict=True):
        body.step(0.05, lambda x, y: 0.0)
        body.step(0.05, lambda x, y: 0.0)
        body.set_target_velocity(np.array([speed, 0.0, 0.0]))
    return bodies


def boxes_of(bodies):
    return [Box(b.pose, (0, 0, 0.75), (2.4, 1.0, 0.75)) for b in bodies]


@pytest.mark.parametrize('speeds', [(10.0, 0.0), (10.0, -10.0), (10.0, 4.0)])
@pytest.mark.parametrize('masses', [(1700.0, 1700.0), (5500.0, 90.0)])
def test_a_crash_keeps_momentum_loses_energy_and_parts(speeds, masses):
    bodies = crash(speeds, masses)
    before = sum(m * v for m, v in zip(masses, speeds, strict=True))
    (impulse,) = respond(bodies, overlapping(boxes_of(bodies)))
    after = [body.velocity[0] for body in bodies]
    assert sum(m * v for m, v in zip(masses, after, strict=True)) == pytest.approx(before)
    assert sum(m * v * v for m, v in zip(masses, after, strict=True)) < sum(
        m * v * v for m, v in zip(masses, speeds, strict=True)
    )
    assert after[1] >= after[0]  # not running into each other any more
    assert impulse == pytest.approx([masses[0] * (after[0] - speeds[0]), 0, 0])
    assert overlapping(boxes_of(bodies)) == []
    assert respond(bodies, overlapping(boxes_of(bodies))) == []


def test_what_does_not_move_stops_what_does():
    bodies = crash((10.0, 0.0))
    for wall in (None, bodies[1]):
        bodies[0].set_target_velocity(np.array([10.0, 0.0, 0.0]))
        bodies[1].simulate_physics = False
        place = bodies[1].pose
        bodies[0].place(Pose())
        contacts = overlapping(boxes_of(bodies))
        (impulse,) = respond([bodies[0], wall], contacts)
        assert -2.0 < bodies[0].velocity[0] <= 0.0
        assert impulse[0] == pytest.approx(-1700 * 11.0)
        assert bodies[1].pose == place


def test_parting_bodies_feel_nothing():
    bodies = crash((-3.0, 2.0))
    (impulse,) = respond(bodies, overlapping(boxes_of(bodies)))
    assert not impulse.any()
    assert [body.velocity[0] for body in bodies] == [-3.0, 2.0]


def test_a_hundred_boxes_take_less_than_five_milliseconds():
    rng = np.random.default_rng(3)
    centre, half = blueprints.bounding_box(CAR)
    boxes = [
        Box(Pose(x, y, yaw=math.degrees(a)), centre, half)
        for x, y, a in rng.uniform(0, 60, (100, 3))
    ]
    assert len(overlapping(boxes)) > 20
    took = []
    for _ in range(10):
        start = time.perf_counter()
        overlapping(boxes)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.005
