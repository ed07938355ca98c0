"""The server under clients that misbehave, die, stop listening or never end."""

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import warnings

from carla_lite.protocol import messages
from carla_server import carla_server, CarlaServer, ROOT
from carla_wire import frame_of, settings, TIMEOUT_S, WireClient, WireStream
import pytest

CAR = [0, 'vehicle.tesla.model3', []]
CAMERA = [0, 'sensor.camera.semantic_segmentation', []]


@pytest.fixture(scope='module')
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarlaServer]:
    with carla_server(tmp_path_factory.mktemp('server'), '--rate', '100') as started:
        yield started
        assert 'Traceback' not in started.log_text()


@pytest.fixture
def wire(server: CarlaServer) -> Iterator[WireClient]:
    """Yield a connection in a fresh, asynchronous episode."""
    client = WireClient(server.port)
    client.call('load_new_episode', '', True, 65535)
    yield client
    client.close()


def spawn_camera(wire: WireClient, width: int, height: int) -> tuple[int, bytes]:
    """Return a camera's actor and the token of its stream."""
    sizes = [['image_size_x', 2, str(width)], ['image_size_y', 2, str(height)]]
    place = [[0.0, 0.0, 2.0], [0.0, 0.0, 0.0]]
    actor = wire.call('spawn_actor', [0, CAMERA[1], sizes], place)
    stream_id = struct.unpack_from('<I', actor[5])[0]
    return actor[0], wire.call('get_sensor_token', stream_id)[0]


def stream_port(wire: WireClient) -> int:
    return int(struct.unpack_from('<IH', wire.call('get_episode_info')[1][0])[1])


def memory_mb(pid: int) -> float:
    pages = int(Path(f'/proc/{pid}/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 2**20


def most_memory_mb(pid: int) -> float:
    """Return the most that a process had so far."""
    status = Path(f'/proc/{pid}/status').read_text()
    return int(status.partition('VmHWM:')[2].split()[0]) / 1024


RUBBISH = {
    'http': b'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'zeros': bytes(4096),
    'endless array': b'\xdd\xff\xff\xff\xff' + b'\x91' * 1000,
    'deep': b'\x91' * 100_000,
    'wrong shape': b'\x93\x01\x02\x03',
    'bad text': b'\x94\x00\x01\xa4\xff\xfe\xfd\xfc\x91\x91\xc2',
}


@pytest.mark.parametrize('rubbish', RUBBISH.values(), ids=RUBBISH)
def test_rubbish_ends_only_its_own_connection(wire: WireClient, rubbish: bytes) -> None:
    for port in (wire.socket.getpeername()[1], stream_port(wire)):
        with socket.create_connection(('127.0.0.1', port), 5.0) as connection:
            with contextlib.suppress(OSError):  # it may hang up in the middle
                connection.sendall(rubbish)
                connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while connection.recv(4096):
                    pass
    assert wire.call('version') == '0.9.16'


@pytest.mark.parametrize(
    'filling', [b'\x90', b'\x91\x80', b'\xd4\x01\x00'], ids=['[]', '{}', 'ext']
)
def test_a_small_call_does_not_become_a_large_one(
    server: CarlaServer, wire: WireClient, filling: bytes
) -> None:
    """Empty arrays take a byte on the wire, and some seventy as objects."""
    before_mb = most_memory_mb(server.process.pid)
    rubbish = b'\x94\x00\x01\xa4long' + b'\xdc\xff\xff' + (b'\xdc\xff\xff' + filling * 0xFFFF) * 60
    with socket.create_connection(('127.0.0.1', wire.socket.getpeername()[1]), 5.0) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(rubbish)
        with contextlib.suppress(ConnectionError):
            assert connection.recv(4096) == b'', 'it hangs up before the end'
    assert most_memory_mb(server.process.pid) - before_mb < 40.0
    assert wire.call('version') == '0.9.16'


def test_without_file_descriptors_it_waits_and_goes_on(
    server: CarlaServer, wire: WireClient
) -> None:
    wire.call('set_episode_settings', settings(True))
    pid, ports = server.process.pid, (wire.socket.getpeername()[1], stream_port(wire))
    was = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = len(list(Path(f'/proc/{pid}/fd').iterdir()))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 4, was[1]))
    try:
        crowd = [
            socket.create_connection(('127.0.0.1', port), 5.0) for port in ports for _ in range(8)
        ]
        before_s = processor_s(pid)
        time.sleep(1.0)
        assert processor_s(pid) - before_s < 0.3, 'it spins'
        wire.call('tick_cue')
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, was)
    for connection in crowd:
        connection.close()
    late = WireClient(ports[0])
    stream = WireStream(late.call('get_sensor_token', 1)[0])
    assert late.call('tick_cue') >= frame_of(stream.message())
    stream.close()
    late.close()


