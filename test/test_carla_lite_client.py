"""What the official client asks of a simulator, asked of a real server."""

# ruff: noqa: F811 - fixtures are imported, and asked for by the same name

import math
import time
from typing import Any

from carla_session import client, spawn, STEP_S, ticks, town_server, world  # noqa: F401
import numpy as np
import pytest

carla = pytest.importorskip('carla', reason='the carla client is not installed')


class TestSession:
    def test_versions(self, client: Any) -> None:
        assert client.get_server_version() == '0.9.16' == client.get_client_version()

    def test_maps(self, client: Any) -> None:
        names = client.get_available_maps()
        assert {'/Game/Carla/Maps/LiteLoop', '/Game/Carla/Maps/LiteTown'} <= set(names)
        assert client.get_world().get_map().name == 'Carla/Maps/LiteTown'

    def test_load_and_reload_begin_new_episodes(self, client: Any) -> None:
        numbers = {client.get_world().id}
        for name in ('/Game/Carla/Maps/LiteLoop', '', 'LiteTown'):
            world = client.load_world(name) if name else client.reload_world()
            numbers.add(world.id)
            assert world.get_map().name == 'Carla/Maps/' + (name or 'LiteLoop').rpartition('/')[2]
        assert len(numbers) == 4

    def test_load_removes_actors_and_keeps_settings_if_asked(
        self, client: Any, world: Any
    ) -> None:
        spawn(world, 'vehicle.tesla.model3')
        world.tick()
        assert len(world.get_actors().filter('vehicle.*')) == 1
        kept = client.reload_world(reset_settings=False)
        assert kept.get_settings().synchronous_mode
        assert len(kept.get_actors().filter('vehicle.*')) == 0
        assert not client.reload_world().get_settings().synchronous_mode

    def test_unknown_map_is_named(self, client: Any) -> None:
        with pytest.raises(RuntimeError, match=r'Town99.*LiteLoop'):
            client.load_world('Town99')

    def test_asynchronous_time_runs_by_itself(self, client: Any) -> None:
        world = client.get_world()
        seen: list[Any] = []
        number = world.on_tick(seen.append)
        first = world.wait_for_tick()
        later = world.wait_for_tick()
        time.sleep(0.3)
        world.remove_on_tick(number)
        assert later.frame > first.frame
        assert 0.0 < later.timestamp.delta_seconds < 0.2
        assert len(seen) >= 4

    def test_synchronous_time_stands_still_until_ticked(self, world: Any) -> None:
        before = world.tick()
        time.sleep(0.2)
        assert world.get_snapshot().frame == before
        assert world.tick() == before + 1
        stamp = world.get_snapshot().timestamp
        assert stamp.delta_seconds == pytest.approx(STEP_S)
        ticks(world, 20)
        assert world.get_snapshot().elapsed_seconds - stamp.elapsed_seconds == pytest.approx(1.0)

    def test_settings_survive_the_way(self, world: Any) -> None:
        wanted = world.get_settings()
        wanted.no_rendering_mode, wanted.max_substeps = True, 7
        wanted.fixed_delta_seconds = 0.025
        world.apply_settings(wanted)
        assert world.get_settings() == wanted

    def test_weather(self, world: Any) -> None:
        wanted = carla.WeatherParameters(cloudiness=12.5, sun_altitude_angle=-30.0, wetness=77.0)
        world.set_weather(wanted)
        assert world.get_weather() == wanted
        world.set_weather(carla.WeatherParameters.HardRainNoon)
        assert world.get_weather() == carla.WeatherParameters.HardRainNoon

    def test_spectator_can_be_moved(self, world: Any) -> None:
        pose = carla.Transform(carla.Location(1.0, 2.0, 30.0), carla.Rotation(-45.0, 10.0, 0.0))
        world.get_spectator().set_transform(pose)
        world.tick()
        assert world.get_spectator().get_transform() == pose

    def test_what_is_missing_says_so(self, client: Any, world: Any) -> None:
        with pytest.raises(RuntimeError, match='cast_ray: carla_lite does not have this call'):
            world.cast_ray(carla.Location(), carla.Location(x=5.0))
        with pytest.raises(RuntimeError, match='start_recorder'):
            client.start_recorder('recording.log')
        with pytest.raises(RuntimeError, match='OpenDRIVE'):
            client.generate_opendrive_world('<OpenDRIVE/>')
        world.tick()

    def test_empty_answers_and_debug_shapes(self, world: Any) -> None:
        assert world.get_environment_objects() == []
        assert world.get_level_bbs(carla.CityObjectLabel.Car) == []
        world.debug.draw_point(carla.Location(), life_time=1.0)
        world.debug.draw_string(carla.Location(), 'here')
        assert world.get_random_location_from_navigation() is None
        world.tick()


