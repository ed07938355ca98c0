"""Data sets drawn without a server: the same again, resumable, and readable by training."""

from dataclasses import fields, replace
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from carla_lite.dataset.__main__ import main
from carla_lite.dataset.chance import darken_walks, draw_view
from carla_lite.dataset.checks import check_settings
from carla_lite.dataset.drawing import draw_all
from carla_lite.dataset.sample import TownSamples
from carla_lite.dataset.settings import APPROACH_M, read_settings, Settings
from carla_lite.dataset.traffic import _KINDS, _shares
from carla_lite.errors import CarlaLiteError
from carla_lite.look import draw_look
from carla_lite.materials import Material
from carla_lite.render.ingredients import Ingredients
import cv2
import numpy as np
import pytest

CONFIG = Path(__file__).resolve().parents[1] / 'training' / 'configs' / 'rendered_roads.json'
SMALL = replace(
    Settings(), width=160, height=90, frames_per_town=2, towns={'LiteLoop': 1.0, 'LiteTrack': 1.0}
)


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


@pytest.fixture(scope='module')
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp('rendered')
    draw_all(SMALL, 5, out, workers=1)
    return out


def test_every_picture_has_a_mask_with_lanes_and_road(drawn: Path) -> None:
    lines = [json.loads(line) for line in (drawn / 'samples.jsonl').read_text().splitlines()]
    assert len(lines) == 5
    seen = np.zeros(3, int)
    for line in lines:
        picture = cv2.imread(str(drawn / line['image']))
        mask = cv2.imread(str(drawn / line['mask']), cv2.IMREAD_UNCHANGED)
        assert picture.shape == (90, 160, 3)
        assert mask.shape == (90, 160)
        assert mask.max() <= 2
        seen += np.bincount(mask.ravel(), minlength=3)
        assert {'town', 'town_seed', 'look_seed', 'camera_height_m', 'fov_deg'} <= set(line)
    assert (seen > 100).all()


def test_a_stopped_run_goes_on_to_the_same_files(drawn: Path, tmp_path: Path) -> None:
    out = tmp_path / 'resumed'
    draw_all(SMALL, 3, out, workers=1)
    before = {path: path.stat().st_mtime_ns for path in (out / 'images').iterdir()}
    (out / 'images' / '00001_001.part').write_bytes(b'cut short by a kill')
    draw_all(SMALL, 5, out, workers=2)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert files(out) == files(drawn)
    draw_all(SMALL, 3, out, workers=1)
    assert len((out / 'samples.jsonl').read_text().splitlines()) == 3


def test_training_reads_it(drawn: Path) -> None:
    pytest.importorskip('torch', reason='training needs torch')
    from training.data.pairs import PairsFolder
    from training.data.sources import SetConfig

    folder = PairsFolder.open(SetConfig(path=drawn.name), drawn.parent)
    assert len(folder) == 5
    assert folder.annotated.all()
    image, mask = folder.read(0)
    assert image.shape[:2] == mask.shape


def test_other_settings_are_not_mixed_into_a_folder(drawn: Path) -> None:
    with pytest.raises(CarlaLiteError, match='other settings'):
        draw_all(replace(SMALL, traffic=1), 5, drawn, workers=1)


#: Scenery hides road, so its absence may uncover some; a lens's distortion moves labels.
MOVING = ('scenery', 'lens')


@pytest.mark.parametrize(
    'name', [part.name for part in fields(Ingredients) if part.name not in MOVING]
)
def test_leaving_an_ingredient_out_changes_pictures_not_truth(name: str) -> None:
    with_it = TownSamples(SMALL, 0).sample(0)
    without = TownSamples(SMALL.without(name), 0).sample(0)
    np.testing.assert_array_equal(with_it.mask, without.mask)


def test_some_ingredients_are_seen_at_once() -> None:
    whole = TownSamples(replace(SMALL, towns={'LiteTown': 1.0}), 3)
    for name in ('grain', 'scenery', 'lens', 'looks', 'cameras', 'faults'):
        settings = replace(SMALL, towns={'LiteTown': 1.0}).without(name)
        other = TownSamples(settings, 3)
        changed = [(whole.sample(i).picture != other.sample(i).picture).mean() for i in (0, 1)]
        assert max(changed) > 0.05, name


