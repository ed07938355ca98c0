"""Drives through carla_lite by the official client, and what they leave in the folder."""

from collections.abc import Iterator
import itertools
import json
import math
from pathlib import Path
import random
import signal
import subprocess
import sys
import time
from typing import Any

from carla_server import carla_server, CarlaServer
import numpy as np
import pytest

pytest.importorskip('carla', reason='the carla client is not installed')

from seg_node.carla.pose import Pose
from seg_node.carla.shot import Shot
from seg_node.carla.tags import NEW_TAGS
from seg_node.frame import Frame
from seg_node.labels import LANE_MARKING, ROAD
from test_carla_tags import CAMERA, ground_under, LANE_M, PAINT_M, straight_road
from test_training_collect_bag import content_of, kill_after_files, lines_of, read
from training.collection.camera import CameraConfig
from training.collection.carla_source import Labeller, sky
from training.collection.config import CollectConfig
from training.collection.lens import Lens
from training.collection.schedule import Drive
from training.command_line import parse
from training.data.pairs import PairsFolder
from training.data.sources import SetConfig

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope='module')
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarlaServer]:
    with carla_server(tmp_path_factory.mktemp('server'), '--seed', '3') as running:
        yield running


def command(output: Path, port: int | None, *switches: str, **settings: Any) -> list[str]:
    """Return a collection of small pictures from a server, or from one that it starts."""
    place = {'simulator': 'lite'} if port is None else {'port': port}
    defaults = {
        'output': output, 'seed': 3, 'frames': 12, 'routes': 2, 'timeout_s': 20,
        'cameras': "[{name: front, width: 160, height: 80}]",
    }  # fmt: skip
    flags = [
        str(part)
        for key, value in (defaults | place | settings).items()
        for part in (f'--{key.replace("__", ".")}', value)
    ]
    return [sys.executable, '-m', 'training', 'collect', *flags, *switches, '--json']


