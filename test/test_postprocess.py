"""Scores become labels by the stated rule, and labels come back to where the frame shows them."""

import itertools

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest
from seg_node.frame import Frame
from seg_node.labels import LANE_MARKING
from seg_node.postprocess import confidence_of, decide, OutputSpec, postprocess
from seg_node.preprocess import InputSpec, place, Placement, preprocess

SCORES = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(2, 6), st.integers(1, 5), st.integers(1, 5)),
    elements=st.integers(0, 255) | st.sampled_from([0, 1, 127, 128, 254, 255]),
)
SIZES = st.tuples(st.integers(1, 1500), st.integers(1, 2000))
SPECS = st.builds(
    InputSpec,
    width=st.integers(1, 96),
    height=st.integers(1, 64),
    resize=st.sampled_from(['letterbox', 'stretch']),
)
FAST = settings(max_examples=60, deadline=None)


def slow_decision(scores: list[int], threshold: float) -> int:
    """Return the label of one pixel, said as plainly as possible."""
    if scores[LANE_MARKING] >= max(1, round(threshold * 255)):
        return LANE_MARKING
    others = [label for label in range(len(scores)) if label != LANE_MARKING]
    return max(others, key=lambda label: (scores[label], -label))


@settings(deadline=None)
@given(SCORES, st.floats(0, 1))
@example(np.full((3, 1, 1), 128, np.uint8), 0.5)
@example(np.full((3, 1, 1), 127, np.uint8), 0.5)
@example(np.zeros((3, 1, 1), np.uint8), 0.0)
def test_decide_follows_the_rule(scores: np.ndarray, threshold: float) -> None:
    before = scores.copy()
    labels = decide(scores, threshold)
    assert labels.dtype == np.uint8
    assert np.array_equal(scores, before)
    confidence = confidence_of(scores, labels)
    assert confidence.dtype == np.uint8
    for row, column in np.ndindex(labels.shape):
        pixel = scores[:, row, column].tolist()
        assert labels[row, column] == slow_decision(pixel, threshold)
        assert confidence[row, column] == pixel[labels[row, column]]


@pytest.mark.parametrize('level', range(1, 256))
def test_a_threshold_is_reached_at_its_own_level(level: int) -> None:
    scores = np.zeros((3, 1, 2), np.uint8)
    scores[LANE_MARKING, 0] = level, level - 1
    assert decide(scores, level / 255).tolist() == [[LANE_MARKING, 0]]


def test_no_score_is_no_lane_even_with_threshold_zero() -> None:
    scores = np.zeros((3, 1, 2), np.uint8)
    scores[LANE_MARKING, 0, 1] = 1
    assert decide(scores, 0.0).tolist() == [[0, 1]]


def is_nearest(large: np.ndarray, small: np.ndarray) -> bool:
    """Whether each pixel is one that lies nearest by its centre; about halfway, both do."""
    fits = np.zeros(large.shape, bool)
    # OpenCV 4 computes in fixed point: it is off by up to 0.003 pixels.
    for shifts in itertools.product((-0.005, 0.005), repeat=2):
        rows, columns = (
            np.clip(np.floor((np.arange(to) + 0.5) * of / to + shift), 0, of - 1).astype(int)
            for to, of, shift in zip(large.shape, small.shape, shifts, strict=True)
        )
        fits |= large == small[np.ix_(rows, columns)]
    return bool(fits.all())


def random_scores(spec: InputSpec, classes: int = 3) -> np.ndarray:
    shape = (classes, spec.height, spec.width)
    return np.random.default_rng(spec.width).integers(0, 256, shape, np.uint8)


def blank(size: tuple[int, int]) -> Frame:
    return Frame(np.zeros((*size, 3), np.uint8), stamp_ns=1_234_567_890_123, frame_id='camera')


@FAST
@given(SIZES, SPECS, st.integers(2, 6))
@example((1, 1), InputSpec(64, 32), 3)
@example((1500, 1), InputSpec(64, 32), 3)
@example((1, 2000), InputSpec(64, 32, resize='stretch'), 3)
def test_the_mask_has_the_frames_size_and_only_known_labels(size, spec, classes) -> None:
    scores, frame = random_scores(spec, classes), blank(size)
    placement = place(size, spec)
    mask = postprocess(scores, placement, frame, OutputSpec(lane_threshold=0.6))
    assert mask.labels.shape == size
    assert mask.labels.dtype == np.uint8
    assert mask.labels.flags.c_contiguous
    assert mask.confidence is not None
    assert mask.confidence.shape == size
    assert mask.confidence.dtype == np.uint8
    assert mask.confidence.flags.c_contiguous
    assert (mask.stamp_ns, mask.frame_id) == (1_234_567_890_123, 'camera')
    decided = decide(placement.crop(scores), 0.6)
    assert is_nearest(mask.labels, decided)
    scored = confidence_of(placement.crop(scores), decided)
    assert scored.min() <= mask.confidence.min() <= mask.confidence.max() <= scored.max()


