"""Vehicles move as their wheels let them, lose what brakes take and stand when they stand."""

from itertools import pairwise
import math

from carla_lite.pose import Pose
from carla_lite.world.controls import AckermannControl
from carla_lite.world.drivetrain import GRAVITY_MPS2, GRIP_MPS2
from carla_lite.world.vehicle import MAX_STEER_DEG, VehicleBody, VehicleControl
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

CAR = 'vehicle.tesla.model3'
TICK_S = 0.05


def flat(x, y):
    return 0.0


def plane(along, across=0.0):
    return lambda x, y: 3.0 + along * x + across * y


def standing(name=CAR, pose=None, height_at=flat):
    body = VehicleBody.of(name, pose or Pose())
    drive(body, 1.0, height_at)
    return body


def moving(speed, name=CAR, pose=None, height_at=flat):
    body = standing(name, pose, height_at)
    body.set_target_velocity(body.pose.rotation()[:, 0] * speed)
    return body


def drive(body, seconds, height_at=flat, tick_s=TICK_S):
    for _ in range(round(seconds / tick_s)):
        body.step(tick_s, height_at)
    return body


def energy(body):
    """Return J/kg of the rear axle, which moves along the nose and nowhere else."""
    rear = body.pose.z - body.wheelbase_m / 2 * math.sin(math.radians(body.pose.pitch))
    return body.speed_mps**2 / 2 + GRAVITY_MPS2 * rear


@pytest.mark.parametrize('steer', [-1.0, -0.3, 0.5, 1.0])
def test_turning_circle_is_that_of_a_bicycle(steer):
    body = moving(3.0)
    body.set_constant_velocity(np.array([3.0, 0.0, 0.0]))
    body.control = VehicleControl(steer=steer)
    rear = []
    for _ in range(400):
        body.step(TICK_S, flat)
        back = body.pose.rotation()[:2, 0] * body.wheelbase_m / 2
        rear.append(body.pose.position()[:2] - back)
    share = np.interp(3.0 * 3.6, [0, 20], [1, 0.9])
    radius = body.wheelbase_m / math.tan(math.radians(abs(steer) * share * MAX_STEER_DEG))
    rear = np.array(rear)
    design = np.column_stack([2 * rear, np.ones(len(rear))])
    x, y, rest = np.linalg.lstsq(design, (rear**2).sum(axis=1), rcond=None)[0]
    distances = np.hypot(*(rear - [x, y]).T)
    assert math.sqrt(rest + x * x + y * y) == pytest.approx(radius, rel=1e-6)
    assert np.ptp(distances) < 1e-6  # a circle, not a spiral
    assert np.sign(body.angular_velocity[2]) == np.sign(steer)  # positive turns right
    assert body.angular_velocity[2] == pytest.approx(np.degrees(3.0 / radius) * np.sign(steer))


def test_velocity_is_the_change_of_place():
    body = moving(8.0)
    body.control = VehicleControl(throttle=0.4, steer=0.3)
    drive(body, 1.0)
    before, velocity = body.pose.position(), body.velocity.copy()
    body.step(0.01, flat)
    assert (body.pose.position() - before) / 0.01 == pytest.approx(
        (body.velocity + velocity) / 2, abs=0.05
    )
    assert body.acceleration == pytest.approx((body.velocity - velocity) / 0.01, abs=1e-9)


def test_tyres_do_not_hold_more_than_they_can():
    body = moving(30.0)
    body.set_constant_velocity(np.array([30.0, 0.0, 0.0]))
    body.control = VehicleControl(steer=1.0)
    drive(body, 0.5)
    sideways = np.radians(body.angular_velocity[2]) * 30.0
    assert sideways == pytest.approx(GRIP_MPS2, rel=1e-6)
    assert body.steer_deg < 3.0 < MAX_STEER_DEG


def test_standing_still_stays_still_to_the_last_bit():
    slope = plane(0.08, -0.02)
    body = standing(pose=Pose(5, 7, 4, yaw=33), height_at=slope)
    pose = body.pose
    drive(body, 20.0, slope)
    assert body.pose == pose
    assert not body.velocity.any() and not body.acceleration.any()
    assert not body.angular_velocity.any()


def test_spawned_above_the_ground_it_falls_and_rests_there():
    body = VehicleBody.of(CAR, Pose(z=0.3))
    heights = []
    for _ in range(20):
        body.step(TICK_S, flat)
        heights.append(body.pose.z)
    assert heights == sorted(heights, reverse=True) and heights[0] > 0.2
    assert heights[-1] == 0.0
    assert heights.index(0.0) * TICK_S == pytest.approx(math.sqrt(0.6 / GRAVITY_MPS2), abs=0.06)