def test_new_episode_is_told_late_and_once(wire: WireClient) -> None:
    """
    The official client ends when its old subscription gets a message while it makes a new one.

    Others that listen must hear of the new episode nevertheless.
    """
    listener = WireStream(wire.call('get_episode_info')[1][0])
    before = struct.unpack_from('<Q', listener.message(), 48)[0]
    begin_s = time.monotonic()
    wire.call('load_new_episode', '', True, 65535)
    told = []
    while len(told) < 3:
        message = listener.message()
        episode, flags = (
            struct.unpack_from(f, message, at)[0] for f, at in (('<Q', 48), ('<I', 80))
        )
        if episode != before:
            told.append((episode, flags))
            if len(told) == 1:
                # The rest of half a second begins after that, however late we hear of it.
                assert time.monotonic() - begin_s > 0.5
    listener.close()
    assert told == [(before + 1, messages.MAP_CHANGED), (before + 1, 0), (before + 1, 0)]


def processor_s(pid: int) -> float:
    """Return how long a process has worked."""
    user, system = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf('SC_CLK_TCK')


def test_wrong_arguments_are_answered(wire: WireClient) -> None:
    for name, *arguments in (
        ('spawn_actor', 1, 2),
        ('spawn_actor', [0, 'vehicle.not.there', []], [[0, 0, 0], [0, 0, 0]]),
        ('set_episode_settings', []),
        ('set_episode_settings', settings(True, -1.0)),
        ('get_sensor_token', 4_000_000_000),
        ('destroy_actor',),
        ('set_weather_parameters', [float('nan')] * 14),
        ('no_such_call', 1),
    ):
        with pytest.raises(RuntimeError, match=name):
            wire.call(name, *arguments)
    assert wire.call('version') == '0.9.16'


def test_no_value_of_a_client_stops_time(wire: WireClient) -> None:
    """What leaves the world is float32 and int32: a tick that fails would fail for everybody."""
    wire.call('load_new_episode', 'LiteTown', True, 65535)
    wire.call('set_episode_settings', settings(True))
    points = wire.call('get_map_info')[1]
    car, walker = (
        wire.call('spawn_actor', [0, name, []], point)[0]
        for name, point in zip((CAR[1], 'walker.pedestrian.0005'), points[::8], strict=False)
    )
    light = light_before(wire, car)
    pedals, still = [0.0, 0.0, 0.0, False, False, True], [[0, 0, 0], [0, 0, 0]]
    for name, *arguments in (
        ('apply_control_to_vehicle', car, [*pedals, 2**40]),
        ('apply_control_to_vehicle', car, [*pedals, float('inf')]),
        ('apply_ackermann_control_to_vehicle', car, ['x', 0, 0, 0, 0]),
        ('apply_ackermann_control_to_vehicle', car, [0, 0, 1e300, 0, 0]),
        ('apply_control_to_walker', walker, [[1, 0, 0], 1e300, False]),
        ('apply_control_to_walker', walker, [[1e300, 0, 0], 1, False]),
        ('set_actor_transform', car, [[0, 1e300, 0], [0, 0, 0]]),
        ('set_actor_transform', car, [[0, 0, 0], [0, 1e300, 0]]),
        ('set_actor_location', walker, [1e39, 0, 0]),
        ('set_actor_target_velocity', car, [0, 0, 1e300]),
        ('set_traffic_light_green_time', light, 1e300),
        ('set_episode_settings', settings(True, 1e-300)),
        ('spawn_actor', [0, 'sensor.other.imu', [['noise_gyro_bias_x', 3, 'inf']]], still),
    ):
        with pytest.raises(RuntimeError, match=name):
            wire.call(name, *arguments)
        wire.call('tick_cue')
    wire.call('set_traffic_light_state', light, 2.0)
    wire.call('set_vehicle_light_state', car, [1e25])
    for vector in ([1e30, -1e30, 1e30], [1e6, 1e6, 1e6]):
        wire.call('set_actor_location', car, [1e6, -1e6, 1e6])
        for name in ('set_actor_target_velocity', 'add_actor_impulse', 'add_actor_force'):
            wire.call(name, car, vector)
        wire.call('add_actor_angular_impulse', car, vector)
        wire.call('add_actor_impulse', walker, vector)
        wire.call('apply_control_to_walker', walker, [vector, 1e30, True])
        wire.call('apply_ackermann_control_to_vehicle', car, [1e30] * 5)
        wire.call('tick_cue')
    assert wire.call('get_vehicle_light_states') == [[car, int(1e25) & (2**32 - 1)]]
    wire.call('load_new_episode', 'LiteLoop', True, 65535)


