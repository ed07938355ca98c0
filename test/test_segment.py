"""Masks for files: the command line as users call it, with a network whose answers are known."""

import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
import numpy as np
import pytest
import recordings
from recordings import road_picture
from seg_node.labels import LANE_LABELS, palette_bgr
from seg_node.segment import main
from seg_node.segment_output import OverlayVideo
from seg_node.segment_summary import LaneIou

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def segment(tiny_bundle, tmp_path, capsys):
    """Run the command on an input; return exit status, output, errors and the out folder."""

    def run(path, *more):
        command = [str(path), '--bundle', str(tiny_bundle.folder), '--engine', 'onnxruntime']
        status = main([*command, '--out', str(tmp_path / 'out'), *more])
        captured = capsys.readouterr()
        return status, captured.out, captured.err, tmp_path / 'out'

    return run


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file())


def expected_mask(picture):
    """Return what the tiny network finds, whose input is as large as these pictures."""
    return (picture.mean(axis=2) >= 128).astype(np.uint8)


def test_a_folder_gets_a_mask_and_an_overlay_for_each_picture(segment, tmp_path):
    recordings.write_pictures(tmp_path / 'in', 3)
    status, output, errors, out = segment(tmp_path / 'in')
    assert (status, errors) == (0, '')
    assert files_below(out) == [
        *[f'masks/frame{index}.png' for index in range(3)],
        *[f'overlays/frame{index}.jpg' for index in range(3)],
        'summary.json',
    ]
    assert output.startswith('3 frames with tiny on onnxruntime')
    for index in range(3):
        mask = cv2.imread(str(out / f'masks/frame{index}.png'), cv2.IMREAD_UNCHANGED)
        picture = road_picture(index)
        assert (mask.shape, mask.dtype) == (picture.shape[:2], np.uint8)
        np.testing.assert_array_equal(mask, expected_mask(picture))
        overlay = cv2.imread(str(out / f'overlays/frame{index}.jpg'))
        lane_color = (255 + palette_bgr(LANE_LABELS)[1].astype(int)) / 2
        lane = cv2.erode(mask, np.ones((3, 3)))
        assert np.abs(overlay[lane > 0].mean(axis=0) - lane_color).max() < 25


def test_the_input_is_never_written_over(segment, tmp_path, capsys, tiny_bundle):
    pairs = tmp_path / 'out'  # the fixture writes to this folder too
    recordings.write_pictures(pairs / 'images', 2)
    (pairs / 'masks').mkdir()
    truth = pairs / 'masks' / 'frame0.png'
    cv2.imwrite(str(truth), np.full((48, 64), 2, np.uint8))
    before = truth.read_bytes()
    status, _, errors, _ = segment(pairs)
    assert status == 2
    assert 'lies in the input' in errors
    assert truth.read_bytes() == before


def test_impossible_threads_are_refused(segment, tmp_path):
    recordings.write_pictures(tmp_path / 'in', 1)
    status, _, errors, _ = segment(tmp_path / 'in', '--threads', '-3')
    assert (status, errors) == (2, 'error: --threads -3: use 0 (one a core) to 256\n')


def test_the_summary_is_for_machines_too(segment, tmp_path):
    paths = recordings.write_pictures(tmp_path / 'in', 4)
    paths[2].write_bytes(b'rubbish')
    status, output, _, out = segment(tmp_path / 'in', '--json')
    summary = json.loads(output)
    assert status == 0
    assert summary == json.loads((out / 'summary.json').read_text())
    assert (summary['frames'], summary['errors'], summary['kind']) == (3, 1, 'folder')
    assert summary['input'] == str(tmp_path / 'in')
    assert summary['error_messages'][0].startswith('frame2.png')
    assert 'onnxruntime' in summary['engine']
    shares = [expected_mask(road_picture(index)).mean() for index in (0, 1, 3)]
    assert summary['lane_pixel_share'] == pytest.approx(np.mean(shares))
    assert list(summary['latency_ms']) == ['preprocess', 'inference', 'postprocess', 'total']
    for stage in summary['latency_ms'].values():
        assert 0 < stage['p50'] <= stage['p95'] <= stage['p99']
    assert 'lane_iou' not in summary


