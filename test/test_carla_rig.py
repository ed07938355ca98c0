"""The rig against a simulator of its own process, through the official client."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time

from carla_server import carla_server, CarlaServer, ROOT
import numpy as np
import pytest
from seg_node.carla.config import CameraMount, RigConfig
from seg_node.carla.errors import CarlaError, NoServerError, ServerLostError
from seg_node.carla.lane_marks import lane_marks_only, MapLines
from seg_node.carla.pose import Pose
from seg_node.carla.rig import open_rig
from seg_node.carla.shot import LostShot, Shot
from seg_node.carla.tags import labels_of_picture, labels_of_tags
from seg_node.labels import LANE_MARKING

carla = pytest.importorskip('carla', reason='the carla client is not installed')

CAMERAS = (
    CameraMount('front', 64, 48, 90.0, Pose(1.5, 0.0, 1.6, -5.0), depth=True),
    CameraMount('left', 48, 64, 60.0, Pose(0.5, -0.8, 1.2, 0.0, -90.0), truth=False),
)


@pytest.fixture(scope='module')
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarlaServer]:
    """Yield a simulator for all tests that leave it as it was."""
    with carla_server(tmp_path_factory.mktemp('server'), '--town', 'LiteLoop') as running:
        yield running


def config_for(server: CarlaServer, **changes) -> RigConfig:
    return RigConfig(port=server.port, cameras=CAMERAS, timeout_s=10.0, **changes)


def state_of(world) -> tuple:
    """Return what a rig must leave as it found it."""
    world.wait_for_tick()
    settings, weather = world.get_settings(), world.get_weather()
    actors = {(actor.id, actor.type_id) for actor in world.get_actors()}
    return (
        actors,
        settings.synchronous_mode,
        settings.fixed_delta_seconds,
        settings.max_substeps,
        settings.max_substep_delta_time,
        weather.sun_altitude_angle,
        weather.precipitation,
    )


@pytest.fixture
def bystander(server: CarlaServer) -> Iterator[object]:
    """Yield the world with another client's car and weather in it."""
    world = server.client().get_world()
    blueprint = world.get_blueprint_library().filter('vehicle.*')[0]
    blueprint.set_attribute('role_name', 'bystander')
    car = world.spawn_actor(blueprint, world.get_map().get_spawn_points()[1])
    world.wait_for_tick()
    world.set_weather(carla.WeatherParameters(sun_altitude_angle=33.0, precipitation=12.0))
    yield world
    car.destroy()


def test_shots_belong_together(server: CarlaServer) -> None:
    with open_rig(config_for(server, rate_hz=10.0, weather='WetNoon', spawn_point=0)) as rig:
        shots = list(islice(rig.shots(), 30))
        assert rig.world.get_settings().synchronous_mode
        assert rig.world.get_weather().precipitation_deposits == 50.0
        assert rig.town == 'LiteLoop'
        assert rig.counts.shots == 30
        assert rig.counts.lost == {}
    first = shots[0]
    assert [shot.frame_number - first.frame_number for shot in shots] == list(range(30))
    steps_ns = np.diff([shot.stamp_ns for shot in shots])
    assert np.all(np.abs(steps_ns - 1e8) < 1e4)
    assert shots[-1].speed_mps > 3.0
    for shot in shots[::10]:
        assert set(shot.pictures) == {'front', 'left'}
        assert set(shot.tags) == set(shot.depths_m) == {'front'}
        assert shot.pictures['front'].image.shape == (48, 64, 4)
        assert shot.pictures['front'].stamp_ns == shot.stamp_ns
        assert shot.pictures['left'].image.shape == (64, 48, 4)
        assert shot.tags['front'].shape == shot.depths_m['front'].shape == (48, 64)
        for mount in CAMERAS:
            expected = (shot.ego_pose.matrix @ mount.pose.matrix)[:3]
            assert np.allclose(shot.camera_poses[mount.name].matrix[:3], expected, atol=1e-3)
    moved_m = np.hypot(
        shots[-1].ego_pose.x_m - first.ego_pose.x_m, shots[-1].ego_pose.y_m - first.ego_pose.y_m
    )
    assert moved_m > 5.0


