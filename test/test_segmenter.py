"""Frame in, mask out, on every engine that is installed."""

from dataclasses import replace
import importlib.util
from pathlib import Path
import time

from bundles import ENGINES, make_bundle
import numpy as np
import pytest
from seg_node.bundle import ModelBundle
from seg_node.engines import EngineError, load_engine
from seg_node.frame import CHANNELS, Frame
from seg_node.labels import BACKGROUND, LANE_MARKING
from seg_node.postprocess import OutputSpec
from seg_node.segmenter import Segmenter

SIZES = [(1, 1), (33, 65), (101, 47), (1, 301), (301, 1), (720, 1280)]


@pytest.fixture(scope='module', params=ENGINES)
def segmenter(request: pytest.FixtureRequest, tiny_bundle: ModelBundle):
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f'{request.param} is not installed')
    segmenter = Segmenter.load(tiny_bundle, request.param, 'fp32', threads=1)
    yield segmenter
    segmenter.close()


def constant(size: tuple[int, int], value: int, pixel_format: str = 'bgr') -> np.ndarray:
    channels = CHANNELS[pixel_format]
    return np.full(size if channels == 1 else (*size, channels), value, np.uint8)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('pixel_format', sorted(CHANNELS))
def test_bright_pictures_are_lane_and_dark_ones_are_not(segmenter, size, pixel_format) -> None:
    for value, label in ((0, BACKGROUND), (100, BACKGROUND), (160, LANE_MARKING),
                         (255, LANE_MARKING)):  # fmt: skip
        frame = Frame(constant(size, value, pixel_format), pixel_format)
        mask = segmenter.segment(frame).mask
        assert np.array_equal(mask.labels, np.full(size, label))
        score = value if label == LANE_MARKING else 255 - value
        assert np.abs(mask.confidence.astype(int) - score).max() <= 1


@pytest.mark.parametrize('size', [(33, 65), (101, 47), (480, 641), (1080, 1917)])
@pytest.mark.parametrize('axis', [0, 1])
def test_half_bright_pictures_are_half_lane(segmenter, size, axis: int) -> None:
    image = constant(size, 0)
    half = np.moveaxis(image, axis, 0)
    edge = len(half) // 2
    half[:edge] = 255
    labels = np.moveaxis(segmenter.segment(Frame(image)).mask.labels, axis, 0)
    spec = segmenter.bundle.manifest.input
    blur = 1 + max(size[0] / spec.height, size[1] / spec.width)
    assert np.all(labels[: int(edge - blur)] == LANE_MARKING)
    assert np.all(labels[int(np.ceil(edge + blur)) :] == BACKGROUND)
    assert np.count_nonzero(labels == LANE_MARKING) + np.count_nonzero(
        labels == BACKGROUND
    ) == np.prod(size)


def test_header_facts_are_carried(segmenter) -> None:
    frame = Frame(constant((9, 17), 255), 'bgr', stamp_ns=123_456_789_012_345_678, frame_id='left')
    mask = segmenter.segment(frame).mask
    assert (mask.stamp_ns, mask.frame_id) == (123_456_789_012_345_678, 'left')


def test_confidence_only_on_demand(segmenter) -> None:
    frame = Frame(constant((33, 65), 200))
    assert segmenter.segment(frame, with_confidence=False).mask.confidence is None
    assert segmenter.segment(frame).mask.confidence is not None


def test_masks_stay_when_the_next_frame_comes(segmenter) -> None:
    """Engines answer in the same buffer each time."""
    first = segmenter.segment(Frame(constant((32, 64), 255))).mask
    segmenter.segment(Frame(constant((32, 64), 0)))
    assert np.all(first.labels == LANE_MARKING)
    assert np.all(first.confidence >= 254)


def test_times_are_of_the_stages(segmenter) -> None:
    frame = Frame(constant((1080, 1920), 128))
    segmenter.segment(frame)
    start_s = time.perf_counter()
    times = segmenter.segment(frame).times
    took_ms = (time.perf_counter() - start_s) * 1e3
    stages = times.preprocess_ms, times.inference_ms, times.postprocess_ms
    assert min(stages) > 0
    assert sum(stages) <= took_ms


def test_each_stages_time_is_its_own(tiny_bundle: ModelBundle) -> None:
    """An engine that sleeps shows in inference_ms and nowhere else."""

    class SleepyEngine:
        description = 'sleepy'

        def infer(self, batch: np.ndarray) -> np.ndarray:
            time.sleep(0.2)
            return np.zeros((1, 3, 32, 64), np.uint8)

        def close(self) -> None: ...

    times = Segmenter(tiny_bundle, SleepyEngine()).segment(Frame(constant((32, 64), 0))).times
    assert times.inference_ms >= 199
    assert times.preprocess_ms < 190
    assert times.postprocess_ms < 190


def test_the_frame_is_left_alone(segmenter) -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
    before = image.copy()
    segmenter.segment(Frame(image))
    assert np.array_equal(image, before)


def test_the_threshold_is_the_bundles(tiny_bundle: ModelBundle) -> None:
    def lanes(threshold: float, value: int) -> int:
        output = OutputSpec(lane_threshold=threshold)
        bundle = replace(tiny_bundle, manifest=replace(tiny_bundle.manifest, output=output))
        segmenter = Segmenter(bundle, load_engine(bundle, 'onnxruntime', threads=1))
        mask = segmenter.segment(Frame(constant((32, 64), value))).mask
        segmenter.close()
        return int(np.count_nonzero(mask.labels == LANE_MARKING))

    assert lanes(0.9, 200) == 0
    assert lanes(0.9, 240) == 32 * 64
    assert lanes(0.1, 40) == 32 * 64


@pytest.mark.parametrize('resize', ['letterbox', 'stretch'])
def test_the_resize_rule_is_the_bundles(tmp_path: Path, resize: str) -> None:
    bundle = make_bundle(tmp_path / 'bundle', dark=True, resize=resize)
    segmenter = Segmenter.load(bundle, 'onnxruntime', threads=1)
    mask = segmenter.segment(Frame(constant((300, 100), 0))).mask
    assert np.all(mask.labels == LANE_MARKING)
    image = constant((300, 100), 255)
    image[140:160] = 0
    rows = np.nonzero(segmenter.segment(Frame(image)).mask.labels.any(axis=1))[0]
    segmenter.close()
    assert 130 <= rows.min() <= 145
    assert 155 <= rows.max() <= 170


def test_the_adapter_is_used(tiny_bundle: ModelBundle) -> None:
    segmenter = Segmenter.load(tiny_bundle, 'onnxruntime', adapter='dark', threads=1)
    assert np.all(segmenter.segment(Frame(constant((9, 9), 0))).mask.labels == LANE_MARKING)
    segmenter.close()


def test_description_and_close(tiny_bundle: ModelBundle) -> None:
    segmenter = Segmenter.load(tiny_bundle, 'onnxruntime', 'fp32', threads=1)
    assert segmenter.description.startswith('tiny on onnxruntime')
    segmenter.close()
    with pytest.raises(EngineError, match='was closed'):
        segmenter.segment(Frame(constant((9, 9), 0)))
    segmenter.close()
