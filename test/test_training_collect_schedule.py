"""Which drives are made, where cameras stand, what they see and which pictures are left out."""

from collections import Counter
from dataclasses import replace
import itertools
import json
import math
from pathlib import Path
import subprocess
import sys

import cv2
import numpy as np
import pytest
from seg_node.labels import ROAD
from training.collection.camera import CameraConfig, VaryConfig
from training.collection.config import CollectConfig, KeepConfig, SplitConfig
from training.collection.filters import check_road, SplitGap, Standstill
from training.collection.lens import Lens
from training.collection.moment import Developed, Moment, SkipError, View
from training.collection.routes import spread_starts
from training.collection.schedule import Drive, make_schedule
from training.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
CAMERAS = (CameraConfig('car'), CameraConfig('bus', height_m=2.9))
CONFIG = CollectConfig(
    towns=('A', 'B'),
    weathers=('ClearNoon', 'HardRainNoon', 'FoggyNoon'),
    times=('noon', 'night'),
    routes=4,
    cameras=CAMERAS,
)


def combination(drive: Drive) -> tuple:
    return drive.town, drive.weather, drive.time, drive.route, drive.camera.name


def test_all_combinations_are_driven_once_and_no_town_is_loaded_twice() -> None:
    drives = make_schedule(CONFIG)
    expected = itertools.product('AB', CONFIG.weathers, CONFIG.times, range(4), ('car', 'bus'))
    assert sorted(map(combination, drives)) == sorted(expected)
    assert [drive.number for drive in drives] == list(range(96))
    assert [town for town, _ in itertools.groupby(drive.town for drive in drives)] == ['A', 'B']


def test_fewer_drives_take_every_value_equally_often() -> None:
    config = replace(CONFIG, drives=12, seed=5)
    drives = make_schedule(config)
    assert drives == make_schedule(config)
    assert drives != make_schedule(replace(config, seed=6))
    for values in zip(*map(combination, drives), strict=True):
        assert len(set(Counter(values).values())) == 1, values
    rain = {combination(drive)[2:] for drive in drives if drive.weather == 'HardRainNoon'}
    assert len(rain) > 2, 'a weather meets different hours, routes and cameras'


@pytest.mark.parametrize('share', [0.01, 0.25, 0.99])
def test_routes_are_held_out_whole_and_never_all(share: float) -> None:
    drives = make_schedule(replace(CONFIG, split=SplitConfig(validation=share)))
    routes = {split: {d.route for d in drives if d.split == split} for split in TRAIN_AND_REST}
    assert routes['train'] and routes['validation']
    assert not routes['train'] & routes['validation']
    assert len(routes['validation']) == {0.01: 1, 0.25: 1, 0.99: 3}[share]


TRAIN_AND_REST = ('train', 'validation')


def test_towns_are_held_out_whole() -> None:
    drives = make_schedule(replace(CONFIG, split=SplitConfig(by='town', towns=('B',))))
    assert {(d.town, d.split) for d in drives} == {('A', 'train'), ('B', 'validation')}


def test_each_drive_mounts_its_camera_a_little_differently() -> None:
    vary = VaryConfig(height_share=0.1, pitch_deg=2, fov_deg=5)
    drives = make_schedule(replace(CONFIG, vary=vary))
    heights = [drive.camera.height_m for drive in drives if drive.camera.name == 'bus']
    assert len(set(heights)) > 40
    assert 2.61 <= min(heights) < 2.7 and 3.1 < max(heights) <= 3.19
    assert {drive.camera.yaw_deg for drive in drives} == {0}
    assert drives == make_schedule(replace(CONFIG, vary=vary))
    assert [d.route for d in drives] == [d.route for d in make_schedule(CONFIG)]


def test_starts_are_far_from_each_other() -> None:
    street = [(float(x), 0.0) for x in range(101)]
    order = spread_starts(street, seed=1)
    assert sorted(order) == list(range(101))
    first = sorted(order[1:4])  # whatever came first: both ends and a place between
    assert first[0] == 0 or first[-1] == 100
    assert min(abs(a - b) for a, b in itertools.combinations(order[:4], 2)) >= 16