def test_colours_of_the_official_palette_mean_the_same_labels(server: CarlaServer) -> None:
    """The client's own converter makes the palette picture of one tick's tags."""
    config = RigConfig(port=server.port, cameras=(CameraMount('front', 160, 90),), timeout_s=10.0)
    colored: dict[int, np.ndarray] = {}
    with open_rig(config) as rig:
        blueprint = rig.world.get_blueprint_library().find('sensor.camera.semantic_segmentation')
        blueprint.set_attribute('image_size_x', '160')
        blueprint.set_attribute('image_size_y', '90')
        place = config.cameras[0].pose.transform(carla)
        sensor = rig.world.spawn_actor(blueprint, place, attach_to=rig.ego)

        def keep(image) -> None:
            image.convert(carla.ColorConverter.CityScapesPalette)
            pixels = np.frombuffer(image.raw_data, np.uint8).reshape(90, 160, 4)
            colored[image.frame] = pixels.copy()

        sensor.listen(keep)
        shots = {shot.frame_number: shot for shot in islice(rig.shots(), 5)}
        sensor.stop()
        sensor.destroy()
    both = sorted(set(shots) & set(colored))
    assert both
    for frame in both:
        labels = labels_of_tags(shots[frame].tags['front'])
        assert np.array_equal(labels_of_picture(colored[frame]), labels)


def test_the_maps_own_markings_stay_lane_markings(server: CarlaServer) -> None:
    """Map, camera, depth and pose of the real client fit together."""
    mount = CameraMount('front', 256, 128, pose=Pose(1.5, 0.0, 1.6, -5.0), depth=True)
    config = RigConfig(port=server.port, cameras=(mount,), autopilot='none', timeout_s=10.0)
    painted, kept = 0, {'seen from above': 0, 'drawn into the picture': 0}
    with open_rig(config) as rig:
        lines = MapLines.of_map(rig.map)
        for place in range(0, len(rig.spawn_points()), 4):
            rig.teleport(place)
            rig.tick()
            shot = next(rig.shots())
            labels = labels_of_tags(shot.tags['front'])
            painted += np.count_nonzero(labels == LANE_MARKING)
            for way, depth in zip(kept, (shot.depths_m['front'], None), strict=True):
                pose = shot.camera_poses['front']
                left = lane_marks_only(labels, mount, pose, lines, depth)
                kept[way] += np.count_nonzero(left == LANE_MARKING)
    assert painted > 500
    for way, count in kept.items():
        assert 0.7 * painted < count < painted, way


RIG_PROGRAM = """
import sys, time
from seg_node.carla.config import CameraMount, RigConfig
from seg_node.carla.rig import open_rig
config = RigConfig(port=int(sys.argv[1]), cameras=(CameraMount('front', 64, 48),), timeout_s=10.0,
                   weather='HardRainNoon')
with open_rig(config) as rig:
    for number, shot in enumerate(rig.shots()):
        if number == 3:
            print('shooting', flush=True)
            if sys.argv[2] == 'exception':
                raise ZeroDivisionError
            if sys.argv[2] == 'done':
                break
"""


