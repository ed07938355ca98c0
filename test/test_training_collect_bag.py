"""From a recording to a pairs folder: what is kept, and what survives kills and full disks."""

from collections.abc import Sequence
import errno
import hashlib
import json
import os
from pathlib import Path
import random
import re
import shlex
import shutil
import subprocess
import sys
import time
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip('rosbags', reason='rosbags is not installed')

from recordings import camera_info_message, image_message, write_bag
from rendered_roads import render_road
from seg_node.carla.tags import NEW_TAGS, OLD_TAGS, TagTable
from seg_node.labels import LANE_MARKING, ROAD
from training.__main__ import main
from training.collect import collect
from training.collection.config import BagConfig, CollectConfig
from training.collection.errors import CollectError
from training.data.pairs import PairsFolder
from training.data.sources import SetConfig

ROOT = Path(__file__).resolve().parents[1]
IMAGE, LABELS = '/front/image', '/front/labels'


def scenes(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(7)
    return [render_road(rng) for _ in range(count)]


def as_tags(mask: np.ndarray, table: TagTable) -> np.ndarray:
    """Return the raw semantic picture, (H, W, 4) uint8 BGRA, that a mask is the truth of."""
    tags = np.select([mask == LANE_MARKING, mask == ROAD], [table.road_line, table.road], 11)
    picture = np.zeros((*mask.shape, 4), np.uint8)
    picture[..., 2], picture[..., 3] = tags, 255
    return picture


def as_colors(mask: np.ndarray) -> np.ndarray:
    tags = as_tags(mask, NEW_TAGS)[..., 2]
    return np.array(NEW_TAGS.colors, np.uint8)[tags][..., ::-1].copy()


def record(path: Path, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Path:
    """Record pictures and label ids of the same stamps."""
    images = [image_message(index, image) for index, (image, _) in enumerate(pairs)]
    labels = [image_message(index, mask, 'mono8') for index, (_, mask) in enumerate(pairs)]
    write_bag(path, {IMAGE: images, LABELS: labels})
    return path


PLACE = {'town': 'Town01', 'weather': 'ClearNoon', 'licence': 'mine'}


def config_for(bag: Path, output: Path, **changes: Any) -> CollectConfig:
    source = BagConfig(bag, IMAGE, LABELS, **PLACE)
    return CollectConfig(**{'output': output, 'bag': source, 'image_format': 'png', **changes})


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / 'samples.jsonl').read_text().splitlines()]