def light_before(wire: WireClient, actor_id: int) -> int:
    """Return a traffic light: they are made before any actor of a client."""
    for number in range(actor_id, 0, -1):
        with contextlib.suppress(RuntimeError):
            return int(wire.call('get_group_traffic_lights', number)[0])
    raise AssertionError('there are no traffic lights')


def test_half_open_connections_do_not_stand_in_the_way(wire: WireClient) -> None:
    port = wire.socket.getpeername()[1]
    silent = [socket.create_connection(('127.0.0.1', port), 5.0) for _ in range(20)]
    silent += [socket.create_connection(('127.0.0.1', stream_port(wire)), 5.0) for _ in range(20)]
    wire.call('set_episode_settings', settings(True))
    start_s = time.monotonic()
    for _ in range(20):
        wire.call('tick_cue')
    # Less than one time-out of ten seconds, after which those who say nothing are hung up on.
    assert time.monotonic() - start_s < 8.0
    for connection in silent:
        connection.close()


def test_a_client_that_takes_a_token_and_vanishes_costs_two_seconds_once(wire: WireClient) -> None:
    wire.call('set_episode_settings', settings(True))
    spawn_camera(wire, 16, 16)
    start_s = time.monotonic()
    wire.call('tick_cue')
    first_s = time.monotonic() - start_s
    wire.call('tick_cue')
    assert 1.5 < first_s < 4.0
    assert time.monotonic() - start_s - first_s < 1.0


def test_vanished_subscribers_are_forgotten(wire: WireClient) -> None:
    wire.call('set_episode_settings', settings(True))
    _, token = spawn_camera(wire, 64, 64)
    for number in range(20):
        if number:
            wire.call('get_sensor_token', struct.unpack_from('<I', token)[0])
        stream = WireStream(token)
        wire.call('tick_cue')
        assert len(stream.message()) == 48 + 12 + 64 * 64 * 4
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        stream.close()  # with a reset
        wire.call('tick_cue')


def test_a_stopped_subscriber_loses_images_while_time_goes_on(wire: WireClient) -> None:
    _, token = spawn_camera(wire, 640, 360)
    stopped, world = WireStream(token), WireStream(wire.call('get_episode_info')[1][0])
    first = frame_of(world.message())
    while frame_of(world.message()) < first + 100:
        pass  # asynchronous: nobody waits for him
    frames = [frame_of(stopped.message()) for _ in range(12)]
    assert frames == sorted(frames) and frames[-1] - frames[0] > 11, 'some were left out'
    assert wire.call('version') == '0.9.16'
    stopped.close()
    world.close()