@pytest.mark.parametrize('lens', [(-0.25, 0.03), (0.12, 0.0)])
def test_bent_pictures_show_things_where_opencv_says(lens: tuple[float, float]) -> None:
    camera = CameraConfig(width=320, height=160, fov_deg=100, lens=lens)
    bent = Lens.of(camera)
    rendered_focal = bent.width / 2 / math.tan(math.radians(bent.fov_deg / 2))
    assert rendered_focal == pytest.approx(bent.k[0], rel=1e-6), 'as fine as the camera itself'
    matrix = np.array(bent.k).reshape(3, 3)
    rays = [(0.0, 0.0), (0.9, 0.2), (-0.8, -0.4), (0.3, 0.45)]
    places = cv2.projectPoints(
        np.array([(*ray, 1.0) for ray in rays]), np.zeros(3), np.zeros(3), matrix,
        np.array([*lens, 0.0, 0.0]),
    )[0].reshape(-1, 2)  # fmt: skip
    for ray, place in zip(rays, places, strict=True):
        rendered = np.zeros((bent.height, bent.width), np.uint8)
        spot = np.array(ray) * rendered_focal + (bent.width / 2, bent.height / 2)
        cv2.circle(rendered, tuple(np.round((spot - 0.5) * 16).astype(int)), 48, 255, -1, shift=4)
        rows, columns = np.nonzero(bent.bend_image(rendered) > 127)
        assert np.hypot(columns.mean() + 0.5 - place[0], rows.mean() + 0.5 - place[1]) < 0.4
        assert set(np.unique(bent.bend_labels(rendered))) == {0, 255}, 'labels are not mixed'
    assert bent.bend_image(np.full((bent.height, bent.width, 3), 9, np.uint8)).min() == 9, 'rim'


def test_a_straight_lens_changes_nothing_and_an_impossible_one_is_refused() -> None:
    straight = Lens.of(CameraConfig(width=64, height=32, fov_deg=90))
    assert (straight.width, straight.height, straight.fov_deg) == (64, 32, 90)
    assert straight.k == pytest.approx((32, 0, 32, 0, 32, 16, 0, 0, 1))
    picture = np.zeros((32, 64, 3), np.uint8)
    assert straight.bend_image(picture) is picture
    for lens, told in (((-0.5, 0.0), 'folds'), ((-0.3, 0.0), 'folds|wider')):
        with pytest.raises(ConfigError, match=told):
            Lens.of(CameraConfig(fov_deg=120, lens=lens))