def content_of(folder: Path) -> dict[str, str]:
    """Return the hash of every file that does not say how long it took."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob('*'))
        if path.is_file() and path.name not in ('collect.json', 'dataset.json')
    }


def read(folder: Path) -> PairsFolder:
    return PairsFolder.open(SetConfig(path=folder.name), folder.parent)


@pytest.mark.parametrize('encode', [
    lambda mask: (mask, 'mono8'),
    lambda mask: (as_tags(mask, NEW_TAGS), 'bgra8'),
    lambda mask: (as_tags(mask, OLD_TAGS), 'bgra8'),
    lambda mask: (as_tags(mask, NEW_TAGS)[..., 2].copy(), 'mono8'),
    lambda mask: (as_colors(mask), 'bgr8'),
], ids=['label ids', 'new tags', 'old tags', 'grey tags', 'palette'])  # fmt: skip
def test_every_kind_of_labels_becomes_label_ids(tmp_path: Path, encode: Any) -> None:
    pairs = scenes(4)
    images = [image_message(index, image) for index, (image, _) in enumerate(pairs)]
    labels = [image_message(index, *encode(mask)) for index, (_, mask) in enumerate(pairs)]
    infos = [camera_info_message(0)]
    write_bag(tmp_path / 'bag', {IMAGE: images, LABELS: labels, '/front/camera_info': infos})
    result = collect(config_for(tmp_path / 'bag', tmp_path / 'set'), quiet=True)
    assert result['samples'] == result['new_samples'] == 4
    folder = read(tmp_path / 'set')
    for index, (image, mask) in enumerate(pairs):
        kept_image, kept_mask = folder.read(index)
        assert np.array_equal(kept_image, image)
        assert np.array_equal(kept_mask, mask)
    assert folder.licence == 'mine'
    assert folder.annotated.all()
    assert result['sha256'] == folder.sha256()
    line = lines_of(tmp_path / 'set')[3]
    assert line['camera']['k'] == [77, 0, 32, 0, 77, 16, 0, 0, 1]
    assert (line['town'], line['weather'], line['split']) == ('Town01', 'ClearNoon', 'train')
    assert line['pixels']['road'] == int((pairs[3][1] == ROAD).sum())
    sheet = cv2.imread(result['contact_sheet'])
    assert sheet is not None and sheet.shape[1] % 320 == 0


def test_pairs_have_one_stamp_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    pairs = scenes(9)
    still = [*pairs[:5], pairs[4], *pairs[5:]]  # 5 shows what 4 shows
    sky = np.zeros((64, 128), np.uint8)
    images = [image_message(index, image) for index, (image, _) in enumerate(still)]
    labels = [image_message(index, mask, 'mono8') for index, (_, mask) in enumerate(still)]
    labels[7] = image_message(7, sky, 'mono8')
    labels[8].header.stamp.nanosec += 1  # a stamp of its own: both partners are lost
    images[9].data = images[9].data[:100]
    labels = labels[:4] + labels[4:6][::-1] + labels[6:]  # order of arrival does not matter
    write_bag(tmp_path / 'bag', {IMAGE: images, LABELS: labels})
    result = collect(config_for(tmp_path / 'bag', tmp_path / 'set'), quiet=True)
    assert result['skipped'] == {
        'standing still': 1, 'little road': 1, 'damaged': 1, 'lost pair': 2,
    }  # fmt: skip
    stamps = [line['stamp_ns'] for line in lines_of(tmp_path / 'set')]
    kept = [12_000_000_007 + index * 50_000_000 for index in (0, 1, 2, 3, 4, 5, 6)]
    assert sorted(stamps) in ([s for s in kept if s != kept[5]], [s for s in kept if s != kept[4]])
    for (image, mask), stamp_ns in zip(still, kept, strict=False):
        if stamp_ns in stamps:
            found = read(tmp_path / 'set').read(stamps.index(stamp_ns))
            assert np.array_equal(found[0], image) and np.array_equal(found[1], mask)


def test_a_colour_picture_is_no_label_picture(tmp_path: Path) -> None:
    images = [image_message(index, image) for index, (image, _) in enumerate(scenes(3))]
    write_bag(tmp_path / 'bag', {IMAGE: images, LABELS: images})
    with pytest.raises(CollectError, match='this is no semantic picture') as caught:
        collect(config_for(tmp_path / 'bag', tmp_path / 'set'), quiet=True)
    assert '\n' not in str(caught.value)


def command(bag: Path, output: Path, *more: str) -> list[str]:
    settings = {'bag.path': bag, 'bag.image': IMAGE, 'bag.labels': LABELS, 'output': output}
    settings |= {f'bag.{key}': value for key, value in PLACE.items()}
    flags = [str(part) for key, value in settings.items() for part in (f'--{key}', value)]
    return [sys.executable, '-m', 'training', 'collect', *flags, '--json', *more]


def count(folder: Path) -> int:
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def kill_after_files(process: subprocess.Popen, folder: Path, files: int, delay_s: float) -> bool:
    """Kill -9 when so many files more are there; return False when it ended by itself before."""
    goal = count(folder) + files
    while process.poll() is None:
        if count(folder) >= goal:
            time.sleep(delay_s)
            process.kill()
            return process.wait() == -9
        time.sleep(0.001)
    return False


def test_killed_at_random_moments_it_ends_as_if_never_killed(tmp_path: Path) -> None:
    pairs = scenes(40) * 10
    bag = record(tmp_path / 'bag', pairs)
    whole = collect(config_for(bag, tmp_path / 'whole', image_format='jpg'), quiet=True)
    assert whole['samples'] == 400
    killed, output, chance = 0, tmp_path / 'killed', random.Random(3)
    for _ in range(40):
        process = subprocess.Popen(command(bag, output), cwd=ROOT, stdout=subprocess.PIPE)
        files = chance.randint(1, 150)
        if not kill_after_files(process, output / 'masks', files, chance.random() * 0.005):
            break
        killed += 1
        ledger = json.loads((output / 'collect.json').read_text())
        raw = (output / 'samples.jsonl').read_bytes()[: ledger['size']]
        counted = [json.loads(line) for line in raw.splitlines()]
        assert len(counted) == ledger['samples']
        for line in counted[-40:]:
            for kind in ('image', 'mask'):
                content = (output / line[kind]).read_bytes()
                assert hashlib.sha256(content).hexdigest() == line[f'{kind}_sha256']
        read(output)  # a killed collection can be trained on as it is
    assert process.returncode == 0
    assert killed >= 3, 'the test should have killed it several times'
    assert content_of(output) == content_of(tmp_path / 'whole')
    assert read(output).sha256() == whole['sha256']
    again = collect(config_for(bag, output, image_format='jpg'), quiet=True)
    assert (again['new_samples'], again['samples']) == (0, 400)


def test_folders_that_cannot_be_used_are_refused_in_one_line(tmp_path: Path, capsys: Any) -> None:
    bag, output = record(tmp_path / 'bag', scenes(3)), tmp_path / 'set'
    foreign = tmp_path / 'photos'
    foreign.mkdir()
    (foreign / 'holiday.jpg').write_bytes(b'')
    (tmp_path / 'file').write_bytes(b'')
    collect(config_for(bag, output), quiet=True)
    shutil.copytree(output, tmp_path / 'damaged')
    (tmp_path / 'damaged' / 'collect.json').write_text('{')
    for path, more, told in (
        (foreign, [], 'holds other files (holiday.jpg)'),
        (tmp_path / 'file', [], 'cannot be written'),
        (output, ['--keep.min_road', '0.5'], 'was begun with image_format "png" and now'),
        (tmp_path / 'damaged', [], 'collect.json is damaged'),
        (tmp_path / 'x', ['--bag.labels', '/nowhere'], 'its image topics: /front/image'),
    ):
        arguments = command(bag, path, *more)[3:]
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert error.startswith('error: ') and told in error and len(error.splitlines()) == 1
    assert (foreign / 'holiday.jpg').exists()


def test_two_collections_do_not_write_to_one_folder(tmp_path: Path) -> None:
    from training.collection.sample_folder import SampleFolder

    with (
        SampleFolder(tmp_path / 'set', {}),
        pytest.raises(CollectError, match='another collection is writing'),
    ):
        SampleFolder(tmp_path / 'set', {})
    SampleFolder(tmp_path / 'set', {}).close()


def test_without_permission_it_says_so(tmp_path: Path) -> None:
    place = Path('/sys/collected')  # nobody may, not even root
    try:
        place.mkdir()
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.EROFS):
            pytest.skip(f'{place}: {error}')
    with pytest.raises(CollectError, match='no permission to write in /sys/collected'):
        collect(config_for(tmp_path, place), quiet=True)
    assert not place.exists()


def test_progress_has_rate_time_and_reasons(tmp_path: Path) -> None:
    """On a terminal, which ``script`` is."""
    if shutil.which('script') is None:
        pytest.skip('no script(1) here')
    pairs = [pair for pair in scenes(30) for _ in range(10)]
    bag = record(tmp_path / 'bag', pairs)
    arguments = [word for word in command(bag, tmp_path / 'set') if word != '--json']
    done = subprocess.run(
        ['script', '-qec', shlex.join(arguments), '/dev/null'],
        cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env={**os.environ, 'COLUMNS': '140', 'TERM': 'xterm-256color'},
    )  # fmt: skip
    text = re.sub(r'\x1b\[[0-9;?]*[a-zA-Z]', '', done.stdout)
    assert re.search(r'\d+ samples, left out: \d+ standing still', text), text
    assert re.search(r'left out: standing still +│ 270', text), text
    assert re.search(r'\d+\.\d/s', text), text


def test_progress_in_a_log_is_a_line_a_minute(capsys: Any) -> None:
    from training.progress import LineEachMinute

    lines = LineEachMinute('collecting', 100, period_s=0.0)
    lines(10, '')
    lines(20, '15 samples')
    error = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r'collecting: 20 of 100, [\d.]+/s, 15 samples, 0 minutes left', error[1])