@pytest.mark.parametrize('grade', [-0.15, 0.1])
def test_it_lies_on_slopes_as_the_ground_does(grade):
    body = standing(pose=Pose(z=0.2), height_at=plane(grade))
    assert body.pose.pitch == pytest.approx(math.degrees(math.atan(grade)))
    assert body.pose.roll == pytest.approx(0.0, abs=1e-9)
    body = standing(pose=Pose(yaw=90.0), height_at=plane(grade))
    # facing +y its left side is at +x: rising ground lifts the left
    assert body.pose.roll == pytest.approx(math.degrees(math.atan(grade)))
    assert body.pose.rotation()[2, 1] == pytest.approx(-math.sin(math.atan(grade)))


@settings(max_examples=150, deadline=None)
@given(
    speed=st.floats(-8, 40),
    steer=st.floats(-1, 1),
    brake=st.floats(0, 1),
    tick_s=st.floats(0.005, 0.4),
    grade=st.floats(-0.1, 0.1),
)
def test_without_throttle_no_energy_comes_from_nowhere(speed, steer, brake, tick_s, grade):
    hill = plane(grade)
    body = moving(speed, height_at=hill)
    body.control = VehicleControl(steer=steer, brake=brake)
    drive(body, 3 * tick_s, hill, tick_s)
    for _ in range(20):
        before, way = energy(body), abs(body.speed_mps) * tick_s
        body.step(tick_s, hill)
        assert energy(body) <= before + 1e-9 + 1e-3 * way
    assert math.isfinite(body.pose.x + body.pose.yaw)


def test_braking_takes_energy_until_it_stands_and_never_goes_backwards():
    body = moving(20.0)
    body.control = VehicleControl(brake=1.0)
    speeds = []
    for _ in range(100):
        body.step(TICK_S, flat)
        speeds.append(body.speed_mps)
    stop = speeds.index(0.0)
    assert all(later < earlier for earlier, later in pairwise(speeds[: stop + 1]))
    assert set(speeds[stop:]) == {0.0}
    assert 20.0**2 / (2 * 9.5) < body.pose.x < 20.0**2 / (2 * 7.5)


@settings(max_examples=30, deadline=None)
@given(tick_s=st.sampled_from([0.01, 0.02, 0.1, 0.5, 2.0]), throttle=st.floats(0.2, 1))
def test_the_length_of_a_step_hardly_matters(tick_s, throttle):
    bodies = [standing(), standing()]
    for body, tick in zip(bodies, (tick_s, 0.005), strict=True):
        body.control = VehicleControl(throttle=throttle, steer=0.1)
        drive(body, 4.0, tick_s=tick)
    assert bodies[0].speed_mps == pytest.approx(bodies[1].speed_mps, rel=0.01)
    apart = bodies[0].pose.position() - bodies[1].pose.position()
    assert np.linalg.norm(apart) < 0.6


def test_throttle_gets_to_100_kmh_as_cars_do_and_reverse_goes_back_slowly():
    body = standing()
    body.control = VehicleControl(throttle=1.0)
    seconds = 0.0
    while body.speed_mps < 100 / 3.6 and seconds < 30:
        drive(body, TICK_S)
        seconds += TICK_S
    assert 5.0 < seconds < 12.0
    body = standing()
    body.control = VehicleControl(throttle=1.0, reverse=True)
    drive(body, 20.0)
    assert -9.0 < body.speed_mps < -5.0 and body.pose.x < -50
    for neutral in (VehicleControl(1.0, manual_gear_shift=True, gear=0), VehicleControl()):
        assert drive_from_rest(neutral) == 0.0
    assert drive_from_rest(VehicleControl(1.0, hand_brake=True, brake=1.0)) == 0.0


def drive_from_rest(control):
    body = standing()
    body.control = control
    return drive(body, 2.0).speed_mps


def test_hills_pull_unless_something_holds():
    steep = plane(0.3)
    free, held = standing(height_at=steep), standing(height_at=steep)
    held.control = VehicleControl(hand_brake=True)
    for body in (free, held):
        body.place(Pose(z=3.0))
        drive(body, 3.0, steep)
    assert free.speed_mps < -1.0 and free.pose.x < -1.0
    assert held.speed_mps == 0.0


def test_what_does_not_simulate_physics_stays_where_it_is_put():
    body = moving(10.0)
    body.simulate_physics = False
    body.control = VehicleControl(throttle=1.0)
    body.place(Pose(3, 4, 50, 1, 2, 3))
    drive(body, 2.0)
    assert body.pose == Pose(3, 4, 50, 1, 2, 3)
    assert not body.velocity.any()


def test_a_push_moves_by_its_impulse_and_tyres_stop_the_slide():
    body = standing()
    body.add_impulse(np.array([0.0, 3.0 * body.mass_kg, 0.0]))
    assert body.velocity == pytest.approx([0, 3, 0])
    drive(body, 2.0)
    assert body.velocity == pytest.approx([0, 0, 0], abs=1e-9)
    assert body.pose.y == pytest.approx(3.0**2 / (2 * GRIP_MPS2), abs=0.1)
    body.add_force(np.array([4.0 * body.mass_kg, 0.0, 0.0]))
    body.step(TICK_S, flat)
    assert 0.1 < body.velocity[0] < 0.2


