import json
import math

import numpy as np
import pytest
from rendered_roads import write_pairs
from training.data.pairs import PairsFolder
from training.data.sources import SetConfig
from training.evaluation.bands import Bands, Geometry
from training.evaluation.groups import groups_of

LABELS = ('background', 'lane_marking', 'road')
LEVEL = Geometry(fy_share=1.0, cy_share=0.5, pitch_rad=0.0, height_m=1.5)


def open_set(folder, lines=None, config=None):
    """Write four pictures of 64 x 128 and what is said of each."""
    root = write_pairs(folder / 'roads', 4, LABELS)
    if lines is not None:
        lines = [{'name': f'{index:04}', **line} for index, line in enumerate(lines)]
        (root / 'samples.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in lines))
    if config is not None:
        statement = json.loads((root / 'dataset.json').read_text())
        (root / 'dataset.json').write_text(json.dumps({**statement, 'config': config}))
    return PairsFolder.open(SetConfig(path='roads'), folder)


def camera(pitch_deg=0.0):
    k = [100.0, 0.0, 64.0, 0.0, 100.0, 32.0, 0.0, 0.0, 1.0]
    return {'name': 'front', 'height': 64, 'k': k, 'pose': {'pitch_deg': pitch_deg}}


def test_ground_appears_where_a_pinhole_sees_it():
    for distance_m in (10, 25, 50):
        assert LEVEL.row_share(distance_m) == pytest.approx(0.5 + 1.5 / distance_m)
    down = Geometry(1.0, 0.5, math.radians(-45), 1.5)
    assert down.row_share(1.5) == pytest.approx(0.5), 'the axis meets the ground there'
    assert down.row_share(3) < down.row_share(2)


def test_bands_are_metres_where_camera_and_height_are_known(tmp_path):
    lines = [{'camera': camera(), 'camera_height_m': h} for h in (0.8, 1.6, 1.6, 1.6)]
    bands = Bands.of(open_set(tmp_path, lines))
    assert bands.kind == 'ground'
    assert bands.names == ('over 50 m', '25-50 m', '10-25 m', '0-10 m')
    # 100 pixels of focal length: height / distance * 100 below the middle
    assert bands.bounds(1, 64) == [0, 32 + 3, 32 + 6, 32 + 16, 64]
    assert bands.bounds(0, 64) == [0, 32 + 2, 32 + 3, 32 + 8, 64]
    assert bands.bounds(1, 128) == [0, 64 + 6, 64 + 13, 64 + 32, 128], 'of an enlarged picture'


def test_height_may_come_from_the_settings_of_the_collection(tmp_path):
    lines = [{'camera': camera()}] * 4
    config = {'cameras': [{'name': 'front', 'height_m': 1.6}]}
    assert Bands.of(open_set(tmp_path, lines, config)).bounds(0, 64) == [0, 35, 38, 48, 64]


@pytest.mark.parametrize('lines', [
    None,
    [{}] * 4,
    [{'camera': camera()}] * 4,
    [{'camera': camera(), 'camera_height_m': 1.0}] * 3 + [{'camera_height_m': 1.0}],
    [{'camera': 'front', 'camera_height_m': 1.0}] * 4,
])  # fmt: skip
def test_bands_are_thirds_of_the_rows_of_lane_truth_otherwise(tmp_path, lines):
    bands = Bands.of(open_set(tmp_path, lines))
    assert (bands.kind, bands.names) == ('rows', ('far', 'middle', 'near'))
    # the lines of the rendered roads go from row 64 // 3 to the last
    bounds = bands.bounds(0, 64)
    rows = np.diff([21, *bounds[1:]])
    assert bounds[0] == 0
    assert np.abs(rows - (64 - 21) / 3).max() <= 2
    assert 'thirds of the rows that hold lane_marking' in bands.definition


def test_pictures_are_grouped_by_what_is_stated(tmp_path):
    lines = [
        {'town': 'A', 'weather': 'ClearNoon', 'sun_altitude_deg': 60, 'camera': {'name': 'low'}},
        {'town': 'B', 'precipitation': 70, 'sun_altitude_deg': 4},
        {'town': 'A', 'precipitation': 0, 'fog': 20, 'sun_altitude_deg': -10},
        {'precipitation': 0, 'fog': 0},
    ]
    assert groups_of(open_set(tmp_path, lines)) == {
        'town': {'A': [0, 2], 'B': [1]},
        'weather': {'ClearNoon': [0], 'dry': [3], 'fog': [2], 'rain': [1]},
        'light': {'day': [0], 'low sun': [1], 'night': [2]},
        'camera': {'low': [0]},
    }


def test_a_set_that_states_nothing_has_no_groups(tmp_path):
    assert groups_of(open_set(tmp_path)) == {}