def test_an_interrupt_ends_it_soon(tmp_path: Path) -> None:
    command = [sys.executable, '-m', 'carla_lite.dataset', '--frames', '4000', '--workers', '1']
    process = subprocess.Popen(
        [*command, '--out', str(tmp_path / 'x')], stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    deadline_s = time.monotonic() + 60
    while not list((tmp_path / 'x').glob('images/*.jpg')) and time.monotonic() < deadline_s:
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(30) == 130
    assert 'interrupted' in process.stderr.read()


def test_cameras_before_the_end_of_a_lane() -> None:
    town = TownSamples(replace(SMALL, towns={'LiteTown': 1.0}), 0).town
    settings = replace(SMALL, camera=replace(SMALL.camera, approach_share=1.0, side_m=(0, 0)))
    ends = np.array([path[-1, :2] for path in town.lane_paths])
    for number in range(40):
        _, car = draw_view(np.random.default_rng(number), town, settings)
        assert np.hypot(*(ends - (car.x, car.y)).T).min() < APPROACH_M + 2


def test_left_out_names_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(['--without', 'gravity', '--out', str(tmp_path / 'x')]) == 2
    assert 'gravity' in capsys.readouterr().err
    assert not (tmp_path / 'x').exists()


@pytest.mark.parametrize(
    ('text', 'named'),
    [('{', 'no JSON'), ('{"colour": 1}', 'colour'), ('{"camera": {"zoom": 1}}', 'zoom')],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / 'settings.json'
    path.write_text(text)
    with pytest.raises(CarlaLiteError, match=named):
        read_settings(path)


@pytest.mark.parametrize(
    ('text', 'says'),
    [
        ('{"seed": -3}', 'seed is -3: use a whole number of 0 to'),
        ('{"seed": null}', 'seed is None: use a whole number'),
        ('{"width": 1.5}', 'width is 1.5: use a whole number of 32 to 4,096'),
        ('{"height": 100000}', 'height is 100000'),
        ('{"width": NaN}', 'width is nan'),
        ('{"towns": {}}', 'towns leaves nothing to draw'),
        ('{"towns": {"LiteLoop": -1, "LiteTown": 2}}', 'a share of 0 or more'),
        ('{"towns": {"Town01": 1}}', 'LiteTown'),
        ('{"traffic": "many"}', "traffic is 'many'"),
        ('{"frames_per_town": 0}', 'frames_per_town is 0'),
        ('{"camera": {"fov_deg": 90}}', 'camera.fov_deg is 90: use two numbers of 5 to 170'),
        ('{"camera": {"fov_deg": [90]}}', 'the smaller first'),
        ('{"camera": {"fov_deg": [200, 300]}}', 'camera.fov_deg'),
        ('{"camera": {"side_m": [1, -1]}}', 'camera.side_m'),
        ('{"weather": {"night": 7}}', 'weather.night is 7: use a number of 0 to 1'),
        ('{"ingredients": {"wear": 3}}', 'ingredients.wear is 3: use true or false'),
        ('{"jpeg_quality": 900}', 'jpeg_quality is 900'),
    ],
)
def test_what_cannot_be_drawn_is_named_before_anything_is_written(tmp_path, capsys, text, says):
    settings, out = tmp_path / 's.json', tmp_path / 'x'
    settings.write_text(text)
    assert main(['--settings', str(settings), '--frames', '1', '--out', str(out)]) == 2
    told = capsys.readouterr().err
    assert told.startswith('error: ')
    assert told.count('\n') == 1
    assert says in told
    assert not out.exists()


def test_shipped_settings_can_be_drawn() -> None:
    for path in CONFIG.parent.glob('*.json'):
        check_settings(read_settings(path))


@pytest.mark.parametrize('content', [b'{x', b'5', b'{}', b'\xff\xfe\x00'])
def test_a_damaged_folder_is_told(tmp_path, capsys, content: bytes) -> None:
    (tmp_path / 'dataset.json').write_bytes(content)
    assert main(['--frames', '1', '--out', str(tmp_path)]) == 2
    assert 'dataset.json is damaged: remove the folder' in capsys.readouterr().err


def test_a_damaged_list_of_a_town_is_drawn_again(tmp_path: Path) -> None:
    draw_all(SMALL, 2, tmp_path, workers=1)
    listed = tmp_path / 'towns' / '00000.jsonl'
    whole = listed.read_bytes()
    for damaged in (b'\xff\xfe', whole[:-20]):
        listed.write_bytes(damaged)
        draw_all(SMALL, 2, tmp_path, workers=1)
        assert listed.read_bytes() == whole


def test_a_file_in_the_way_is_told(tmp_path, capsys) -> None:
    (tmp_path / 'x').write_text('mine')
    assert main(['--frames', '1', '--out', str(tmp_path / 'x')]) == 2
    assert 'name another --out' in capsys.readouterr().err
    assert (tmp_path / 'x').read_text() == 'mine'


def test_the_settings_of_the_measured_data_set_stand_in_the_repository() -> None:
    assert read_settings(CONFIG).as_dict() == Settings().as_dict()


def test_dark_walks_are_near_the_roads_grey_and_change_nothing_else() -> None:
    look = draw_look(7)
    assert darken_walks(look, 0.0) is look
    dark = darken_walks(look, 1.0)
    ratio = np.array(dark.albedo[Material.SIDEWALK]) / look.albedo[Material.ASPHALT]
    assert 0.7 < ratio.min() <= ratio.max() < 1.26
    changed = {name for name in look.albedo if look.albedo[name] != dark.albedo[name]}
    assert changed == {Material.SIDEWALK, Material.KERB}
    share = np.mean([darken_walks(draw_look(i), 0.3) != draw_look(i) for i in range(300)])
    assert 0.2 < share < 0.4


def test_riders_share() -> None:
    assert _shares(0.1) == [share for _, _, share in _KINDS]  # what was measured with
    shares = dict(zip((kind for kind, _, _ in _KINDS), _shares(0.5), strict=True))
    assert shares['bicycle'] + shares['motorcycle'] == pytest.approx(0.5)
    assert sum(shares.values()) == pytest.approx(1)


def test_looks_differ_and_stay_in_range() -> None:
    looks = [draw_look(seed) for seed in range(200)]
    assert draw_look(7) == looks[7]
    for look in looks:
        for bgr in look.albedo.values():
            assert all(0 <= channel <= 255 for channel in bgr)
        assert 0 <= look.wear <= 0.5
    asphalt = np.array([look.albedo[0] for look in looks]).mean(axis=1)
    assert asphalt.min() < 45
    assert asphalt.max() > 150