def test_constant_velocity_is_held_in_its_own_axes_until_taken_back():
    body = standing(pose=Pose(yaw=90.0))
    body.control = VehicleControl(brake=1.0)
    body.set_constant_velocity(np.array([6.0, 1.0, 0.0]))
    drive(body, 2.0)
    assert body.velocity == pytest.approx([-1.0, 6.0, 0.0], abs=0.01)
    assert body.pose.y == pytest.approx(12.0, abs=0.3)
    body.set_constant_velocity(None)
    drive(body, 2.0)
    assert not body.velocity.any()


def test_thrown_up_it_flies_and_lands():
    body = moving(10.0)
    body.set_target_velocity(np.array([10.0, 0.0, 5.0]))
    heights = []
    for _ in range(40):
        body.step(TICK_S, flat)
        heights.append(body.pose.z)
    assert max(heights) == pytest.approx(25 / (2 * GRAVITY_MPS2), abs=0.2)
    assert heights[-1] == 0.0


@pytest.mark.parametrize('target', [12.0, -3.0, 0.0])
def test_ackermann_reaches_speed_and_angle(target):
    body = moving(5.0)
    body.set_ackermann(AckermannControl(steer=0.1, steer_speed=0.2, speed=target))
    body.step(TICK_S, flat)
    assert abs(body.steer_deg) < 1.0  # the wheel turns at its speed
    drive(body, 10.0)
    assert body.speed_mps == pytest.approx(target, abs=0.3)
    if target:
        share = np.interp(abs(target) * 3.6, [0, 20, 60], [1, 0.9, 0.8])
        assert body.steer_deg == pytest.approx(math.degrees(0.1) * share, rel=0.02)
    body.control = VehicleControl(brake=1.0)
    drive(body, 3.0)
    assert body.speed_mps == 0.0


def test_rubbish_in_controls_counts_as_nothing():
    body = standing()
    body.control = VehicleControl(math.nan, math.inf, -5.0)
    assert body.control == VehicleControl()
    body.control = VehicleControl(7.0, -9.0, 2.0)
    assert body.control == VehicleControl(1.0, -1.0, 1.0)


@pytest.mark.parametrize('huge', [1e9, 1e200, 1e308])
def test_no_push_is_too_big(huge):
    for axis in range(3):
        body, push = standing(), np.zeros(3)
        push[axis] = huge
        body.add_impulse(push)
        body.add_force(push)
        body.add_angular_impulse(push)
        body.step(TICK_S, flat)
        body.set_target_velocity(push)
        body.set_constant_velocity(push)
        drive(body, 2.0)
        assert np.isfinite(body.pose.matrix()).all() and np.abs(body.pose.position()).max() < 1500
        assert np.abs(body.velocity).max() < 200


def test_a_model_car_is_small_in_all_its_sizes():
    big, small = VehicleBody.of(CAR, Pose()), VehicleBody.of(CAR, Pose(z=0.03), 0.1)
    assert np.array(small.size_m) * 10 == pytest.approx(np.array(big.size_m))
    assert small.wheelbase_m * 10 == pytest.approx(big.wheelbase_m)
    assert small.mass_kg * 1000 == pytest.approx(big.mass_kg)
    small.control = VehicleControl(throttle=0.2, steer=1.0)
    drive(small, 2.0)
    assert small.speed_mps > 0.5
    assert np.hypot(*small.pose.position()[:2]) < 1.0  # it turns on the spot of a model


def test_turn_rates_are_those_of_the_rotation():
    def bump(x, y):
        return 0.3 * math.sin(x / 4) + 0.1 * y

    body = moving(6.0, height_at=bump)
    body.control = VehicleControl(throttle=0.3, steer=0.4)
    drive(body, 1.0, bump)
    before = body.pose.rotation()
    body.step(0.005, bump)
    rate = np.radians(body.angular_velocity)
    for axis in range(3):
        turned = before[:, axis] + np.cross(rate, before[:, axis]) * 0.005
        assert turned == pytest.approx(body.pose.rotation()[:, axis], abs=2e-5)
    assert np.abs(rate).min() > 1e-3  # all three turn


def test_a_driver_keeps_it_on_a_winding_lane_at_town_speed():
    radius, body = 40.0, VehicleBody.of(CAR, Pose(x=40.0, yaw=90.0))
    worst = 0.0
    for tick in range(1200):
        ahead = body.pose.position()[:2] + body.pose.rotation()[:2, 0] * 5.0
        target = ahead / np.hypot(*ahead) * radius
        side = body.pose.rotation()[:2, 1] @ (target - body.pose.position()[:2])
        wheel = math.degrees(math.atan(2 * body.wheelbase_m * side / 25.0)) / MAX_STEER_DEG
        body.control = VehicleControl(0.6 if body.speed_mps < 12.0 else 0.0, wheel)
        body.step(TICK_S, flat)
        if tick > 100:
            worst = max(worst, abs(float(np.hypot(*body.pose.position()[:2])) - radius))
    assert body.speed_mps == pytest.approx(12.0, abs=0.6)
    assert worst < 0.5
