"""The int8 files that ship, of the base and of every adapter, against fp32 of the same engine."""

import importlib.util
from pathlib import Path

import pytest
from seg_node.bundle import default_bundle_path, ModelBundle
from seg_node.labels import LANE_MARKING
from seg_node.segment_summary import LaneIou
from seg_node.segmenter import Segmenter
from seg_node.sources.bag import BagSource

pytest.importorskip('rosbags', reason='rosbags is not installed')

BAGS = Path(__file__).with_name('bags')
#: Bags with their place: of these the model knows the roads, but not these very ones.
DRIVES = ('day', 'junction', 'night_rain')
BUNDLE = ModelBundle.load(default_bundle_path())


def frames_of(drive):
    with BagSource(BAGS / drive, '/camera/front/image/compressed') as source:
        pictures = [frame for _, frame in source]
    with BagSource(BAGS / drive, '/camera/front/labels/compressed') as source:
        truths = [frame.image for _, frame in source]
    return list(zip(pictures, truths, strict=True))[::3]


@pytest.fixture(scope='module')
def frames():
    return [pair for drive in DRIVES for pair in frames_of(drive)]


def masks_of(frames, engine, precision, adapter):
    segmenter = Segmenter.load(BUNDLE, engine, precision, adapter)
    try:
        return [segmenter.segment(frame).mask.labels for frame, _ in frames]
    finally:
        segmenter.close()


def lane_iou(masks, truths):
    iou = LaneIou()
    for mask, truth in zip(masks, truths, strict=True):
        iou.add(mask, truth)
    return iou.value


@pytest.mark.parametrize('adapter', ['', *BUNDLE.manifest.adapters])
@pytest.mark.parametrize('engine', ['onnxruntime', 'openvino'])
def test_int8_sees_what_fp32_sees(frames, engine, adapter):
    if importlib.util.find_spec(engine) is None:
        pytest.skip(f'{engine} is not installed')
    exact, small = (masks_of(frames, engine, kind, adapter) for kind in ('fp32', 'int8'))
    assert sum(int((mask == LANE_MARKING).sum()) for mask in exact) > 1000
    assert lane_iou(small, exact) > 0.96  # .982 to .988 when it was quantized
    truths = [truth for _, truth in frames]
    assert lane_iou(small, truths) > lane_iou(exact, truths) - 0.005
