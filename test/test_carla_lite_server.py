"""The server as a program: options, messages, ends."""

import ctypes
from pathlib import Path
import signal
import socket
import subprocess
import sys

from carla_lite.protocol.tokens import unpack_token
from carla_server import carla_server, CarlaServer, ROOT
from carla_wire import settings, WireClient, WireStream
import pytest


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, '-m', 'carla_lite', *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_help_teaches() -> None:
    done = run('--help')
    assert done.returncode == 0
    for text in ('--port', '--town', 'LiteLoop', 'ClearNoon', 'carla.Client', 'examples:'):
        assert text in done.stdout


@pytest.mark.parametrize(
    ('options', 'names'),
    [
        (['--town', 'Town01'], ['--town Town01', 'LiteLoop']),
        (['--weather', 'Nice'], ['--weather Nice', 'HardRainNoon']),
        (['--port', '70000'], ['--port 70000', '65535']),
        (['--rate', '0'], ['--rate 0']),
        (['--host', ''], ['--host is empty', 'every network']),
        (['--seed', '-1'], ['--seed -1']),
    ],
)
def test_mistakes_get_one_sentence(options: list[str], names: list[str]) -> None:
    done = run(*options)
    assert done.returncode == 2 and done.stdout == ''
    (line,) = done.stderr.splitlines()
    assert all(name in line for name in names)


def test_a_taken_port_is_named() -> None:
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        done = run('--port', str(port))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f'127.0.0.1:{port}' in line and '--port' in line


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_with_status_0(tmp_path: Path, number: signal.Signals) -> None:
    server = CarlaServer(tmp_path / 'log', '--weather', 'ClearSunset', '--log', 'debug')
    wire = WireClient(server.port)
    assert wire.call('get_weather_parameters')[5] == 15.0, 'the preset of the option'
    server.process.send_signal(number)
    assert server.process.wait(5) == 0
    assert 'Traceback' not in server.log_text()
    server.stop()
    with pytest.raises(OSError):
        WireClient(server.port, 1.0)


@pytest.mark.skipif(sys.platform != 'linux', reason='threads get no signals of their own')
def test_signals_end_it_whatever_thread_gets_them(tmp_path: Path) -> None:
    """The system chooses the thread; after SIGSTOP it is not the main one."""
    with carla_server(tmp_path) as server:
        pid = server.process.pid
        *_, last = sorted(int(path.name) for path in Path(f'/proc/{pid}/task').iterdir())
        assert last != pid
        assert ctypes.CDLL(None).tgkill(pid, last, signal.SIGTERM) == 0
        assert server.process.wait(5) == 0


def test_a_stopped_subscriber_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with carla_server(tmp_path) as server:
        wire = WireClient(server.port, 1.5)
        wire.call('set_episode_settings', settings(True))
        sizes = [['image_size_x', 2, '1920'], ['image_size_y', 2, '1080']]
        place = [[0.0, 0.0, 2.0], [0.0, 0.0, 0.0]]
        camera = wire.call('spawn_actor', [0, 'sensor.camera.depth', sizes], place)
        stream_id, _ = unpack_token(camera[5])
        stopped = WireStream(wire.call('get_sensor_token', stream_id)[0])
        with pytest.raises(TimeoutError):
            for _ in range(9):  # until the sockets are full, and the tick waits
                wire.call('tick_cue')
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(3) == 0
        stopped.close()


def test_the_traffic_manager_of_the_client_drives(tmp_path: Path) -> None:
    """In a process of its own: the client ends the process when something goes wrong in it."""
    pytest.importorskip('carla', reason='the carla client is not installed')
    with socket.create_server(('127.0.0.1', 0)) as free:
        manager_port = free.getsockname()[1]
    with carla_server(tmp_path, '--town', 'LiteTown') as server:
        program = [sys.executable, __file__, str(server.port), str(manager_port)]
        done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        assert 'Traceback' not in server.log_text()
    vehicles, moved, off_lane, ran_red = done.stdout.split()[-4:]
    assert int(vehicles) >= 4 and int(moved) == int(vehicles)
    assert float(off_lane) < 1.2, 'metres from the middle of a lane, at worst'
    assert int(ran_red) == 0


def drive(port: int, manager_port: int) -> None:
    """Let a traffic manager drive six cars; print how well."""
    import carla

    client = carla.Client('127.0.0.1', port)
    client.set_timeout(30.0)
    world = client.get_world()
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    manager = client.get_trafficmanager(manager_port)
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(2)
    blueprint = world.get_blueprint_library().find('vehicle.tesla.model3')
    town = world.get_map()
    cars = [world.spawn_actor(blueprint, point) for point in town.get_spawn_points()[:24:4]]
    for car in cars:
        car.set_autopilot(True, manager_port)
    way_m, off_m, ran_red = dict.fromkeys((car.id for car in cars), 0.0), 0.0, 0
    last = {}
    for _ in range(700):
        world.tick()
        for car in cars:
            place, light = car.get_location(), car.get_traffic_light_state()
            is_red = car.is_at_traffic_light() and light == carla.TrafficLightState.Red
            before, was_red = last.get(car.id, (place, False))
            way_m[car.id] += place.distance(before)
            lane = town.get_waypoint(place)
            off_m = max(off_m, lane.transform.location.distance_2d(place))
            ran_red += was_red and is_red and lane.is_junction and place.distance(before) > 0.2
            last[car.id] = place, is_red
    moved = sum(way > 20.0 for way in way_m.values())
    print(len(cars), moved, f'{off_m:.2f}', ran_red, flush=True)
    for car in cars:
        car.set_autopilot(False, manager_port)
    settings.synchronous_mode = False
    world.apply_settings(settings)
    manager.shut_down()


if __name__ == '__main__':
    drive(int(sys.argv[1]), int(sys.argv[2]))