class TestMap:
    def test_spawn_points_lie_on_driving_lanes(self, world: Any) -> None:
        town = world.get_map()
        points = town.get_spawn_points()
        assert len(points) >= 8
        for point in points:
            here = town.get_waypoint(point.location, project_to_road=False)
            assert here is not None and here.lane_type == carla.LaneType.Driving
            turned = here.transform.rotation.yaw - point.rotation.yaw
            assert abs((turned + 180.0) % 360.0 - 180.0) < 5.0

    def test_waypoints_go_on_and_on(self, world: Any) -> None:
        waypoint = world.get_map().get_waypoint(world.get_map().get_spawn_points()[0].location)
        for _ in range(300):
            (waypoint, *_) = waypoint.next(2.0)
        assert waypoint.lane_width > 1.0

    def test_topology_junctions_and_markings(self, world: Any) -> None:
        town = world.get_map()
        assert len(town.get_topology()) > 10
        waypoints = town.generate_waypoints(4.0)
        assert any(waypoint.is_junction for waypoint in waypoints)
        junction = next(w for w in waypoints if w.is_junction).get_junction()
        assert junction.get_waypoints(carla.LaneType.Driving)
        marks = {w.right_lane_marking.type for w in waypoints if w.right_lane_marking}
        marks |= {w.left_lane_marking.type for w in waypoints if w.left_lane_marking}
        assert carla.LaneMarkingType.Solid in marks and carla.LaneMarkingType.Broken in marks
        assert town.get_crosswalks() is not None
        assert '<OpenDRIVE' in town.to_opendrive()

    def test_ground_projection(self, world: Any) -> None:
        here = world.get_map().get_spawn_points()[0].location
        ground = world.ground_projection(carla.Location(here.x, here.y, 20.0), 100.0)
        assert ground.location.z == pytest.approx(here.z - 0.3, abs=0.15)
        assert ground.label == carla.CityObjectLabel.Roads