def test_a_stopped_subscriber_holds_up_synchronous_ticks_and_nothing_else(
    server: CarlaServer, wire: WireClient
) -> None:
    wire.call('set_episode_settings', settings(True))
    _, token = spawn_camera(wire, 1920, 1080)
    stopped = WireStream(token)
    given_up = server.log_text().count('hung up on a subscriber')  # after ten seconds
    wire.socket.settimeout(3.0)  # longer than any machine draws
    with pytest.raises(TimeoutError):
        for _ in range(6):  # the first pictures fit into the sockets
            wire.call('tick_cue')
    other = WireClient(server.port)
    assert len(other.call('get_actors_by_id', [1, 2, 3, 4])) <= 4
    assert not select.select([wire.socket], [], [], 0.0)[0], 'the tick is still held up'
    stopped.close()
    wire.socket.settimeout(TIMEOUT_S)
    wire.result()
    assert server.log_text().count('hung up on a subscriber') == given_up, 'it was let go of'
    wire.call('tick_cue')
    other.close()


def test_a_second_client_in_synchronous_mode(server: CarlaServer, wire: WireClient) -> None:
    wire.call('set_episode_settings', settings(True))
    first = wire.call('tick_cue')
    second = WireClient(server.port)
    stream = WireStream(second.call('get_sensor_token', 1)[0])
    assert frame_of(stream.message()) == first, 'who joins gets the state as it is'
    frames = [client.call('tick_cue') for _ in range(5) for client in (wire, second)]
    assert frames == list(range(first + 1, first + 11))
    assert [frame_of(stream.message()) for _ in range(10)] == frames
    second.close()
    assert wire.call('tick_cue') == frames[-1] + 1
    stream.close()


def test_a_hundred_official_clients_one_after_another(server: CarlaServer) -> None:
    pytest.importorskip('carla', reason='the carla client is not installed')
    program = (
        'import carla, sys\n'
        'for number in range(100):\n'
        '    print(number, flush=True)\n'
        f'    client = carla.Client("127.0.0.1", {server.port})\n'
        '    client.set_timeout(20)\n'
        '    assert client.get_world().wait_for_tick().frame > 0\n'
        'print("all", flush=True)\n'
        'import os; os._exit(0)\n'
    )
    wire = WireClient(server.port)
    wire.call('load_new_episode', '', True, 65535)
    for attempt in range(1, 3):  # the client itself crashes now and then when it is dropped
        done = subprocess.run(
            [sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True, timeout=180
        )
        if done.returncode >= 0:  # what the server answers wrongly is no crash
            break
        last = (done.stdout.split() or ['none'])[-1]
        name = signal.Signals(-done.returncode).name
        warnings.warn(f'attempt {attempt}: the client crashed at {last} ({name})', stacklevel=1)
    assert done.stdout.endswith('\nall\n'), f'attempt {attempt}: {done.stderr}'
    assert wire.call('version') == '0.9.16'


def test_ten_thousand_ticks_without_growth(server: CarlaServer, wire: WireClient) -> None:
    wire.call('set_episode_settings', settings(True))
    points = wire.call('get_map_info')[1]
    (car, *_) = wire.call('spawn_actor', CAR, points[0])
    wire.call('apply_control_to_vehicle', car, [0.3, 0.1, 0.0, False, False, False, 0])
    camera, token = spawn_camera(wire, 64, 36)
    world, images = WireStream(wire.call('get_sensor_token', 1)[0]), WireStream(token)
    world.message()  # who joins gets the state as it is
    assert growth_mb(server, wire, [world, images], 200, 1000) < 4.0, 'pictures have 9 kB each'
    wire.call('destroy_actor', camera)
    images.close()
    assert growth_mb(server, wire, [world], 500, 8300) < 3.0
    world.close()


def growth_mb(
    server: CarlaServer, wire: WireClient, streams: list[WireStream], warm_up: int, ticks: int
) -> float:
    """Return how much memory ticks cost whose messages all arrive."""
    for number in range(warm_up + ticks):
        if number == warm_up:
            before_mb = memory_mb(server.process.pid)
        frame = wire.call('tick_cue')
        for stream in streams:
            assert frame_of(stream.message()) == frame
    return memory_mb(server.process.pid) - before_mb
