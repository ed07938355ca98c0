"""Pictures of any size and format reach the network whole, in place and in BGR."""

import cv2
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from seg_node.frame import CHANNELS, Frame
from seg_node.preprocess import (
    InputSpec,
    MAX_INPUT_SIZE,
    place,
    Placement,
    preprocess,
    resize_image,
    to_bgr,
)

FORMATS = st.sampled_from(sorted(CHANNELS))
#: Height and width; extreme aspects come up often.
SIZES = st.tuples(st.integers(1, 1500), st.integers(1, 2000)) | st.sampled_from(
    [(1, 1), (1, 2000), (1500, 1), (2, 1999), (1500, 2000), (480, 640), (720, 1280)]
)
SPECS = st.builds(
    InputSpec,
    width=st.integers(1, 160),
    height=st.integers(1, 96),
    resize=st.sampled_from(['letterbox', 'stretch']),
)
FAST = settings(max_examples=60, deadline=None)


def picture(size: tuple[int, int], pixel_format: str, seed: int = 0) -> np.ndarray:
    shape = size if pixel_format == 'gray' else (*size, CHANNELS[pixel_format])
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def constant(size: tuple[int, int], pixel_format: str) -> np.ndarray:
    """Return a picture of blue 10, green 100, red 200 (gray: 70), alpha 33."""
    values = {'b': 10, 'g': 100, 'r': 200, 'a': 33}
    if pixel_format == 'gray':
        return np.full(size, 70, np.uint8)
    return np.tile(np.array([values[c] for c in pixel_format], np.uint8), (*size, 1))


@FAST
@given(SIZES, SPECS)
@example((1, 2000), InputSpec(64, 32))
@example((1500, 1), InputSpec(64, 32))
def test_a_frame_is_placed_inside_the_input(size: tuple[int, int], spec: InputSpec) -> None:
    placement = place(size, spec)
    right = spec.width - placement.left - placement.width
    bottom = spec.height - placement.top - placement.height
    assert placement.width >= 1
    assert placement.height >= 1
    assert min(placement.left, placement.top, right, bottom) >= 0
    if spec.resize == 'stretch':
        assert placement == Placement(0, 0, spec.width, spec.height)
        return
    assert placement.width == spec.width or placement.height == spec.height
    assert abs(right - placement.left) <= 1
    assert abs(bottom - placement.top) <= 1
    scale = min(spec.width / size[1], spec.height / size[0])
    assert abs(placement.width - size[1] * scale) <= 0.5 or placement.width == 1
    assert abs(placement.height - size[0] * scale) <= 0.5 or placement.height == 1


@FAST
@given(SIZES, SPECS, FORMATS)
def test_any_picture_becomes_the_input(
    size: tuple[int, int], spec: InputSpec, pixel_format: str
) -> None:
    image = picture(size, pixel_format)
    before = image.copy()
    image.flags.writeable = False
    batch, placement = preprocess(Frame(image, pixel_format), spec)
    assert batch.shape == (1, spec.height, spec.width, 3)
    assert batch.dtype == np.uint8
    assert batch.flags.c_contiguous
    assert placement == place(size, spec)
    assert np.array_equal(image, before)
    padding = np.ones((spec.height, spec.width), bool)
    placement.crop(padding)[...] = False
    assert not batch[0][padding].any()


@FAST
@given(SIZES, SPECS, FORMATS)
def test_colours_arrive_in_bgr(size: tuple[int, int], spec: InputSpec, pixel_format: str) -> None:
    batch, placement = preprocess(Frame(constant(size, pixel_format), pixel_format), spec)
    shown = placement.crop(batch[0].transpose(2, 0, 1))
    expected = (70, 70, 70) if pixel_format == 'gray' else (10, 100, 200)
    assert np.array_equal(shown, np.broadcast_to(np.reshape(expected, (3, 1, 1)), shown.shape))


@pytest.mark.parametrize('pixel_format', sorted(CHANNELS))
def test_every_pixel_keeps_its_colour(pixel_format: str) -> None:
    image = picture((32, 64), pixel_format)
    batch, _ = preprocess(Frame(image, pixel_format), InputSpec(64, 32))
    for column, name in enumerate('bgr'):
        plane = image if pixel_format == 'gray' else image[..., pixel_format.index(name)]
        assert np.array_equal(batch[0, ..., column], plane)
    assert np.array_equal(to_bgr(image, pixel_format), batch[0])