class TestActors:
    def test_blueprints_and_attributes(self, world: Any) -> None:
        library = world.get_blueprint_library()
        assert len(library.filter('vehicle.*')) > 30
        rgb = library.find('sensor.camera.rgb')
        assert rgb.get_attribute('fov').as_float() == 90.0
        with pytest.raises(IndexError):
            library.find('vehicle.not.there')

    def test_spawned_actors_carry_their_attributes(self, world: Any) -> None:
        pose = world.get_map().get_spawn_points()[0]
        car = spawn(world, 'vehicle.tesla.model3', pose, role_name='hero', color='10,20,30')
        world.tick()
        assert car.attributes['role_name'] == 'hero' and car.attributes['color'] == '10,20,30'
        assert car.attributes['number_of_wheels'] == '4'
        assert world.get_actor(car.id).id == car.id
        assert car.get_location().distance(pose.location) < 0.5
        assert car.bounding_box.extent.x == pytest.approx(2.4, abs=0.2)
        assert 14 in car.semantic_tags

    def test_two_cannot_stand_in_one_place(self, world: Any) -> None:
        spawn(world, 'vehicle.tesla.model3')
        pose = world.get_map().get_spawn_points()[0]
        blueprint = world.get_blueprint_library().find('vehicle.audi.tt')
        assert world.try_spawn_actor(blueprint, pose) is None
        with pytest.raises(RuntimeError, match='collision at spawn position'):
            world.spawn_actor(blueprint, pose)

    def test_destroy(self, world: Any) -> None:
        car = spawn(world, 'vehicle.tesla.model3')
        sensor = spawn(world, 'sensor.other.gnss', parent=car)
        world.tick()
        assert car.destroy()
        world.tick()
        numbers = {actor.id for actor in world.get_actors()}
        assert not numbers & {car.id, sensor.id}, 'what is attached goes along'
        assert not world.get_spectator().destroy()

    def test_attached_actors_follow(self, world: Any) -> None:
        car = spawn(world, 'vehicle.tesla.model3')
        offset = carla.Transform(carla.Location(1.2, 0.4, 1.5), carla.Rotation(-8.0, 30.0, 5.0))
        sensor = spawn(world, 'sensor.camera.rgb', offset, car)
        car.set_transform(world.get_map().get_spawn_points()[3])
        world.tick()
        expected = np.array(car.get_transform().get_matrix()) @ np.array(offset.get_matrix())
        np.testing.assert_allclose(sensor.get_transform().get_matrix(), expected, atol=1e-4)
        assert sensor.parent.id == car.id

    def test_attached_actors_are_moved_on_what_they_are_attached_to(self, world: Any) -> None:
        pose = next(p for p in world.get_map().get_spawn_points() if abs(p.rotation.yaw) > 30.0)
        car = spawn(world, 'vehicle.tesla.model3', pose)
        turned = carla.Rotation(-8.0, 30.0, 5.0)
        sensor = spawn(world, 'sensor.other.gnss', carla.Transform(rotation=turned), car)
        for place in (carla.Location(0.5, -0.4, 1.5), carla.Location(-1.0, 0.3, 2.0)):
            sensor.set_location(place)
            world.tick()
            offset = np.array(carla.Transform(place, turned).get_matrix())
            expected = np.array(car.get_transform().get_matrix()) @ offset
            np.testing.assert_allclose(sensor.get_transform().get_matrix(), expected, atol=1e-4)

    def test_bad_values_are_refused(self, world: Any) -> None:
        with pytest.raises(RuntimeError, match='image_size_x'):
            spawn(world, 'sensor.camera.rgb', carla.Transform(), image_size_x=100000)
        with pytest.raises(RuntimeError, match='finite'):
            spawn(world, 'vehicle.audi.tt', carla.Transform(carla.Location(x=math.nan)))
        world.tick()

    def test_transform_velocity_and_impulse(self, world: Any) -> None:
        car = spawn(world, 'vehicle.tesla.model3')
        ticks(world, 10)
        forward = car.get_transform().get_forward_vector()
        car.set_target_velocity(carla.Vector3D(10 * forward.x, 10 * forward.y, 0.0))
        world.tick()
        assert car.get_velocity().length() == pytest.approx(10.0, abs=0.6)
        assert world.get_snapshot().find(car.id).get_velocity().length() > 9.0
        car.set_simulate_physics(False)
        before = car.get_location()
        ticks(world, 5)
        assert car.get_location().distance(before) < 1e-3
        car.set_location(before + carla.Location(z=3.0))
        world.tick()
        assert car.get_location().z == pytest.approx(before.z + 3.0, abs=0.01)

    def test_physics_control_and_lamps(self, world: Any) -> None:
        car = spawn(world, 'vehicle.tesla.model3')
        control = car.get_physics_control()
        assert len(control.wheels) == 4 and control.wheels[0].max_steer_angle > 20.0
        control.mass = 2345.0
        car.apply_physics_control(control)
        lamps = carla.VehicleLightState(
            carla.VehicleLightState.Position | carla.VehicleLightState.LowBeam
        )
        car.set_light_state(lamps)
        world.tick()
        assert car.get_physics_control().mass == 2345.0
        assert car.get_light_state() == lamps
        assert car.get_telemetry_data().speed >= 0.0

    def test_batches(self, client: Any, world: Any) -> None:
        library = world.get_blueprint_library()
        points = world.get_map().get_spawn_points()
        drive = carla.command.ApplyVehicleControl(
            carla.command.FutureActor, carla.VehicleControl(throttle=1.0)
        )
        spawn_both = [
            carla.command.SpawnActor(library.find('vehicle.audi.tt'), points[0]).then(drive),
            carla.command.SpawnActor(library.find('vehicle.audi.tt'), points[0]),
            carla.command.SpawnActor(library.find('vehicle.mini.cooper_s'), points[4]),
        ]
        first, refused, third = client.apply_batch_sync(spawn_both, True)
        assert 'collision' in refused.error and not first.error and not third.error
        attach = carla.command.SpawnActor(
            library.find('sensor.other.gnss'), carla.Transform(), first.actor_id
        )
        (sensor,) = client.apply_batch_sync([attach], True)
        ticks(world, 20)
        car = world.get_actor(first.actor_id)
        assert car.get_velocity().length() > 2.0, '.then(control) drove it off'
        assert world.get_actor(sensor.actor_id).parent.id == car.id
        client.apply_batch([carla.command.DestroyActor(first.actor_id)])
        gone = client.apply_batch_sync([carla.command.DestroyActor(third.actor_id)], True)[0]
        assert not gone.error
        assert len(world.get_actors().filter('vehicle.*')) == 0

    def test_a_failing_then_does_not_lose_the_actor(self, client: Any, world: Any) -> None:
        """As in CARLA: whoever spawned it must be able to destroy it."""
        blueprint = world.get_blueprint_library().find('vehicle.audi.tt')
        point = world.get_map().get_spawn_points()[0]
        walk = carla.command.ApplyWalkerControl(carla.command.FutureActor, carla.WalkerControl())
        push = carla.command.ApplyTargetVelocity(
            carla.command.FutureActor, carla.Vector3D(x=5.0, y=0.0, z=0.0)
        )
        command = carla.command.SpawnActor(blueprint, point).then(walk).then(push)
        (made,) = client.apply_batch_sync([command], True)
        assert not made.error
        car = world.get_actor(made.actor_id)
        assert car.get_velocity().length() > 3.0, 'what comes after the failing one is done'
        assert car.destroy()