@pytest.mark.parametrize(
    ('end', 'status'),
    [('done', 0), ('exception', 1), (signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)],
)
def test_however_it_ends_the_world_is_as_before(server, bystander, end, status) -> None:
    before = state_of(bystander)
    process = subprocess.Popen(
        [sys.executable, '-c', RIG_PROGRAM, str(server.port), str(end)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == 'shooting\n'
    if isinstance(end, signal.Signals):
        process.send_signal(end)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == status, errors
    assert state_of(bystander) == before


def test_a_car_with_the_role_is_taken_and_left(server: CarlaServer, bystander) -> None:
    car = next(a for a in bystander.get_actors() if a.attributes.get('role_name') == 'bystander')
    before = state_of(bystander)
    with open_rig(config_for(server, role='bystander', autopilot='none')) as rig:
        assert rig.ego.id == car.id
        rig.teleport(3)
        shot = next(rig.shots())
        place = rig.spawn_points()[3]
        assert abs(shot.ego_pose.x_m - place.x_m) < 0.5
        assert abs(shot.ego_pose.y_m - place.y_m) < 0.5
        rig.teleport(Pose(place.x_m, place.y_m, place.z_m + 0.2, yaw_deg=place.yaw_deg + 30.0))
        assert abs(next(rig.shots()).ego_pose.yaw_deg - place.yaw_deg - 30.0) % 360 < 1.0
        with pytest.raises(CarlaError, match='there is no spawn point 999'):
            rig.teleport(999)
    assert state_of(bystander) == before


def test_another_town_with_the_same_rig(server: CarlaServer, bystander) -> None:
    with open_rig(config_for(server, town='LiteLoop', weather='ClearSunset')) as rig:
        other = next(town for town in rig.towns() if town != 'LiteLoop')
        first = next(rig.shots())
        rig.load_town(other)
        shot = next(rig.shots())
        assert rig.town == other
        assert shot.frame_number != first.frame_number
        assert rig.world.get_settings().synchronous_mode
        assert rig.world.get_weather().sun_altitude_angle == 15.0
        with pytest.raises(CarlaError, match=f"no town 'Nowhere': It has .*{other}"):
            rig.load_town('Nowhere')
        assert isinstance(rig.tick(), Shot), 'a town that is not there changes nothing'
        rig.load_town('LiteLoop')
    world = server.client().get_world()
    actors, synchronous, *_, altitude_deg, rain = state_of(world)
    assert not synchronous
    assert not [kind for _, kind in actors if kind.startswith(('sensor.', 'vehicle.'))]
    assert (altitude_deg, rain) == (33.0, 12.0)


def test_pictures_follow_the_ticks_of_another_client(server: CarlaServer) -> None:
    with open_rig(config_for(server)) as driving:
        stop = threading.Event()

        def tick() -> None:
            while not stop.is_set():
                driving.tick()
                time.sleep(0.05)

        thread = threading.Thread(target=tick)
        thread.start()
        try:
            with open_rig(config_for(server, drives_clock=False, autopilot='none')) as following:
                assert following.ego.id == driving.ego.id
                shots = list(islice(following.shots(), 5))
        finally:
            stop.set()
            thread.join()
        assert driving.world.get_settings().synchronous_mode
    frames = [shot.frame_number for shot in shots]
    assert frames == sorted(set(frames))


def test_what_another_client_destroys_is_told(server: CarlaServer) -> None:
    with open_rig(config_for(server, autopilot='none', picture_timeout_s=2.0)) as rig:
        world = server.client().get_world()
        next(rig.shots())
        camera = world.get_actors().filter('sensor.camera.semantic_segmentation')[0]
        before = dict(rig.counts.lost)
        assert camera.destroy()
        first = rig.tick()
        assert isinstance(first, LostShot)
        assert first.reason == 'no front/semantic_segmentation', 'the others had time to come'
        rig.config = replace(rig.config, picture_timeout_s=0.2)  # nothing is worth waiting for
        second = rig.tick()
        assert isinstance(second, LostShot)
        assert 'front/semantic_segmentation' in second.reason
        reasons = [first.reason, second.reason]
        assert rig.counts.lost == dict(Counter(before) + Counter(reasons))
        with pytest.raises(CarlaError, match='10 ticks in a row without a complete shot'):
            next(rig.shots())
        world.get_actors([rig.ego.id])[0].destroy()
        with pytest.raises(CarlaError, match='the car is gone'):
            rig.tick()


def test_a_server_that_hangs_is_told_soon(tmp_path: Path) -> None:
    with carla_server(tmp_path) as server:
        config = RigConfig(port=server.port, cameras=CAMERAS, timeout_s=3.0)
        lost = pytest.raises(ServerLostError, match='does not answer any more')
        with lost, open_rig(config) as rig:
            rig.tick()
            server.process.send_signal(signal.SIGSTOP)
            began_s = time.monotonic()
            for _ in rig.shots():
                pass
        # Three seconds for the tick and three for asking once whether there is still a server;
        # if each of the three steps of undoing asked for itself, it would be twelve.
        assert time.monotonic() - began_s < 11.0
        config = replace(config, timeout_s=1.0)
        silent = pytest.raises(NoServerError, match='does not answer as CARLA within 1 s')
        with silent, open_rig(config):
            pass
        server.process.kill()


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'town': 'LiteLop'}, "no town 'LiteLop': did you mean LiteLoop"),
        ({'weather': 'ClearMoon'}, "weather 'ClearMoon' is unknown: did you mean ClearNoon"),
        ({'weather': {'sun': 3.0}}, "weather parameter 'sun' is unknown"),
        ({'vehicle': 'vehicle.no.such'}, "no blueprint 'vehicle.no.such': use one of vehicle."),
        ({'spawn_point': 999}, 'there is no spawn point 999: use 0 to'),
    ],
)
def test_what_the_server_does_not_have(server, bystander, changes, words) -> None:
    before = state_of(bystander)
    with pytest.raises(CarlaError, match=words), open_rig(config_for(server, **changes)):
        pass
    assert state_of(bystander) == before
