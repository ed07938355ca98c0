"""Cameras and other sensors, as the official client gets them from a real server."""

# ruff: noqa: F811 - fixtures are imported, and asked for by the same name

import math
import queue
from typing import Any

from carla_session import (  # noqa: F401
    camera,
    client,
    HEIGHT,
    pixels,
    spawn,
    STEP_S,
    ticks,
    town_server,
    WIDTH,
    world,
)
import numpy as np
import pytest

carla = pytest.importorskip('carla', reason='the carla client is not installed')

KINDS = ('rgb', 'semantic_segmentation', 'instance_segmentation', 'depth')
WAIT_S = 10.0


class TestCameras:
    def test_all_of_a_tick_share_frame_time_and_pose(self, world: Any) -> None:
        car = spawn(world, 'vehicle.tesla.model3')
        queues = [camera(world, kind, car)[1] for kind in KINDS]
        car.apply_control(carla.VehicleControl(throttle=0.8, steer=0.2))
        for _ in range(10):
            frame = world.tick()
            images = [images.get(timeout=WAIT_S) for images in queues]
            assert {image.frame for image in images} == {frame}
            assert len({image.timestamp for image in images}) == 1
            assert len({str(image.transform.get_matrix()) for image in images}) == 1
            state = world.get_snapshot().find(car.id).get_transform()
            offset = np.linalg.inv(state.get_matrix()) @ np.array(images[0].transform.get_matrix())
            np.testing.assert_allclose(offset[:3, 3], [1.0, 0.0, 1.6], atol=1e-3)
        assert all(images.empty() for images in queues), 'one image a tick and camera'

    def test_the_first_tick_after_listen_has_a_picture(self, world: Any) -> None:
        pose = world.get_map().get_spawn_points()[0]
        for _ in range(10):
            actor, images = camera(world, 'rgb', pose=pose, image_size_x=16, image_size_y=16)
            assert world.tick() == images.get(timeout=WAIT_S).frame
            actor.destroy()

    @pytest.mark.parametrize(
        ('width', 'height', 'fov'), [(8, 8, 90), (127, 33, 60), (640, 360, 120)]
    )
    def test_any_size_and_field_of_view(
        self, world: Any, width: int, height: int, fov: int
    ) -> None:
        pose = world.get_map().get_spawn_points()[0]
        sizes = {'image_size_x': width, 'image_size_y': height, 'fov': fov}
        _, images = camera(world, 'semantic_segmentation', pose=pose, **sizes)
        world.tick()
        image = images.get(timeout=WAIT_S)
        assert (image.width, image.height, image.fov) == (width, height, fov)
        assert len(image.raw_data) == 4 * width * height

    def test_labels_agree_with_depth_and_instances(self, world: Any) -> None:
        points = world.get_map().get_spawn_points()
        car = spawn(world, 'vehicle.tesla.model3', points[0])
        ahead = points[0].get_forward_vector()
        place = points[0].location + carla.Location(12 * ahead.x, 12 * ahead.y, 0.0)
        other = spawn(world, 'vehicle.audi.tt', carla.Transform(place, points[0].rotation))
        pose = carla.Transform(carla.Location(x=2.6, z=1.3))
        _, labels = camera(world, 'semantic_segmentation', car, pose)
        _, numbers = camera(world, 'instance_segmentation', car, pose)
        _, depths = camera(world, 'depth', car, pose)
        ticks(world, 1)
        tags = pixels(labels.get(timeout=WAIT_S))[..., 2]
        instance = pixels(numbers.get(timeout=WAIT_S)).astype(int)
        blue, green, red = np.moveaxis(pixels(depths.get(timeout=WAIT_S))[..., :3], -1, 0).astype(
            float
        )
        metres = (red + 256 * green + 65536 * blue) / (2**24 - 1) * 1000
        np.testing.assert_array_equal(instance[..., 2], tags)
        is_other = instance[..., 1] + 256 * instance[..., 0] == other.id
        assert is_other.sum() > 20 and (tags[is_other] == 14).all()
        assert (np.abs(metres[is_other] - (12 - 2.6 - 2.1)) < 4.3).all()
        assert tags[2, 2] in (11, 3, 9) and metres[tags == 11].min() > 900
        assert len(np.unique(tags)) >= 3

    def test_own_vehicle_is_seen_from_outside_or_as_a_bonnet(self, world: Any) -> None:
        car = spawn(world, 'vehicle.tesla.model3')
        inside = carla.Transform(carla.Location(x=0.2, z=1.35))
        behind = carla.Transform(carla.Location(x=-7.0, z=2.0))
        level = carla.Transform(carla.Location(x=0.2, z=1.36))
        _, empty = camera(world, 'semantic_segmentation', car, inside)
        _, whole = camera(world, 'semantic_segmentation', car, behind)
        camera(world, 'rgb', car, level, lite_bonnet='true')
        _, bonnet = camera(world, 'semantic_segmentation', car, level)
        world.tick()
        none, all_of_it, front = (
            (pixels(images.get(timeout=WAIT_S))[..., 2] == 14).mean()
            for images in (empty, whole, bonnet)
        )
        assert none < 0.02 < all_of_it
        assert front > 0.1, "the labels have the colours' bonnet"

    def test_semantic_colours_convert_in_the_client(self, world: Any) -> None:
        pose = world.get_map().get_spawn_points()[0]
        _, images = camera(world, 'semantic_segmentation', pose=pose)
        world.tick()
        image = images.get(timeout=WAIT_S)
        tags = pixels(image)[..., 2].copy()
        image.convert(carla.ColorConverter.CityScapesPalette)
        colours = pixels(image)[..., 2::-1]
        assert (colours[tags == 11] == (70, 130, 180)).all()
        assert (colours[tags == 1] == (128, 64, 128)).all()

    def test_sensor_tick_thins_out(self, world: Any) -> None:
        pose = world.get_map().get_spawn_points()[0]
        _, slow = camera(world, 'rgb', pose=pose, sensor_tick=4 * STEP_S)
        ticks(world, 20)
        times = [slow.get(timeout=WAIT_S).timestamp for _ in range(5)]
        np.testing.assert_allclose(np.diff(times), 4 * STEP_S, atol=1e-6)
        with pytest.raises(queue.Empty):
            slow.get(timeout=0.2)

    def test_no_rendering_mode_sends_nothing(self, world: Any) -> None:
        settings = world.get_settings()
        settings.no_rendering_mode = True
        world.apply_settings(settings)
        pose = world.get_map().get_spawn_points()[0]
        _, images = camera(world, 'rgb', pose=pose)
        ticks(world, 3)
        with pytest.raises(queue.Empty):
            images.get(timeout=0.2)

    def test_same_seed_and_place_give_the_same_picture(self, client: Any, world: Any) -> None:
        pictures = []
        for _ in range(2):
            world = client.reload_world(reset_settings=False)
            pose = world.get_map().get_spawn_points()[2]
            _, labels = camera(world, 'semantic_segmentation', pose=pose)
            world.tick()
            pictures.append(pixels(labels.get(timeout=WAIT_S)))
        np.testing.assert_array_equal(*pictures)

    def test_post_effects_change_colours_but_not_labels(self, world: Any) -> None:
        """Labels come along with a colour picture of the same view where there is one."""
        pose = world.get_map().get_spawn_points()[0]
        kinds = ('semantic_segmentation', 'instance_segmentation', 'depth')
        found = [camera(world, kind, pose=pose)[1] for kind in kinds]
        world.tick()
        alone = [pixels(images.get(timeout=WAIT_S)) for images in found]
        effects = {'blur_radius': 60.0, 'lite_noise': 30.0, 'lite_jpeg_quality': 20}
        _, dark = camera(world, 'rgb', pose=pose, exposure_compensation=-2.0, **effects)
        world.tick()
        along = [pixels(images.get(timeout=WAIT_S)) for images in found]
        for before, after in zip(alone, along, strict=True):
            np.testing.assert_array_equal(before, after)
        _, plain = camera(world, 'rgb', pose=pose)
        world.tick()
        lit, dim = (pixels(images.get(timeout=WAIT_S)) for images in (plain, dark))
        assert dim[..., :3].mean() < 0.6 * lit[..., :3].mean()
        assert (lit[..., 3] == 255).all()

    def test_a_bent_lens_bends_labels_as_well(self, world: Any) -> None:
        pose = world.get_map().get_spawn_points()[0]
        _, straight = camera(world, 'semantic_segmentation', pose=pose)
        _, bent = camera(world, 'semantic_segmentation', pose=pose, lens_k=3.0)
        world.tick()
        labels, bent_labels = (pixels(images.get(timeout=WAIT_S)) for images in (straight, bent))
        assert (labels != bent_labels).any()