@pytest.mark.parametrize(('changes', 'told'), [
    ({'times': ('teatime',)}, "--times names 'teatime'.*dusk"),
    ({'times': ('91',)}, '--times'),
    ({'cameras': (CAMERAS[0], CAMERAS[0])}, '--cameras: two have one name'),
    ({'cameras': (CameraConfig(attributes={'lens_k': '0'}),)}, 'not its labels: use lens'),
    ({'split': SplitConfig(by='town')}, '--split.towns'),
    ({'split': SplitConfig(by='town', towns=('C',))}, "names C, which is not in --towns"),
    ({'routes': 1}, 'raise --routes'),
    ({'frames': 0}, '--frames is 0'),
    ({'vary': VaryConfig(fov_deg=85)}, '--vary.fov_deg is 85'),
    ({'spacing_m': 0.3}, 'lower that too'),
])  # fmt: skip
def test_settings_that_do_not_fit_are_refused(changes: dict, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        replace(CONFIG, **changes).check()


def moment(x_m: float | None, yaw_deg: float = 0.0, drive: int = 0) -> Moment:
    view = None if x_m is None else View(x_m, 0, 1.6, 0, yaw_deg, 0)
    plan = Drive(drive, 'A', 'ClearNoon', 'noon', 0, CAMERAS[0], 'train')
    return Moment(plan, 0, 0, 0, lambda: Developed(np.zeros(0), np.zeros(0)), view)


def is_kept(still: Standstill, taken: Moment, picture: np.ndarray) -> bool:
    try:
        still.check_view(taken)
        thumbnail = still.check_picture(taken, picture)
    except SkipError as skip:
        assert str(skip) == 'standing still'
        return False
    still.keep(taken, thumbnail)
    return True


def test_standing_still_is_told_by_pose_and_remembered_through_a_resume() -> None:
    black = np.zeros((32, 64, 3), np.uint8)
    still = Standstill(KeepConfig(min_move_m=1.0, min_turn_deg=10))
    assert [is_kept(still, moment(x), black) for x in (0, 0.4, 0.9, 1.1, 2.0)] == [
        True, False, False, True, False,
    ]  # fmt: skip
    resumed = Standstill(KeepConfig())
    resumed.restore(json.loads(json.dumps(still.memory())))
    assert not is_kept(resumed, moment(2.0), black)
    assert is_kept(resumed, moment(2.0, yaw_deg=-349.0 + 360), black), 'turned on the spot'
    assert is_kept(resumed, moment(2.0, yaw_deg=11, drive=1), black), 'another drive'


def test_standing_still_is_told_by_picture_where_there_is_no_pose() -> None:
    rng = np.random.default_rng(1)
    scene = cv2.GaussianBlur(rng.integers(0, 255, (120, 160, 3), np.uint8), (0, 0), 9) * 2
    noisy = np.clip(scene + rng.normal(0, 6, scene.shape), 0, 255).astype(np.uint8)
    still = Standstill(KeepConfig())
    assert is_kept(still, moment(None), scene)
    assert not is_kept(still, moment(None), noisy), 'noise is no motion'
    resumed = Standstill(KeepConfig())
    resumed.restore(json.loads(json.dumps(still.memory())))
    assert not is_kept(resumed, moment(None), noisy)
    assert is_kept(resumed, moment(None), np.roll(scene, 20, axis=1))


def test_splits_keep_their_distance_within_a_town() -> None:
    gap = SplitGap(15.0)
    gap.keep('A', 'train', 0.0, 0.0)
    gap.check('A', 'train', 1.0, 0.0)
    gap.check('B', 'validation', 0.0, 0.0)
    gap.check('A', 'validation', -15.1, 0.0)
    for x_m, y_m in ((14.9, 0.0), (-10.0, 11.0), (0.0, 0.0)):
        with pytest.raises(SkipError, match='near the other split'):
            gap.check('A', 'validation', x_m, y_m)
    SplitGap(0.0).check('A', 'validation', 0.0, 0.0)


def test_little_road_is_left_out() -> None:
    labels = np.zeros((10, 10), np.uint8)
    labels[0, :3] = ROAD
    pixels = np.bincount(labels.ravel(), minlength=256)
    check_road(pixels, 0.03)
    with pytest.raises(SkipError, match='little road'):
        check_road(pixels, 0.031)


def test_collecting_needs_no_torch() -> None:
    program = (
        'import sys, training.__main__, training.command_line, training.collect\n'
        'import training.collection.carla_source, training.collection.bag_source\n'
        'print(*sys.modules)'
    )
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    assert not {'torch', 'lightning', 'rclpy', 'carla_lite'} & set(done.stdout.split())
    assert 'training.collect' in done.stdout, done.stderr


@pytest.mark.parametrize('package', ['jsonargparse', 'yaml', 'rich'])
def test_packages_that_are_not_there_are_told_in_one_line(package: str) -> None:
    """As on a full ROS 2 install, which has none of them."""
    program = (
        f'import sys; sys.modules[{package!r}] = None\n'
        'from training.__main__ import collect_data\n'
        'sys.exit(collect_data())'
    )
    done = subprocess.run(
        [sys.executable, '-c', program, '--json'], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith('error: ') and len(done.stderr.splitlines()) == 1
    assert package in done.stderr
    assert "pip install 'jsonargparse[signatures]' pyyaml rich" in done.stderr