def run(output: Path, port: int | None, *switches: str, **settings: Any) -> dict[str, Any]:
    done = subprocess.run(
        command(output, port, *switches, **settings),
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def wait_for_masks(process: subprocess.Popen, output: Path, count: int) -> None:
    """Return when so many are there, or the process has ended."""
    while process.poll() is None and len(list(output.glob('masks/*'))) < count:
        time.sleep(0.005)


def places(lines: list[dict[str, Any]]) -> list[tuple[float, float]]:
    return [tuple(line['camera']['pose'][axis] for axis in ('x_m', 'y_m')) for line in lines]


def masks_of(folder: Path) -> dict[str, str]:
    return {name: hash_ for name, hash_ in content_of(folder).items() if name.startswith('masks/')}


def test_a_schedule_becomes_a_pairs_folder(tmp_path: Path, server: CarlaServer) -> None:
    output = tmp_path / 'set'
    result = run(output, server.port, weathers='ClearNoon,HardRainNoon', times='noon,night',
                 split__gap_m=0, spacing_m=4, wander_m=0.3)  # fmt: skip
    assert result['samples'] == result['new_samples'] == 2 * 2 * 2 * 12
    assert result['weather'] == {'ClearNoon': 48, 'HardRainNoon': 48}
    assert result['time'] == {'night': 48, 'noon': 48}
    assert result['split'] == {'train': 48, 'validation': 48}
    assert result['pairs_per_s'] > 2
    lines = lines_of(output)
    assert len({line['frame'] for line in lines}) == len(lines), 'one tick, one pair'
    for before, after in itertools.pairwise(lines):
        moved_m = math.dist(*places([before, after]))
        assert before['drive'] != after['drive'] or 3.2 < moved_m < 4.8
    camera = lines[0]['camera']
    assert camera['k'] == pytest.approx([80, 0, 80, 0, 80, 40, 0, 0, 1])
    assert camera['pose']['pitch_deg'] == pytest.approx(-6, abs=4)
    assert camera['height_m'] == pytest.approx(CameraConfig().height_m)
    seen = read(output)
    assert seen.sha256() == result['sha256']
    shares = []
    for index in range(0, len(seen), 5):
        _, mask = seen.read(index)
        shares.append([(mask == label).mean() for label in (ROAD, LANE_MARKING)])
    assert np.mean(shares, axis=0)[0] > 0.1
    assert 0.002 < np.mean(shares, axis=0)[1] < 0.2
    for part in ('train', 'held_out'):
        half = PairsFolder.open(SetConfig(path='set', part=part), tmp_path)  # type: ignore[arg-type]
        routes = {line['route'] for line in lines if line['name'] in {p.name for p in half.pairs}}
        assert len(half) == 48 and len(routes) == 1


@pytest.mark.parametrize('bank', [0.0, 0.06])
def test_only_lane_marks_goes_by_depth(bank: float) -> None:
    """The map knows nothing of the bank, so lines drawn into the picture would miss the paint."""
    pose = Pose(x_m=10.0, y_m=1.0, z_m=1.6)
    x_m, y_m, depth_m = ground_under(CAMERA, pose, bank)
    near = (np.hypot(x_m - pose.x_m, y_m - pose.y_m) < 20) & (x_m > 0)
    marking = near & (np.abs(np.abs(y_m) - LANE_M) < PAINT_M / 2)
    crosswalk = near & (np.abs(x_m - 18) < 1.5) & (np.abs(y_m) > 0.8) & (np.abs(y_m) < 2.7)
    tags = np.where(marking | crosswalk, NEW_TAGS.road_line, NEW_TAGS.road).astype(np.uint8)
    picture = Frame(np.zeros((*tags.shape, 4), np.uint8), pixel_format='bgra')
    shot = Shot(1, 1, {'front': picture}, {'front': tags}, {'front': np.nan_to_num(depth_m)},
                {'front': pose}, pose, 0.0)  # fmt: skip
    camera = CameraConfig('front', CAMERA.width, CAMERA.height, CAMERA.fov_deg)
    labeller = Labeller(Lens.of(camera), NEW_TAGS, CAMERA, straight_road())
    drive = Drive(0, 'A', 'ClearNoon', 'noon', 0, camera, 'train')
    labels = labeller.moment(drive, 0, shot, 'A').develop().labels
    assert min(marking.sum(), crosswalk.sum()) > 20
    assert np.all(labels[marking] == LANE_MARKING)
    assert np.mean(labels[crosswalk] == ROAD) > 0.95


def test_the_world_is_left_as_it_was(tmp_path: Path, server: CarlaServer) -> None:
    world = server.client().get_world()
    before = world.get_settings(), world.get_weather(), len(world.get_actors())
    run(tmp_path / 'set', server.port, '--only_lane_marks', weathers='HardRainNoon', times='night',
        frames=3)  # fmt: skip
    world = server.client().get_world()
    assert not world.get_settings().synchronous_mode
    assert (world.get_settings(), world.get_weather(), len(world.get_actors())) == before


@pytest.mark.slow
def test_killed_it_resumes_and_ends_as_if_never_killed(tmp_path: Path) -> None:
    """Each run has a simulator of its own, so this holds the masks' determinism too."""
    settings = {'weathers': 'ClearNoon,CloudyNoon', 'frames': 28, 'keep__min_road': 0}
    output, chance, killed = tmp_path / 'killed', random.Random(1), 0
    whole_command = command(tmp_path / 'whole', None, **settings)
    with subprocess.Popen(whole_command, cwd=ROOT, stdout=subprocess.PIPE) as never_killed:
        for _ in range(2):
            process = subprocess.Popen(
                command(output, None, **settings), cwd=ROOT, stdout=subprocess.PIPE
            )
            files = chance.randint(36, 44)  # at 32 it commits
            killed += kill_after_files(process, output / 'masks', files, chance.random() * 0.05)
            assert read(output).pairs, 'what was committed'
        assert killed >= 2
        result = run(output, None, **settings)
        whole = json.loads(never_killed.communicate(timeout=60)[0])
    assert result['resumed'] and result['new_samples'] < result['samples'] == whole['samples']
    assert result['skipped'] == whole['skipped']
    assert masks_of(output) == masks_of(tmp_path / 'whole')
    varying = ('frame', 'stamp_ns', 'image_sha256')
    for mine, other in zip(lines_of(output), lines_of(tmp_path / 'whole'), strict=True):
        assert {k: v for k, v in mine.items() if k not in varying} == {
            k: v for k, v in other.items() if k not in varying
        }


@pytest.mark.slow
def test_a_server_that_dies_costs_one_line_and_a_new_one_goes_on(
    tmp_path: Path, server: CarlaServer
) -> None:
    output = tmp_path / 'set'
    settings = {'frames': 40, 'keep__min_road': 0, 'split__gap_m': 0}
    with carla_server(tmp_path, '--seed', '3') as first:
        process = subprocess.Popen(
            command(output, first.port, timeout_s=2, **settings), cwd=ROOT,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        wait_for_masks(process, output, 30)
        first.process.send_signal(signal.SIGKILL)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert error.startswith('error: ') and len(error.splitlines()) == 1, error
    assert 'does not answer any more' in error and 'the same command goes on' in error
    kept = len(lines_of(output))
    assert 0 < kept < 80 and read(output)
    result = run(output, server.port, **settings)
    assert (result['samples'], result['new_samples']) == (80, 80 - kept)


def test_the_shipped_schedule_has_weathers_that_exist() -> None:
    path = str(ROOT / 'training' / 'configs' / 'collect.yaml')
    config, _ = parse(CollectConfig, 'collect', [path])
    skies = {name: sky(config, name, 'dusk') for name in config.weathers}
    assert skies['Foggy']['fog_density'] == 45
    assert skies['HardRainNoon']['precipitation'] == 100
    assert {parameters['sun_altitude_angle'] for parameters in skies.values()} == {-4}


@pytest.mark.parametrize(('settings', 'told'), [
    ({'towns': 'Atlantis'}, "no town 'Atlantis' of --towns; it has LiteCountry, "),
    ({'weathers': 'ClearNon'}, 'did you mean ClearNoon'),
    ({'port': 1}, 'no simulator listens on 127.0.0.1:1'),
    ({'vehicle': 'vehicle.none.such'}, 'vehicle.none.such'),
])  # fmt: skip
def test_what_the_server_lacks_is_told_before_anything_is_driven(
    tmp_path: Path, server: CarlaServer, settings: dict, told: str
) -> None:
    done = subprocess.run(
        command(tmp_path / 'set', **({'port': server.port} | settings)),
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith('error: ') and told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_ctrl_c_keeps_what_was_taken_and_puts_the_world_back(
    tmp_path: Path, server: CarlaServer
) -> None:
    output = tmp_path / 'set'
    process = subprocess.Popen(
        command(output, server.port, frames=2000, keep__min_road=0), cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for_masks(process, output, 20)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130, error
    assert 'samples in' in error and 'the same command goes on' in error
    assert len(read(output)) >= 20
    assert not server.client().get_world().get_settings().synchronous_mode


def test_a_second_collection_leaves_the_first_alone(tmp_path: Path, server: CarlaServer) -> None:
    first = subprocess.Popen(
        command(tmp_path / 'first', server.port, frames=2000, keep__min_road=0), cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        wait_for_masks(first, tmp_path / 'first', 3)
        second = subprocess.run(
            command(tmp_path / 'second', server.port), cwd=ROOT, capture_output=True, text=True,
            timeout=60,
        )  # fmt: skip
        assert second.returncode == 2 and len(second.stderr.splitlines()) == 1
        assert 'another client drives this simulator' in second.stderr
        taken = len(list((tmp_path / 'first').glob('masks/*')))
        wait_for_masks(first, tmp_path / 'first', taken + 5)
    finally:
        first.send_signal(signal.SIGINT)
        _, error = first.communicate(timeout=30)
    assert first.returncode == 130, error


def test_a_killed_collection_leaves_nothing_for_good(tmp_path: Path, server: CarlaServer) -> None:
    output, settings = tmp_path / 'set', {'frames': 30, 'keep__min_road': 0}
    before = len(server.client().get_world().get_actors())
    process = subprocess.Popen(command(output, server.port, **settings), cwd=ROOT)
    assert kill_after_files(process, output / 'masks', 5, 0.0)
    assert server.client().get_world().get_settings().synchronous_mode, 'as the kill left it'
    result = run(output, server.port, **settings)
    assert result['samples'] + sum(result['skipped'].values()) == 60
    world = server.client().get_world()
    assert not world.get_settings().synchronous_mode
    assert len(world.get_actors()) == before


def test_a_driven_car_that_stands_gives_no_second_picture(
    tmp_path: Path, server: CarlaServer
) -> None:
    result = run(tmp_path / 'set', server.port, driver='waypoints', frames=60, routes=1,
                 split__validation=0, keep__min_move_m=4, keep__min_road=0)  # fmt: skip
    assert result['skipped']['standing still'] > 20
    lines = lines_of(tmp_path / 'set')
    assert len(lines) > 2
    for before, after in itertools.pairwise(lines):
        assert math.dist(*places([before, after])) >= 3.99
