"""The camera node over real DDS, in front of a simulator of its own process."""

from collections.abc import Callable, Iterator
import itertools
import math
from pathlib import Path
import signal
import subprocess
import sys
from types import SimpleNamespace

from carla_server import CarlaServer
import numpy as np
import pytest

pytest.importorskip('carla', reason='the carla client is not installed')
pytest.importorskip('rclpy', reason='rclpy is not installed')

from dds import (
    domain_environment,
    latest_diagnostics,
    NodeProcess,
    Probe,
    ROOT,
    stamp_ns,
    wait_until,
)
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from seg_node.carla.camera_parameters import CameraParameters
from seg_node.carla.camera_transforms import quaternion_of, transform_message
from seg_node.carla.pose import Pose
from seg_node.ros_conversions import stamp_ns_of
from sensor_msgs.msg import CameraInfo, Image

pytestmark = pytest.mark.dds

BASE = '/carla/ego/front'


class CameraProcess(NodeProcess):
    """``python -m seg_node.carla.camera_node`` with parameters."""

    def command(self, parameters: dict) -> list[str]:
        command = super().command(parameters)
        command[command.index('seg_node.node')] = 'seg_node.carla.camera_node'
        return command


@pytest.fixture(scope='module')
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarlaServer]:
    running = CarlaServer(tmp_path_factory.mktemp('server') / 'log', '--town', 'LiteLoop')
    yield running
    running.stop()


@pytest.fixture
def start(tmp_path: Path, domain_id: int) -> Iterator[Callable[..., SimpleNamespace]]:
    """Return a function that starts the camera beside a probe that listens to it."""
    stops: list[Callable[[], object]] = []

    def begin(port: int, **parameters: object) -> SimpleNamespace:
        probe = Probe(domain_id)
        heard = SimpleNamespace(
            images=probe.listen(f'{BASE}/image'),
            labels=probe.listen(f'{BASE}/labels'),
            infos=probe.listen(f'{BASE}/camera_info', CameraInfo),
            clocks=probe.listen('/clock', Clock),
            diagnostics=probe.listen('/diagnostics', DiagnosticArray),
        )
        defaults = {
            'port': port, 'role': 'ego', 'width': 160, 'height': 90, 'diagnostics_period_s': 0.1,
        }  # fmt: skip
        node = CameraProcess(tmp_path / 'camera.log', domain_id, defaults | parameters)
        stops.extend((probe.close, node.stop))
        return SimpleNamespace(node=node, probe=probe, heard=heard)

    yield begin
    for stop in stops:
        stop()


def pixels_of(message: Image) -> np.ndarray:
    channels = message.step // message.width
    picture = np.frombuffer(message.data, np.uint8).reshape(
        message.height, message.width, channels
    )
    return picture[:, :, 0] if channels == 1 else picture


def test_picture_truth_and_camera_info_belong_together(server, start) -> None:
    system = start(server.port, fov_deg=60.0, rate_hz=10.0, seed=3)
    heard = system.heard
    wait_until(lambda: len(heard.labels) > 20 and len(heard.images) > 20, 'pictures', 40)
    assert system.node.stop() == 0

    stamps = [stamp_ns(message) for message in heard.images]
    steps = np.diff(stamps)
    assert np.all(np.abs(steps / 1e8 - np.round(steps / 1e8)) < 1e-3), 'on the 10 Hz grid'
    infos = {stamp_ns(message): message for message in heard.infos}
    labels = {stamp_ns(message): message for message in heard.labels}
    both = [message for message in heard.images if stamp_ns(message) in labels]
    assert len(both) > 15
    for image in both:
        truth, info = labels[stamp_ns(image)], infos[stamp_ns(image)]
        assert (image.encoding, image.step, truth.encoding) == ('bgra8', 640, 'mono8')
        assert image.header == truth.header == info.header
        assert image.header.frame_id == 'ego/front_optical'
        assert (image.width, image.height) == (info.width, info.height) == (160, 90)
        focal = 160 / (2 * math.tan(math.radians(30.0)))
        assert list(info.k) == pytest.approx([focal, 0, 80, 0, focal, 45, 0, 0, 1])
        assert set(np.unique(pixels_of(truth))) <= {0, 1, 2, 255}
    last = pixels_of(labels[stamp_ns(both[-1])])
    assert np.mean(last[60:] == 2) > 0.2, 'road before the car'
    assert np.any(last == 1), 'with markings'
    clocks = [stamp_ns_of(message.clock) for message in heard.clocks]
    assert clocks == sorted(clocks)
    assert set(stamps[-10:]) <= set(clocks)


