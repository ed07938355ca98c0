"""Shapes of the network side by side: what is told of them is what was found."""

from pathlib import Path

import cv2
import pytest

pytest.importorskip('torch', reason='training needs torch')
from bench import shapes
from bench.shapes_front import draw_front, Point


def figures(lane_iou: float) -> dict:
    found = {
        'lane_iou': lane_iou,
        'lane_f1_3px': 0.5,
        'bands': {'values': {'far': {'lane_recall': 0.25}}},
    }
    return {
        'parameters': 1234567,
        'multiply_adds': 2_320_000_000,
        'sets': {'carla_town_a': found, 'track_tape': found},
    }


FIGURES = {'nearest': figures(0.4), 'stem4': figures(0.6)}
TIMES = {
    'nearest': {'openvino int8': 3.5, 'openvino fp32': 11.0},
    'stem4': {'openvino fp32': 8.5},  # its int8 was not made
}


def test_table_has_a_row_each_and_leaves_open_what_was_not_measured():
    table = shapes.table_of(FIGURES, TIMES)
    assert list(table.columns[:6]) == [
        'shape', 'input', 'parameters', 'GMAC', 'openvino fp32', 'openvino int8',
    ]  # fmt: skip
    nearest, stem4 = table.rows
    assert nearest[1:7] == ['512x288', '1,234,567', '2.32', '11.00', '3.50', '0.400']
    assert stem4[4:7] == ['8.50', '', '0.600']
    assert nearest[8] == '0.250'


def test_each_shape_stands_in_the_picture_at_its_fastest(tmp_path: Path):
    points = shapes.points_of(FIGURES, TIMES)
    assert points == [Point('nearest', 3.5, 0.4), Point('stem4', 8.5, 0.6)]
    draw_front(points, tmp_path / 'front.png')
    picture = cv2.imread(str(tmp_path / 'front.png'))
    assert picture.std() > 5


def test_what_is_measured_already_is_not_trained_again(tmp_path: Path, monkeypatch):
    options = shapes._parser().parse_args(['--out', str(tmp_path), '--seed', '7'])
    (tmp_path / 'stem4_7.json').write_text('{"parameters": 1}')
    monkeypatch.setattr(shapes, 'output_of', lambda *_: pytest.fail('something was run'))
    assert shapes.train_shape('stem4', options) == {'parameters': 1}


def test_without_the_data_it_says_which(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(shapes, 'ROOT', tmp_path)
    assert shapes.main(['--out', str(tmp_path)]) == 2
    assert 'no ../shared/data/carla_town_a' in capsys.readouterr().err
