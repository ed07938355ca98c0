"""The bundle in models/ does what its manifest says, on real frames."""

from pathlib import Path

import pytest
from seg_node.bundle import ModelBundle
from training.data.sources import SetConfig
from training.evaluate import evaluate
from training.evaluate_config import EvaluateConfig

BUNDLE = Path(__file__).resolve().parents[1] / 'models' / 'lane_unet'


@pytest.fixture(scope='module')
def measured(shared_data):
    sets = (
        SetConfig(path='carla_town_a', annotated=('lane_marking',), part='held_out', hold_out=100),
        SetConfig(path='track_tape', annotated=('lane_marking',)),
        SetConfig(
            path='camvid_road/val',
            annotated=('road',),
            masks='labels',
            remap={'3': 2, '11': 255, 'others': 0},
        ),
    )
    config = EvaluateConfig(
        model=BUNDLE, data_root=shared_data, sets=sets, engine='onnxruntime', precision='fp32'
    )
    return evaluate(config, quiet=True)['sets']


def test_stated_metrics_are_those_measured(measured):
    stated = ModelBundle.load(BUNDLE).manifest.files[0].metrics
    assert measured[0]['samples'] == 100
    for name, value in stated.items():
        assert measured[0][name] == pytest.approx(value, abs=2e-3)


@pytest.mark.parametrize('engine', ['onnxruntime', 'openvino'])
@pytest.mark.parametrize(
    ('adapter', 'path', 'hold_out'), [('', 'carla_town_a', 100), ('track', 'track_tape', 20)]
)
def test_int8_measures_what_its_bundle_states(shared_data, engine, adapter, path, hold_out):
    """What ``night`` was judged on is rendered, and not here; test_shipped_int8.py runs it."""
    config = EvaluateConfig(
        model=BUNDLE, adapter=adapter, data_root=shared_data, engine=engine, precision='int8',
        sets=(SetConfig(path=path, annotated=('lane_marking',), part='held_out',
                        hold_out=hold_out),),
    )  # fmt: skip
    (measured,) = evaluate(config, quiet=True)['sets']
    (stated,) = ModelBundle.load(BUNDLE).select(engine, 'int8', adapter)
    assert stated.metrics['lane_iou'] > 0.7
    for name, value in stated.metrics.items():
        assert measured[name] == pytest.approx(value, abs=3e-3)


def test_finds_lanes_in_the_held_out_drive_and_on_a_track_it_never_saw(measured):
    assert measured[0]['lane_iou'] > 0.75
    assert measured[0]['lane_f1_3px'] > 0.95
    assert measured[1]['lane_iou'] > 0.52
    assert measured[1]['lane_f1_3px'] > 0.77


def test_finds_the_road_in_streets_that_it_never_saw(measured):
    assert measured[2]['road_iou'] > 0.9


def test_provenance_names_every_data_set_with_hash_and_licence():
    provenance = ModelBundle.load(BUNDLE).manifest.provenance
    trained_on = {entry['path'] for entry in provenance['data']}
    assert {Path(path).name for path in trained_on} == {
        'carla_town_a', 'pseudo', 'rendered', 'rendered_general', 'rendered_junctions',
    }  # fmt: skip
    assert all(len(entry['sha256']) == 64 for entry in provenance['data'])
    assert all(entry['licence'] for entry in provenance['data'])