def test_schedules_and_what_diagnostics_tell(server, start) -> None:
    system = start(
        server.port, weather_schedule='ClearNoon:15,HardRainNight:15', realtime=False, labels=False
    )
    wait_until(lambda: len(system.heard.images) > 65, 'pictures of both weathers', 40)
    refused = set_weather(system.probe, 'ClearSunset')
    assert not refused.successful
    assert 'weather_schedule decides on the weather' in refused.reason
    assert system.node.stop() == 0
    assert not system.heard.labels
    numbers = np.array([round(stamp_ns(message) / 5e7) for message in system.heard.images])
    light = np.array([pixels_of(message)[:, :, :3].mean() for message in system.heard.images])
    dark = light < (light.max() + light.min()) / 2
    changes = np.flatnonzero(np.diff(dark.astype(int))) + 1
    assert len(changes) >= 3
    assert light[~dark].mean() > 1.5 * light[dark].mean()
    for first, end in itertools.pairwise(changes):
        # Pictures of a weather that came, and for how many there is room with those that did not.
        room = numbers[end] - numbers[first - 1] - 1
        assert end - first <= 15 <= room, numbers[changes]
    assert np.count_nonzero(np.diff(numbers) > 1) <= 0.2 * len(numbers), 'most come'
    diagnostics = [latest_diagnostics([message]) for message in system.heard.diagnostics]
    told = [status for status in diagnostics if 'pictures a second' in status['message']]
    assert told
    for status in told:
        # Where much else runs, a picture now and then comes too late for its tick.
        warned = 'pictures lost' in status['message']
        assert status['level'] == (b'\x01' if warned else b'\x00')
        assert not (warned and status['lost'] == '0')
    assert int(told[-1]['lost']) <= 0.2 * int(told[-1]['shots']), told[-1]
    assert told[-1]['town'] == 'LiteLoop'


def test_a_town_that_is_not_there_is_told_before_its_turn(server, domain_id) -> None:
    done = run_camera(domain_id, f'port:={server.port}', 'town_schedule:=LiteLoop:9999,LiteTwon:9')
    assert done.returncode == 2, done.stderr
    assert "error: the server has no town 'LiteTwon': did you mean LiteTown?" in done.stderr


def test_the_last_picture_reaches_who_acknowledges_nothing(server, start) -> None:
    system = start(server.port, frames=5, wait_for_subscribers_s=30.0, realtime=False)
    best_effort = QoSProfile(depth=50, reliability=ReliabilityPolicy.BEST_EFFORT)
    both = system.probe.listen(f'{BASE}/image', qos=best_effort)  # in one list with the reliable
    assert system.node.wait(40) == 0
    wait_until(lambda: len({stamp_ns(image) for image in both}) == 5, 'the first picture too')
    last = max(stamp_ns(image) for image in both)
    wait_until(lambda: [stamp_ns(image) for image in both].count(last) == 2, 'the last one twice')


def test_it_ends_after_its_frames(server, domain_id) -> None:
    done = run_camera(domain_id, f'port:={server.port}', 'frames:=3', 'width:=64', 'height:=48')
    assert done.returncode == 0, done.stderr
    assert 'driving in LiteLoop' in done.stderr


def set_weather(probe: Probe, name: str) -> SetParametersResult:
    parameter = Parameter('weather', value=name).to_parameter_msg()
    request = SetParameters.Request(parameters=[parameter])
    return probe.call(SetParameters, '/carla_camera/set_parameters', request).results[0]


def test_the_weather_can_be_set_while_it_runs(server, start) -> None:
    system = start(server.port, weather='ClearNoon')
    wait_until(lambda: system.heard.images, 'pictures', 40)

    refused = set_weather(system.probe, 'ClearMoon')
    assert not refused.successful
    assert "weather 'ClearMoon' is unknown: did you mean ClearNoon?" in refused.reason
    assert set_weather(system.probe, 'HardRainNight').successful
    wait_until(
        lambda: latest_diagnostics(system.heard.diagnostics)['weather'] == 'HardRainNight',
        'the new weather',
    )
    assert system.node.stop(signal.SIGTERM) == 0
    world = server.client().get_world()
    assert not world.get_settings().synchronous_mode
    world.wait_for_tick()
    assert not list(world.get_actors().filter('sensor.*'))


