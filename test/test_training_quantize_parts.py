"""Parts of ``quantize`` alone: what is chosen to calibrate on, what passes, what stays in fp32."""

from dataclasses import replace
import json
import math
from pathlib import Path

from bundles import brightness_network, make_bundle
import cv2
import numpy as np
import onnx
import pytest
from rendered_roads import write_pairs
from seg_node.bundle import WeightFile
from seg_node.preprocess import InputSpec
from training.data.label_table import LANE_NAMES
from training.data.sources import SetConfig
from training.errors import DataError, ExportError
from training.quantization.bundle_entries import told_of, without_int8
from training.quantization.calibration import calibration_of, open_sets
from training.quantization.fallback import layers_to_keep
from training.quantization.gate import choose, GateConfig, judge
from training.quantization.graph_parts import after_last_layer, before_first_layer, layers_of
from training.quantization.judging import lane_iou_of, Measured, unjudged
from training.quantization.onnxruntime_ptq import (
    check_symmetric,
    quantize_for_tensorrt,
    quantize_onnx,
)
from training.quantization.subject_data import data_of_all
from training.quantization.variants import subjects_of, Variant
from training.quantize_config import QuantizeConfig
from training.timing import Latency

SPEC = InputSpec(width=64, height=32)
FAST, SLOW = Latency(10, 12, 9), Latency(20, 25, 18)


def calibrate(folder: Path, name: str, count: int):
    return calibration_of(open_sets((SetConfig(path=name),), folder, LANE_NAMES), count, SPEC)


