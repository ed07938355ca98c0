"""An IMU feels gravity, turns and speeding up in its own axes, and knows north."""

import math

from carla_lite.pose import Pose
from carla_lite.world.inertia import Inertia
from carla_lite.world.vehicle import VehicleBody, VehicleControl
import numpy as np
import pytest

STILL = np.zeros(3)


def test_at_rest_it_feels_gravity_upwards_also_when_tilted():
    for pose in (Pose(), Pose(yaw=77.0), Pose(pitch=30.0), Pose(roll=90.0)):
        unit = Inertia({})
        felt = [unit.measure(pose, STILL, 0.05).accelerometer for _ in range(5)]
        assert felt[0] == pytest.approx(felt[-1])
        assert pose.rotation() @ felt[-1] == pytest.approx([0, 0, 9.81])
    nose_up = Inertia({}).measure(Pose(pitch=30.0), STILL, 0.05).accelerometer
    assert nose_up[0] == pytest.approx(9.81 / 2)


@pytest.mark.parametrize(
    ('yaw', 'compass'), [(-90, 0), (0, 90), (90, 180), (180, 270), (-179, 271), (-91, 359)]
)
def test_compass_counts_from_minus_y_by_the_east(yaw, compass):
    measured = Inertia({}).measure(Pose(yaw=yaw), STILL, 0.05).compass
    assert math.degrees(measured) == pytest.approx(compass, abs=1e-9)
    assert 0.0 <= measured < 2 * math.pi


def test_steps_of_any_length_give_the_acceleration():
    unit, seconds = Inertia({}), 0.0
    for dt_s in (0.05, 0.02, 0.07, 0.05, 0.1):
        seconds += dt_s
        felt = unit.measure(Pose(x=1.5 * seconds**2, y=4 * seconds), STILL, dt_s)
    assert felt.accelerometer == pytest.approx([3.0, 0.0, 9.81], abs=1e-9)


def test_on_a_car_in_a_bend_it_feels_speed_squared_over_the_radius():
    body, unit = VehicleBody.of('vehicle.tesla.model3', Pose(yaw=20.0)), Inertia({})
    body.set_constant_velocity(np.array([6.0, 0.0, 0.0]))
    body.control = VehicleControl(steer=0.25)
    for _ in range(60):
        body.step(0.02, lambda x, y: 0.0)
        felt = unit.measure(body.pose, body.angular_velocity, 0.02)
    rate = felt.gyroscope[2]
    assert rate == pytest.approx(6.0 * math.tan(math.radians(body.steer_deg)) / body.wheelbase_m)
    inwards = float(np.hypot(*felt.accelerometer[:2]))
    assert inwards == pytest.approx(rate * float(np.linalg.norm(body.velocity)), rel=0.01)
    assert felt.accelerometer[1] > 0  # to the right, where the bend goes
    assert felt.gyroscope[:2] == pytest.approx([0, 0], abs=1e-9)


def test_a_camera_looking_sideways_feels_in_its_own_axes():
    turning = np.array([0.0, 0.0, 90.0])
    lying = Inertia({}).measure(Pose(roll=90.0), turning, 0.05).gyroscope
    assert lying == pytest.approx(Pose(roll=90.0).rotation().T @ [0, 0, math.pi / 2])
    assert abs(lying[1]) == pytest.approx(math.pi / 2)


def test_noise_has_its_bias_and_spread_and_repeats_with_its_seed():
    attributes = {
        'noise_seed': '3',
        'noise_accel_stddev_y': '0.5',
        'noise_gyro_stddev_x': '0.1',
        'noise_gyro_bias_z': '0.25',
    }
    runs = [Inertia(attributes) for _ in range(2)]
    felt = [[unit.measure(Pose(), STILL, 0.05) for _ in range(500)] for unit in runs]
    accel = np.array([[f.accelerometer for f in run] for run in felt])
    gyro = np.array([[f.gyroscope for f in run] for run in felt])
    assert (accel[0] == accel[1]).all() and (gyro[0] == gyro[1]).all()
    assert accel[0, :, 1].std() == pytest.approx(0.5, rel=0.15)
    assert (accel[0][:, [0, 2]] == [0.0, 9.81]).all()
    assert gyro[0, :, 0].std() == pytest.approx(0.1, rel=0.15)
    assert (gyro[0][:, 2] == 0.25).all() and (gyro[0][:, 1] == 0.0).all()