@pytest.mark.parametrize('pixel_format', sorted(CHANNELS))
@pytest.mark.parametrize('resize', ['letterbox', 'stretch'])
@pytest.mark.parametrize('size', [(32, 64), (100, 150), (10, 20)])
def test_views_give_what_copies_give(pixel_format: str, resize: str, size) -> None:
    spec = InputSpec(64, 32, resize=resize)
    height, width = size
    padded = picture((height, width + 13), pixel_format)[:, :width]
    doubled = picture((height * 2, width * 2), pixel_format)
    views = [padded, padded[:, ::-1], padded[::-1], doubled[::2, ::2]]
    if pixel_format != 'gray':
        views.append(padded[..., ::-1])
    for view in views:
        view.flags.writeable = False
        batch, _ = preprocess(Frame(view, pixel_format), spec)
        expected, _ = preprocess(Frame(view.copy(order='C'), pixel_format), spec)
        assert np.array_equal(batch, expected)
        assert batch.flags.c_contiguous


@FAST
@given(
    st.tuples(st.integers(60, 1500), st.integers(60, 2000)),
    SPECS,
    st.tuples(*[st.floats(0, 1)] * 2),
)
def test_a_bright_square_lands_where_the_placement_says(size, spec, corner) -> None:
    height, width = size
    assume(max(height / width, width / height) < 20)
    side = min(size) // 3
    top, left = round(corner[0] * (height - side)), round(corner[1] * (width - side))
    image = np.zeros((*size, 3), np.uint8)
    image[top : top + side, left : left + side] = 255
    batch, placement = preprocess(Frame(image), spec)
    shown = batch[0, ..., 1].astype(float)
    assume(shown.sum() > 0)
    ys, xs = np.mgrid[: spec.height, : spec.width] + 0.5
    x, y = (shown * xs).sum() / shown.sum(), (shown * ys).sum() / shown.sum()
    across, down = placement.width / width, placement.height / height
    assert abs(x - placement.left - (left + side / 2) * across) < 0.75
    assert abs(y - placement.top - (top + side / 2) * down) < 0.75


@pytest.mark.parametrize('size', [(288, 1280), (720, 1280), (200, 1280), (480, 640)])
def test_thin_lines_survive_shrinking_wherever_they_are(size: tuple[int, int]) -> None:
    """Bilinear sampling would lose a line that lies between two samples; areas keep its light."""
    spec = InputSpec(192, 288, resize='stretch')
    for column in range(100, 120):
        image = np.zeros((*size, 3), np.uint8)
        image[:, column] = 255
        batch, _ = preprocess(Frame(image), spec)
        light = batch[0, 100, :, 0].sum() / 255 * size[1] / spec.width
        assert light == pytest.approx(1, abs=0.1)


@FAST
@given(SIZES, st.integers(1, 200), st.integers(1, 200))
def test_resizing_keeps_range_and_type(size: tuple[int, int], width: int, height: int) -> None:
    image = 50 + picture(size, 'bgr') % 100
    small = resize_image(image, width, height)
    assert small.shape == (height, width, 3)
    assert small.dtype == np.uint8
    assert small.min() >= image.min()
    assert small.max() <= image.max()
    assert resize_image(image[..., 0], width, height).shape == (height, width)


def test_plain_shrinking_and_enlarging_are_one_resize_of_opencv() -> None:
    image = picture((480, 640), 'bgr')
    small = cv2.resize(image, (100, 90), interpolation=cv2.INTER_AREA)
    large = cv2.resize(image, (1000, 900), interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(resize_image(image, 100, 90), small)
    assert np.array_equal(resize_image(image, 1000, 900), large)
    assert resize_image(image, 640, 480) is image


@pytest.mark.parametrize(
    ('fields', 'named'),
    [
        ({'width': 0}, 'width: must be 1 to'),
        ({'height': -1}, 'height: must be 1 to'),
        ({'width': MAX_INPUT_SIZE + 1}, 'width: must be 1 to'),
        ({'std': (1.0, 0.0, 1.0)}, 'std: must be above 0'),
        ({'std': (1.0, float('nan'), 1.0)}, 'std: must be above 0'),
    ],
)
def test_inputs_that_cannot_be(fields: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        InputSpec(**fields)