def test_frames_are_taken_in_equal_shares_of_every_weather_and_light(tmp_path):
    pairs = write_pairs(tmp_path / 'drive', 20)
    kinds = [(0, 40.0)] * 14 + [(50, 40.0)] * 3 + [(0, -5.0)] * 3
    lines = [
        {'name': f'{index:04}', 'precipitation': rain, 'sun_altitude_deg': sun}
        for index, (rain, sun) in enumerate(kinds)
    ]
    (pairs / 'samples.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in lines))
    found = calibrate(tmp_path, 'drive', 12)
    assert found.strata == {
        'drive: dry, day': 6, 'drive: rain, day': 3, 'drive: dry, night': 3
    }  # fmt: skip
    assert len(found.batches) == 12
    assert found.sha256 == calibrate(tmp_path, 'drive', 12).sha256
    assert found.sha256 != calibrate(tmp_path, 'drive', 11).sha256


def test_two_parts_of_one_folder_are_both_calibrated_on(tmp_path):
    write_pairs(tmp_path / 'drive', 20)
    parts = tuple(SetConfig(path='drive', part=part, hold_out=8) for part in ('train', 'held_out'))
    found = calibration_of(open_sets(parts, tmp_path, LANE_NAMES), 20, SPEC)
    assert len(found.batches) == 20


def test_sets_of_one_name_judge_each_for_itself():
    sets = [{'set': 'roads (all)', 'lane_iou': value} for value in (0.4, 0.7)]
    measured = Measured(Variant('onnxruntime', 'minmax', 'int8', ()), FAST, sets)
    assert list(lane_iou_of(measured).values()) == [0.4, 0.7]


def test_a_set_without_lane_markings_judges_nobody():
    """Its lane_iou is 1 for whoever finds none, a network that int8 has blinded too."""
    empty, lanes = ({'bands': {'values': {'far': {'lane_pixels': n}}}} for n in (0, 9))
    road = {'bands': {'values': {'far': {'road_iou': 0.5}}}}
    assert 'no frame that judges shows a lane marking' in unjudged([road, empty])
    assert not unjudged([empty, lanes])


def test_frames_that_judge_and_calibrate_are_told_of(tmp_path):
    write_pairs(tmp_path / 'drive', 20, LANE_NAMES)
    bundle = make_bundle(tmp_path / 'bundle')
    config = QuantizeConfig(
        bundle=bundle.folder,
        data_root=tmp_path,
        data=(SetConfig(path='drive'),),
        validation=(SetConfig(path='drive', part='held_out', hold_out=5),),
    )
    for apart in (False, True):
        if apart:
            train = SetConfig(path='drive', part='train', hold_out=5)
            config = replace(config, data=(train,))
        (base, _) = data_of_all(config, bundle, subjects_of(bundle))
        assert any('5 of the frames that judge' in note for note in base.notes) != apart


def test_int8_that_is_replaced_leaves_nothing_behind():
    def file(path, kind, precision, *engines):
        return WeightFile(path, kind, precision, 1, '0' * 64, engines)

    fp32 = file('model.xml', 'openvino_xml', 'fp32', 'openvino')
    weights = file('model.bin', 'openvino_bin', 'fp32')
    old = file('old.xml', 'openvino_xml', 'int8', 'openvino')
    old_weights = file('old.bin', 'openvino_bin', 'int8')
    both = file('both.onnx', 'onnx', 'int8', 'onnxruntime', 'openvino')
    left = without_int8((fp32, weights, old, old_weights, both), 'openvino')
    assert left == [fp32, weights, replace(both, engines=('onnxruntime',))]


def test_int8_of_an_earlier_run_keeps_what_it_was_calibrated_on():
    first, second = {'calibration': 'a', 'date': 1}, {'calibration': 'b', 'date': 2}
    told = told_of({}, first)
    for engine in ('onnxruntime', 'openvino'):
        told = told_of(told, first) | {engine: {'method': 'minmax'}}
    assert told['openvino'] == {'method': 'minmax'}
    told = told_of(told, second) | {'onnxruntime': {'method': 'qat'}}
    assert told == {
        **second, 'onnxruntime': {'method': 'qat'}, 'openvino': {**first, 'method': 'minmax'}
    }  # fmt: skip
    assert told_of(told, second) == told


def test_where_nothing_is_told_brightness_decides(tmp_path):
    pairs = write_pairs(tmp_path / 'drive', 16)
    for index, path in enumerate(sorted((pairs / 'images').iterdir())):
        cv2.imwrite(str(path), np.full((64, 128, 3), 10 if index % 4 else 240, np.uint8))
    found = calibrate(tmp_path, 'drive', 8)
    assert list(found.strata.values()) == [2, 2, 2, 2]
    assert sum(batch.mean() > 200 for batch in found.batches) == 2, 'a quarter of them, as of all'


def test_too_few_frames_are_no_calibration(tmp_path):
    write_pairs(tmp_path / 'drive', 7)
    with pytest.raises(DataError, match='7 frames are too few'):
        calibrate(tmp_path, 'drive', 8)


@pytest.mark.parametrize(
    ('metric', 'latency', 'passes'),
    [
        ({'a': 0.700, 'b': 0.496}, FAST, True),
        ({'a': 0.700, 'b': 0.490}, FAST, False),  # one set is enough
        ({'a': math.nan, 'b': 0.500}, FAST, False),
        ({'a': 0.700, 'b': math.nan}, FAST, False),
        ({'a': 0.700, 'b': 0.500}, SLOW, False),
        ({'a': 0.700, 'b': 0.500}, Latency(5, 9, 18), False),  # a lucky median
        ({'a': 0.700, 'b': 0.500}, Latency(20, 30, 5), False),  # a lucky run
    ],
)
def test_the_gate_asks_for_both(metric, latency, passes):
    rivals = {'fp32': SLOW, 'bf16': Latency(15, 20, 14)}
    verdict = judge(GateConfig(), metric, {'a': 0.7, 'b': 0.5}, latency, rivals)
    assert verdict.passes == passes
    assert verdict.rival == 'bf16'
    assert not judge(GateConfig(), metric, {'a': 0.7, 'b': 0.5}, latency, rivals, 'never').passes


def test_of_those_that_are_about_as_fast_the_most_exact_enters():
    passing = [('a', 10.0, 0.004), ('b', 10.2, 0.001), ('c', 20.0, 0.0)]
    assert choose(passing) == 'b'
    assert choose([]) is None


def test_layers_go_back_until_it_is_enough():
    steps = {0: 0.90, 1: 0.95, 2: 0.99, 3: 1.0}
    ranked = ['w', 'x', 'y', 'z']

    def agreement(kept):
        return steps[len(kept)]

    assert layers_to_keep(ranked, agreement, 0.98, 4) == (['w', 'x'], [0.90, 0.95, 0.99])
    assert layers_to_keep(ranked, agreement, 0.85, 4) == ([], [0.90])
    assert layers_to_keep(ranked, agreement, 0.98, 1)[0] == ['w']


@pytest.fixture
def graph(tmp_path):
    """Return a file whose network has layers, with arithmetic before and after them."""
    path = tmp_path / 'model.onnx'
    model = brightness_network(64, 32, slow_layers=1)
    for index, node in enumerate(model.graph.node):
        node.name = f'{node.op_type}{index}'
    onnx.save(model, path)
    return path


def test_what_lies_before_and_after_the_layers_is_known(graph):
    model = onnx.load(graph)
    kinds = {node.name: node.op_type for node in model.graph.node}
    assert len(layers_of(model)) == 3
    assert {kinds[name] for name in after_last_layer(model)} == {'Sub', 'Concat', 'Cast'}
    assert 'Mul' in {kinds[name] for name in before_first_layer(model)}
    assert 'Conv' not in {kinds[n] for n in after_last_layer(model) + before_first_layer(model)}


def test_the_graph_for_tensorrt_is_symmetric_and_the_other_is_not(graph, tmp_path):
    rng = np.random.default_rng(0)
    batches = [rng.integers(0, 256, (1, 32, 64, 3), np.uint8) for _ in range(8)]
    quantize_for_tensorrt(graph, tmp_path / 'tensorrt.onnx', batches)
    check_symmetric(onnx.load(tmp_path / 'tensorrt.onnx'))
    quantize_onnx(graph, tmp_path / 'cpu.onnx', batches)
    with pytest.raises(ExportError, match='not symmetric'):
        check_symmetric(onnx.load(tmp_path / 'cpu.onnx'))
    kept = [layer.node for layer in layers_of(onnx.load(graph))][:1]
    quantize_onnx(graph, tmp_path / 'kept.onnx', batches, skip=kept)
    assert (tmp_path / 'kept.onnx').stat().st_size != (tmp_path / 'cpu.onnx').stat().st_size
