"""The demo as people start it: short drives in the simulator and on a drawn road."""

import contextlib
import json
import os
from pathlib import Path
import re
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest
from seg_node.demo.__main__ import main
from seg_node.demo.process import DemoError
from seg_node.demo.road import draw_road, write_pairs
from seg_node.demo.route import plan, Route
from seg_node.demo.score import LaneScore
from seg_node.demo.truth import LegTruth
from seg_node.frame import Frame
from seg_node.labels import BACKGROUND, LANE_MARKING, ROAD, UNLABELLED
from training.evaluation.counts import pool
from training.evaluation.judge import Judge

ROOT = Path(__file__).resolve().parents[1]


def run_demo(
    domain_id: int, *arguments: str, python_path: str = ''
) -> subprocess.CompletedProcess[str]:
    dds = pytest.importorskip('dds')
    environment = dds.domain_environment(domain_id)
    environment['PYTHONPATH'] = os.pathsep.join((python_path, environment['PYTHONPATH']))
    return subprocess.run(
        [sys.executable, '-m', 'seg_node.demo', *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.dds
@pytest.mark.slow
def test_every_drawn_frame_comes_back_as_a_mask(tmp_path, domain_id) -> None:
    drive = write_pairs(tmp_path / 'drive', 30)
    out = tmp_path / 'out'
    done = run_demo(domain_id, str(drive), '--out', str(out), '--rate', '10', '--json')
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary['sent'] == 30
    assert summary['masks'] + summary['dropped'] + summary['lost_in_transport'] == 30
    assert summary['masks'] >= 25
    assert summary['lane_iou'] > 0.5
    assert 0 < summary['inference_ms']['p50'] <= summary['age_ms']['p50'] < 2000
    assert json.loads((out / 'summary.json').read_text()) == summary
    assert cv2.imread(str(out / 'overlay.jpg')).shape == (360, 640, 3)
    video = cv2.VideoCapture(str(out / 'overlay.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) >= 25


@pytest.mark.dds
@pytest.mark.slow
def test_a_drive_in_the_simulator_is_measured_against_its_truth(tmp_path, domain_id) -> None:
    pytest.importorskip('carla', reason='the carla client is not installed')
    out = tmp_path / 'out'
    arguments = ['--route', 'LiteLoop:ClearNoon,HardRainNight', '--frames', '24', '--json']
    done = run_demo(domain_id, *arguments, '--out', str(out))
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert json.loads((out / 'summary.json').read_text()) == summary
    assert 18 <= summary['masks'] <= summary['sent'] <= 24, 'found each other in the warm-up'
    assert summary['measured'] == summary['masks'], 'each mask has its truth'
    noon, night = summary['weathers']
    assert (noon['town'], noon['weather'], noon['sent']) == ('LiteLoop', 'ClearNoon', 12)
    assert (night['weather'], night['sent']) == ('HardRainNight', 12)
    assert noon['measured'] + night['measured'] == summary['measured']
    assert 0.1 < summary['lane_iou'] < summary['lane_f1_3px'] < 1
    between = sorted((noon['lane_iou'], night['lane_iou']))
    assert between[0] <= summary['lane_iou'] <= between[1]
    assert 0 < summary['inference_ms']['p50'] <= summary['transit_ms']['p50'] < 2000
    assert summary['rate_hz'] < 13, 'the simulator does not run ahead of the time of day'
    sheet = cv2.imread(str(out / 'overlay.jpg'))
    assert sheet.shape[1] > 2 * 640, 'two weathers, side by side'
    left, right = sheet[40:200, 20:300], sheet[40:200, 666:946]
    assert left.mean() > 1.3 * right.mean(), 'noon before night'
    video = cv2.VideoCapture(str(out / 'overlay.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) >= 18
    assert children_of(out) == {}


def children_of(out: Path) -> dict[str, int]:
    """Return the numbers of the processes that a demo started, by their log."""
    found = {}
    for entry in Path('/proc').glob('[0-9]*/fd/1'):
        with contextlib.suppress(OSError):
            log = entry.readlink()
            if log.parent == out:
                found[log.name] = int(entry.parts[2])
    return found


@pytest.mark.dds
@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='looks into /proc')
@pytest.mark.parametrize(
    ('victim', 'number', 'status', 'words'),
    [
        ('the demo', signal.SIGINT, 130, ''),
        ('the demo', signal.SIGKILL, -signal.SIGKILL, ''),
        ('simulator_1.log', signal.SIGKILL, 2, 'error: the (simulator|camera) '),
    ],
)
def test_no_process_outlives_the_demo(tmp_path, domain_id, victim, number, status, words) -> None:
    pytest.importorskip('carla', reason='the carla client is not installed')
    dds = pytest.importorskip('dds')
    out = tmp_path / 'out'
    process = subprocess.Popen(
        [sys.executable, '-m', 'seg_node.demo', '--route', 'LiteLoop:ClearNoon', '--out', out],
        env=dds.domain_environment(domain_id), cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        camera = out / 'camera_1.log'
        dds.wait_until(lambda: camera.exists() and 'now' in camera.read_text(), 'a drive', 60)
        children = children_of(out)
        assert set(children) == {'node.log', 'simulator_1.log', 'camera_1.log'}
        os.kill(children.get(victim, process.pid), number)
        said = process.communicate(timeout=30)[1]
    finally:
        process.kill()
        process.wait()
    assert process.returncode == status
    assert re.search(words, said)
    assert 'Traceback' not in said
    try:
        dds.wait_until(lambda: not children_of(out), 'the end of all processes', 60.0)
    finally:
        for left in children_of(out).values():  # or it answers in the tests to come
            os.kill(left, signal.SIGKILL)
    assert not (out / 'overlay.mp4').exists()


def test_without_the_carla_client_the_road_is_drawn(tmp_path, domain_id) -> None:
    (tmp_path / 'carla.py').write_text('raise ImportError("no wheel for this machine")')
    arguments = ['--frames', '2', '--rate', '-5', '--out', str(tmp_path / 'out')]
    done = run_demo(domain_id, *arguments, python_path=str(tmp_path))
    first, second = done.stderr.splitlines()[:2]
    assert first.startswith('a drawn road instead of the simulator: the CARLA client is not there')
    assert second.startswith('playing ')


@pytest.mark.parametrize('more', [['--drawn'], []])
def test_a_clear_error_without_ros(tmp_path, more) -> None:
    code = (
        'import sys; sys.modules["rclpy"] = None; from seg_node.demo.__main__ import main; '
        'sys.exit(main(sys.argv[1:]))'
    )
    done = subprocess.run(
        [sys.executable, '-c', code, *more, '--out', str(tmp_path / 'out')],
        env={**os.environ, 'PYTHONPATH': str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith('error: ROS 2 is not there')
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / 'out').exists()


def test_pictures_are_shared_out_among_the_weathers() -> None:
    routes = [Route.parse('A:Noon,Night'), Route.parse('B: Rain')]
    legs = plan(routes, 11)
    assert [leg.town for leg in legs] == ['A', 'B']
    assert [leg.schedule_text for leg in legs] == ['Noon:4,Night:4', 'Rain:3']
    assert legs[0].starting_with(30).schedule_text == 'Noon:34,Night:4'
    with pytest.raises(DemoError, match='use 3 or more'):
        plan(routes, 2)
    for text in ('A', 'A:', ':Noon', 'A:Noon,,Night'):
        with pytest.raises(ValueError, match='TOWN:WEATHER'):
            Route.parse(text)


def test_the_score_is_the_one_of_the_training() -> None:
    rng = np.random.default_rng(5)
    total, counts = LaneScore(), []
    for _ in range(3):
        truth = cv2.resize(rng.integers(0, 3, (12, 20), np.uint8), (160, 96), interpolation=0)
        labels = np.roll(truth, 2, axis=1)
        truth[:10, :40] = UNLABELLED
        score = LaneScore()
        score.add(labels, truth)
        total.add_score(score)
        counts.append(Judge(np.ones(3, bool)).count(labels, truth))
    expected, found = pool(counts), total.as_dict()
    assert found['measured'] == 3
    assert 0.2 < found['lane_iou'] < 0.9
    for name in ('lane_iou', 'lane_f1_3px'):
        assert found[name] == pytest.approx(expected[name], abs=1e-4)


def test_a_picture_belongs_to_the_weather_of_its_number() -> None:
    """Four of five warm-up pictures were heard of; one mask is missing."""
    picture, truth = draw_road(3)
    nothing = np.full_like(truth, BACKGROUND)
    leg = LegTruth(plan([Route('A', ('Noon', 'Night'))], 6)[0])
    for number in (0, 1, 2, 3, *(4, 6), *(7, 8, 9)):
        leg.add(number, Frame(picture), truth if number in (4, 6) else nothing, truth)
    noon, night = leg.results(skip=4)
    assert (noon.weather, noon.score.iou.images, noon.score.iou.value) == ('Noon', 2, 1.0)
    assert (night.weather, night.score.iou.images, night.score.iou.value) == ('Night', 3, 0.0)
    assert noon.pair is not None
    assert noon.pair.shape == (180, 640, 3)
    assert np.abs(noon.pair[:, :320].astype(int) - noon.pair[:, 320:]).mean() < 3


@pytest.mark.dds
@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (('/nowhere.mp4',), 'there is no /nowhere.mp4'),
        (('README.md',), 'README.md'),
        (('--drawn', '--frames', '2', '--rate', '-5'), 'the replay failed'),
        (('--drawn', '--frames', '2', '--topic', '/camera'), 'is not a bag'),
        (('--drawn', '--frames', '2', '--bundle', '/nowhere'), 'there is no such folder'),
        (('--drawn', '--frames', '2', '--adapter', 'fog'), "has no adapter 'fog'"),
        (('--route', 'LiteVillage:ClearNoon'), 'there is no such town, use one of LiteLoop'),
        (('--route', 'LiteLoop'), "'LiteLoop' is no TOWN:WEATHER"),
        (('--frames', '3'), 'use 8 or more'),
        (('--drawn', '--frames', '0'), "'0': use a whole number from 1"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path, domain_id, arguments, words) -> None:
    done = run_demo(domain_id, *arguments, '--out', str(tmp_path / 'out'))
    assert done.returncode == 2
    assert words in done.stderr
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (('--out', 'file'), 'file cannot be written (File exists): name another --out'),
        (('--out', 'file/below'), 'cannot be written (Not a directory): name another --out'),
        (('--bundle', 'file'), '--bundle file is a file: name the folder that holds its'),
        (('--out', ''), 'it is empty: name a file or folder'),
    ],
)
def test_a_path_that_cannot_be_is_one_sentence(
    tmp_path, monkeypatch, capsys, arguments, words
) -> None:
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    monkeypatch.chdir(tmp_path)
    for name in ('ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE'):
        monkeypatch.setenv(name, os.environ.get(name, ''))  # as they were, when this ends
    monkeypatch.setattr('signal.signal', lambda *_: None)
    monkeypatch.setattr('seg_node.demo.__main__.use_large_images_profile', lambda: None)
    (tmp_path / 'file').write_text('')
    try:
        status: object = main(arguments)
    except SystemExit as error:
        status = error.code
    assert status == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


def test_a_drawn_road_and_its_labels_agree() -> None:
    picture, labels = draw_road(7)
    assert set(np.unique(labels)) == {BACKGROUND, LANE_MARKING, ROAD}
    inner = cv2.erode((labels == LANE_MARKING).astype(np.uint8), np.ones((3, 3))) == 1
    road = cv2.erode((labels == ROAD).astype(np.uint8), np.ones((5, 5))) == 1
    gray = picture.mean(axis=2)
    assert inner.sum() > 200
    assert gray[inner].min() > gray[road].max()
    again, same = draw_road(7)
    assert np.array_equal(again, picture)
    assert np.array_equal(same, labels)
    assert not np.array_equal(draw_road(8)[1], labels)