class TestTraffic:
    def test_traffic_lights(self, world: Any) -> None:
        world.tick()
        lights = world.get_actors().filter('traffic.traffic_light')
        light = lights[0]
        group = light.get_group_traffic_lights()
        assert len(group) >= 2 and light.id in {other.id for other in group}
        light.set_state(carla.TrafficLightState.Yellow)
        light.set_green_time(7.5)
        world.tick()
        assert light.state == carla.TrafficLightState.Yellow
        assert light.get_green_time() == 7.5
        assert light.get_stop_waypoints(), 'the map and the actors name the same signals'
        world.freeze_all_traffic_lights(True)
        world.tick()
        before = [other.state for other in lights]
        ticks(world, 400)
        assert light.is_frozen() and [other.state for other in lights] == before
        world.freeze_all_traffic_lights(False)
        world.reset_all_traffic_lights()
        seen = set()
        for _ in range(600):
            world.tick()
            seen |= {(other.id, str(other.state)) for other in lights}
        assert {(other.id, 'Green') for other in lights} <= seen
        assert {(other.id, 'Red') for other in lights} <= seen

    def test_walkers_walk(self, world: Any) -> None:
        walker = spawn(world, 'walker.pedestrian.0005')
        ticks(world, 10)
        start = walker.get_location()
        walker.apply_control(carla.WalkerControl(carla.Vector3D(0.0, 1.0, 0.0), 1.5))
        ticks(world, 40)
        assert walker.get_location().y - start.y == pytest.approx(3.0, abs=0.2)
        assert walker.get_control().speed == pytest.approx(1.5)

    def test_walker_controllers_do_no_harm(self, world: Any) -> None:
        walker = spawn(world, 'walker.pedestrian.0005')
        controller = spawn(world, 'controller.ai.walker', parent=walker)
        world.tick()
        controller.start()
        controller.set_max_speed(1.4)
        ticks(world, 5)
        controller.stop()
        world.tick()

    def test_ackermann_and_constant_velocity(self, world: Any) -> None:
        car = spawn(world, 'vehicle.tesla.model3')
        car.apply_ackermann_control(carla.VehicleAckermannControl(speed=4.0))
        ticks(world, 100)
        assert car.get_velocity().length() == pytest.approx(4.0, abs=0.5)
        car.enable_constant_velocity(carla.Vector3D(6.0, 0.0, 0.0))
        ticks(world, 3)
        assert car.get_velocity().length() == pytest.approx(6.0, abs=0.3)
        car.disable_constant_velocity()
        car.apply_control(carla.VehicleControl(brake=1.0))
        ticks(world, 60)
        assert car.get_velocity().length() < 0.1
        assert car.get_control().brake == 1.0