def test_a_video_gets_an_overlay_video(segment, tmp_path):
    path = recordings.write_video(tmp_path / 'drive.mp4', 9)
    status, _, _, out = segment(path)
    assert status == 0
    assert files_below(out) == [
        *[f'masks/{index:06d}.png' for index in range(9)],
        'overlay.mp4',
        'summary.json',
    ]
    video = cv2.VideoCapture(str(out / 'overlay.mp4'))
    assert video.get(cv2.CAP_PROP_FPS) == 20
    frames = []
    while (result := video.read())[0]:
        frames.append(result[1])
    assert len(frames) == 9
    green, red = frames[0][:, 8:12, 1].mean(), frames[0][:, 8:12, 2].mean()
    assert green > red + 20  # white paint under half a coat of the lane's colour


@pytest.mark.parametrize('storage', ['sqlite3', 'mcap'])
def test_a_bag_and_a_picture_work_alike(segment, tmp_path, storage):
    recordings.write_bag(tmp_path / 'bag', {'/image': recordings.images(2)}, storage)
    status, _, _, out = segment(tmp_path / 'bag', '--topic', 'image')
    assert status == 0
    assert [name for name in files_below(out) if 'masks' in name] == [
        'masks/000000.png',
        'masks/000001.png',
    ]


def test_an_adapter_can_be_chosen(segment, tmp_path):
    (path,) = recordings.write_pictures(tmp_path, 1)
    _, output, _, _ = segment(path, '--json')
    _, dark, _, _ = segment(path, '--json', '--adapter', 'dark')
    share, dark_share = (json.loads(text)['lane_pixel_share'] for text in (output, dark))
    assert share + dark_share == pytest.approx(1)


def test_a_pairs_folder_is_measured_against_its_masks(segment, tmp_path):
    """Truth is half of what the network finds, with a part unlabelled: the IoU is known."""
    folder = tmp_path / 'pairs'
    for index, path in enumerate(recordings.write_pictures(folder / 'images', 4)):
        truth = expected_mask(road_picture(index))
        truth[16:] = 0
        truth[28:] = 255
        (folder / 'masks').mkdir(exist_ok=True)
        cv2.imwrite(str(folder / 'masks' / path.name), truth)
    (folder / 'masks' / 'frame2.png').unlink()
    cv2.imwrite(str(folder / 'masks' / 'frame3.png'), np.zeros((2, 2), np.uint8))
    status, output, _, _ = segment(folder, '--json')
    summary = json.loads(output)
    assert status == 0
    assert (summary['frames'], summary['errors'], summary['lane_iou_images']) == (4, 2, 2)
    assert summary['lane_iou'] == pytest.approx(16 / 28)
    assert 'frame2.png: no such mask' in summary['error_messages'][0]
    assert '(2, 2)' in summary['error_messages'][1]