def test_at_the_networks_own_size_confidence_is_the_decided_labels_score() -> None:
    spec, frame = InputSpec(64, 32), blank((32, 64))
    scores = random_scores(spec)
    mask = postprocess(scores, place((32, 64), spec), frame, OutputSpec())
    chosen = np.take_along_axis(scores, mask.labels[None].astype(int), axis=0)[0]
    assert np.array_equal(mask.confidence, chosen)


def test_confidence_only_on_demand() -> None:
    spec, frame = InputSpec(64, 32), blank((100, 100))
    arguments = random_scores(spec), place((100, 100), spec), frame, OutputSpec()
    without = postprocess(*arguments, with_confidence=False)
    assert without.confidence is None
    assert np.array_equal(without.labels, postprocess(*arguments).labels)


@pytest.mark.parametrize('size', [(32, 64), (40, 50)])
def test_a_mask_is_nobody_elses_memory(size: tuple[int, int]) -> None:
    """Engines give the same buffer each time; a mask in use must not change with the next."""
    spec = InputSpec(64, 32)
    scores = random_scores(spec)
    mask = postprocess(scores, place(size, spec), blank(size), OutputSpec())
    assert mask.confidence is not None
    before = mask.labels.copy(), mask.confidence.copy()
    scores[...] = 0
    scores[LANE_MARKING] = 255
    assert np.array_equal(mask.labels, before[0])
    assert np.array_equal(mask.confidence, before[1])
    assert mask.labels.flags.writeable


def brightness_scores(batch: np.ndarray) -> np.ndarray:
    """Return (3, H, W) uint8 scores: bright is lane marking, dark background."""
    bright = batch[0, ..., 0]
    return np.stack((255 - bright, bright, 0 * bright))


@FAST
@given(
    st.tuples(st.integers(60, 1500), st.integers(60, 2000)),
    st.tuples(*[st.floats(0, 1)] * 2),
    st.sampled_from(['letterbox', 'stretch']),
)
@example((1500, 60), (0.5, 0.5), 'letterbox')
@example((60, 2000), (0.0, 1.0), 'letterbox')
def test_a_bright_square_comes_back_to_where_it_was(size, corner, resize) -> None:
    """To within one pixel of the network, which is many of a large frame."""
    spec = InputSpec(128, 96, resize=resize)
    height, width = size
    placement = place(size, spec)
    tall, wide = height / placement.height, width / placement.width
    side = min(size) // 2
    assume(side > 3 * max(tall, wide))
    top, left = round(corner[0] * (height - side)), round(corner[1] * (width - side))
    image = np.zeros((*size, 3), np.uint8)
    image[top : top + side, left : left + side] = 255
    frame = Frame(image)
    batch, placement = preprocess(frame, spec)
    mask = postprocess(brightness_scores(batch), placement, frame, OutputSpec())
    rows, columns = np.nonzero(mask.labels == LANE_MARKING)
    found = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    expected = top, top + side, left, left + side
    tolerances = (max(1, tall), max(1, tall), max(1, wide), max(1, wide))
    for is_, should, tolerance in zip(found, expected, tolerances, strict=True):
        assert abs(int(is_) - should) <= tolerance
    # The network's corner pixels show a quarter of the square: dark, and few pixels are many.
    assert len(rows) >= 0.5 * (found[1] - found[0]) * (found[3] - found[2])


def test_crop_is_a_view_of_where_the_frame_lies() -> None:
    plane = np.arange(60).reshape(6, 10)
    crop = Placement(left=2, top=1, width=3, height=4).crop(plane)
    assert np.array_equal(crop, plane[1:5, 2:5])
    assert np.shares_memory(crop, plane)
    assert Placement(2, 1, 3, 4).crop(np.stack([plane] * 3)).shape == (3, 4, 3)


@pytest.mark.parametrize('threshold', [-0.01, 1.01, float('nan')])
def test_thresholds_that_cannot_be(threshold: float) -> None:
    with pytest.raises(ValueError, match='lane_threshold: must be 0 to 1'):
        OutputSpec(lane_threshold=threshold)
