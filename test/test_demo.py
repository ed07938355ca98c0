"""The demo as people start it, on a short drawn road."""

import json
from pathlib import Path
import subprocess
import sys

import cv2
import numpy as np
import pytest
from seg_node.demo_road import draw_road, write_pairs
from seg_node.labels import BACKGROUND, LANE_MARKING, ROAD

ROOT = Path(__file__).resolve().parents[1]


def run_demo(domain_id: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    dds = pytest.importorskip('dds')
    return subprocess.run(
        [sys.executable, '-m', 'seg_node.demo', *arguments],
        env=dds.domain_environment(domain_id),
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
@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (('/nowhere.mp4',), 'there is no /nowhere.mp4'),
        (('README.md',), 'README.md'),
        (('--drawn', '--rate', '-5'), 'the replay failed'),
        (('--drawn', '--topic', '/camera'), 'is not a bag'),
        (('--drawn', '--bundle', '/nowhere'), 'there is no such folder'),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path, domain_id, arguments, words) -> None:
    done = run_demo(domain_id, *arguments, '--out', str(tmp_path / 'out'))
    assert done.returncode == 2
    assert words in done.stderr
    assert 'Traceback' not in done.stderr


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