def test_a_lost_server_is_found_again(tmp_path: Path, start) -> None:
    first = CarlaServer(tmp_path / 'first.log')
    system = start(first.port, timeout_s=2.0, retry_s=30.0)
    try:
        wait_until(lambda: system.heard.images, 'pictures', 40)
        first.process.kill()
        system.node.wait_for_log('does not answer any more')
        wait_until(
            lambda: 'no simulator' in latest_diagnostics(system.heard.diagnostics)['message'],
            'the fault in /diagnostics',
        )
        assert latest_diagnostics(system.heard.diagnostics)['level'] == b'\x02'
    finally:
        first.process.kill()
        first.process.wait()
    before = len(system.heard.images)
    second = CarlaServer(tmp_path / 'second.log', '--port', str(first.port))
    try:
        wait_until(lambda: len(system.heard.images) > before + 5, 'pictures again', 40)
        assert system.node.stop() == 0
    finally:
        second.stop()


def run_camera(domain_id: int, *parameters: str) -> subprocess.CompletedProcess:
    command = [sys.executable, '-m', 'seg_node.carla.camera_node', '--ros-args']
    for parameter in parameters:
        command += ['-p', parameter]
    return subprocess.run(
        command, env=domain_environment(domain_id), cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ('parameters', 'status', 'words'),
    [
        (['retry_s:=0.0'], 1, 'no simulator listens on 127.0.0.1:1: start CARLA'),
        (['weather:=ClearMoon'], 2, "weather 'ClearMoon' is unknown: did you mean ClearNoon?"),
        (['weather_schedule:=ClearNoon'], 2, "weather_schedule: 'ClearNoon' is no NAME:FRAMES"),
        (['weather:=WetNoon', 'weather_schedule:=WetNoon:5'], 2, 'leave one of them out'),
        (['town:=a', 'town_schedule:=a:5'], 2, 'leave one of them out'),
        (['autopilot:=me'], 2, "parameter autopilot: 'me' is unknown: use none, waypoints"),
        (['camera:=a b'], 2, "camera name 'a b' cannot be part of a topic"),
        (['role:=a/b'], 2, "role 'a/b' cannot be part of a topic"),
        (['fov_deg:=190.0'], 2, 'fov_deg'),
    ],
)
def test_a_mistake_is_told_in_one_line(domain_id, parameters, status, words) -> None:
    done = run_camera(domain_id, 'port:=1', *parameters)
    assert done.returncode == status
    assert words in done.stderr
    assert 'Traceback' not in done.stderr
    if status == 2:
        assert done.stderr.splitlines()[-1].startswith('error: ')


def test_help_and_document_list_every_parameter() -> None:
    done = subprocess.run(
        [sys.executable, '-m', 'seg_node.carla.camera_node', '--help'],
        capture_output=True, text=True, check=True, timeout=60, cwd=ROOT,
    )  # fmt: skip
    document = (ROOT / 'docs' / 'carla.md').read_text()
    for name in CameraParameters.__dataclass_fields__:
        assert f'  {name} ' in done.stdout
        assert f'`{name}`' in document


@pytest.mark.parametrize(
    'pose', [Pose(), Pose(1, 2, 3, 10, 20, 30), Pose(yaw_deg=180.0), Pose(pitch_deg=-89.0)]
)
def test_transforms_turn_carlas_axes_into_those_of_ros(pose: Pose) -> None:
    message = transform_message('ego', 'camera', pose, None)
    moved = message.transform.translation
    assert (moved.x, moved.y, moved.z) == (pose.x_m, -pose.y_m, pose.z_m)
    mirrored = np.diag([1, -1, 1]) @ pose.matrix[:3, :3] @ np.diag([1, -1, 1])
    assert np.allclose(_matrix_of(message.transform.rotation), mirrored, atol=1e-9)
    optical = transform_message('ego', 'camera', pose, None, optical=True).transform.rotation
    forward = pose.matrix[:3, 0] * (1, -1, 1)
    assert np.allclose(_matrix_of(optical)[:, 2], forward, atol=1e-9), 'z looks forward'
    right = pose.matrix[:3, 1] * (1, -1, 1)
    assert np.allclose(_matrix_of(optical)[:, 0], right, atol=1e-9), 'x points right'


def _matrix_of(quaternion) -> np.ndarray:
    x, y, z, w = quaternion.x, quaternion.y, quaternion.z, quaternion.w
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def test_a_quaternion_of_no_turn() -> None:
    assert quaternion_of(np.eye(3)) == pytest.approx((0.0, 0.0, 0.0, 1.0))