class TestOtherSensors:
    def test_gnss_agrees_with_the_map(self, world: Any) -> None:
        car = spawn(world, 'vehicle.tesla.model3')
        found: queue.Queue[Any] = queue.Queue()
        spawn(world, 'sensor.other.gnss', parent=car).listen(found.put)
        frame = world.tick()
        fix = found.get(timeout=WAIT_S)
        expected = world.get_map().transform_to_geolocation(car.get_location())
        assert fix.frame == frame
        assert fix.latitude == pytest.approx(expected.latitude, abs=1e-6)
        assert fix.longitude == pytest.approx(expected.longitude, abs=1e-6)

    def test_imu_feels_gravity_and_push(self, world: Any) -> None:
        car = spawn(world, 'vehicle.tesla.model3')
        ticks(world, 20)
        found: queue.Queue[Any] = queue.Queue()
        spawn(world, 'sensor.other.imu', parent=car).listen(found.put)
        ticks(world, 5)
        *_, still = (found.get(timeout=WAIT_S) for _ in range(5))
        assert still.accelerometer.z == pytest.approx(9.81, abs=0.3)
        car.apply_control(carla.VehicleControl(throttle=1.0))
        ticks(world, 10)
        *_, pushed = (found.get(timeout=WAIT_S) for _ in range(10))
        assert pushed.accelerometer.x > 2.0
        yaw = math.radians(car.get_transform().rotation.yaw + 90.0)
        assert math.cos(pushed.compass - yaw) > 0.99

    def test_collision_names_both(self, world: Any) -> None:
        pose = world.get_map().get_spawn_points()[0]
        ahead = pose.get_forward_vector()
        car = spawn(world, 'vehicle.tesla.model3', pose)
        place = pose.location + carla.Location(10 * ahead.x, 10 * ahead.y, 0.2)
        wall = spawn(world, 'vehicle.audi.tt', carla.Transform(place, pose.rotation))
        found: queue.Queue[Any] = queue.Queue()
        spawn(world, 'sensor.other.collision', parent=car).listen(found.put)
        car.apply_control(carla.VehicleControl(throttle=1.0))
        ticks(world, 60)
        event = found.get(timeout=WAIT_S)
        assert (event.actor.id, event.other_actor.id) == (car.id, wall.id)
        assert event.normal_impulse.length() > 100.0

    def test_lane_invasion(self, world: Any) -> None:
        car = spawn(world, 'vehicle.tesla.model3')
        found: queue.Queue[Any] = queue.Queue()
        spawn(world, 'sensor.other.lane_invasion', parent=car).listen(found.put)
        world.tick()
        right = car.get_transform().get_right_vector()
        start = car.get_transform()
        for number in range(12):
            side = 0.5 * number
            place = start.location - carla.Location(side * right.x, side * right.y, 0.0)
            car.set_transform(carla.Transform(place, start.rotation))
            world.tick()
        event = found.get(timeout=WAIT_S)
        assert event.crossed_lane_markings