@settings(max_examples=100, deadline=None)
@given(
    st_numpy.arrays(np.uint8, (3, 5, 5), elements=st.sampled_from([0, 1, 2])),
    st_numpy.arrays(np.uint8, (3, 5, 5), elements=st.sampled_from([0, 1, 2, 255])),
)
def test_the_lane_iou_is_pooled_over_all_pixels(labels, truth):
    iou = LaneIou()
    for predicted, annotated in zip(labels, truth, strict=True):
        iou.add(predicted, annotated)
    found = {at for at in np.ndindex(labels.shape) if labels[at] == 1 and truth[at] != 255}
    there = {at for at in np.ndindex(truth.shape) if truth[at] == 1}
    expected = len(found & there) / len(found | there) if found | there else 1
    assert iou.value == expected
    assert iou.images == 3


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['nowhere'], 'there is no'),
        (['empty'], 'no pictures in'),
        (['rubbish.png'], 'no frame could be read (rubbish.png: not a jpeg or png)'),
        (['rubbish.mp4'], 'neither a picture, a bag nor a video'),
        (['frame0.png', '--topic', '/image'], 'is not a bag'),
        (['frame0.png', '--adapter', 'none'], "no adapter 'none'"),
        (['frame0.png', '--bundle', 'empty'], 'it has no bundle.json'),
        (['frame0.png', '--bundle', 'rubbish.png'], '--bundle rubbish.png is a file: name the'),
        (
            ['frame0.png', '--out', 'rubbish.png'],
            'summary.json cannot be written (Not a directory)',
        ),
        (['frame0.png', '--out', '/proc/x'], '/proc/x/masks cannot be written (No such file'),
        (
            ['frame0.png', '--out', 'taken'],
            'taken/summary.json cannot be written (Is a directory)',
        ),
        (['frame0.png', '--out', 'held'], 'held/masks/frame0.png cannot be written (Is a dir'),
        (['loop'], 'loop cannot be followed, its links lead in a circle: name another path'),
        (['frame0.png', '--out', 'loop'], 'loop cannot be followed'),
    ],
)
def test_a_mistake_is_told_in_one_line(segment, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    recordings.write_pictures(tmp_path, 1)
    for name in ('empty', 'taken/summary.json', 'held/masks/frame0.png'):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / 'loop').symlink_to('loop')
    for name in ('rubbish.png', 'rubbish.mp4'):
        (tmp_path / name).write_bytes(b'rubbish')
    status, output, errors, out = segment(*arguments)
    assert (status, output) == (2, '')
    assert errors.startswith('error: ')
    assert words in errors
    assert errors.count('\n') == 1
    assert not out.exists() or files_below(out) == []


@pytest.mark.parametrize(
    'arguments', [['', '--out', 'out'], ['.', '--out', ''], ['.', '--out', 'out', '--bundle', '']]
)
def test_an_empty_path_is_not_the_current_folder(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    recordings.write_pictures(tmp_path, 1)
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert 'it is empty: name a file or folder' in capsys.readouterr().err.splitlines()[-1]
    assert files_below(tmp_path) == ['frame0.png']


def test_an_unfinished_run_leaves_no_summary_and_no_video(tiny_bundle, tmp_path):
    """Ctrl-C in a process of its own, while an earlier run's results stand."""
    path = recordings.write_video(tmp_path / 'drive.mp4', 3000)
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'summary.json').write_text('{}')
    (out / 'overlay.mp4').write_text('of the run before')
    command = [sys.executable, '-m', 'seg_node.segment', str(path), '--out', str(out)]
    process = subprocess.Popen(
        [*command, '--bundle', str(tiny_bundle.folder), '--engine', 'onnxruntime'],
        cwd=REPOSITORY,
        env={**os.environ, 'PYTHONPATH': str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        give_up_s = time.monotonic() + 30
        while not (out / 'masks' / '000005.png').exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < give_up_s
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert output == ''
    assert errors == f'interrupted: the files in {out} are whole, but not all\n'
    files = files_below(out)
    masks = [name for name in files if name.startswith('masks/')]
    assert [name for name in files if name not in masks] == ['overlay.mp4']
    assert (out / 'overlay.mp4').read_text() == 'of the run before'
    assert 5 < len(masks) < 3000
    for name in masks:
        assert cv2.imread(str(out / name), cv2.IMREAD_UNCHANGED).shape == (32, 64)


def test_a_video_of_no_frames_is_not_written(tmp_path):
    OverlayVideo(tmp_path / 'overlay.mp4', 20).close()
    assert files_below(tmp_path) == []


def test_the_help_says_what_is_written(capsys):
    with pytest.raises(SystemExit) as caught:
        main(['--help'])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for word in ('masks/NAME.png', 'overlay.mp4', 'summary.json', '--engine', 'examples:'):
        assert word in text
