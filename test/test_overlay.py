"""The overlay, against a blend that goes through the pixels one by one."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
import numpy as np
import pytest
from seg_node.frame import Frame, Mask
from seg_node.labels import LANE_LABELS, palette_bgr
from seg_node.overlay import draw_overlay

PALETTE = palette_bgr(LANE_LABELS)


def blend_slowly(picture, labels, opacity):
    result = picture.copy()
    for y, x in np.ndindex(labels.shape):
        if labels[y, x]:
            color = PALETTE[labels[y, x]].astype(float)
            result[y, x] = np.rint(opacity * color + (1 - opacity) * picture[y, x])
    return result


sizes = st.tuples(st.integers(1, 12), st.integers(1, 12))


@settings(max_examples=200, deadline=None)
@given(
    sizes.flatmap(
        lambda size: st.tuples(
            st_numpy.arrays(np.uint8, (*size, 3)),
            st_numpy.arrays(np.uint8, size, elements=st.sampled_from([0, 0, 0, 1, 2, 255])),
        )
    ),
    st.sampled_from([0.0, 0.5, 0.3, 1.0]),
)
def test_labels_are_blended_and_background_is_left(picture_and_labels, opacity):
    picture, labels = picture_and_labels
    before = picture.copy()
    overlay = draw_overlay(Frame(picture), Mask(labels, None), PALETTE, opacity)
    expected = blend_slowly(picture, labels, opacity)
    assert np.abs(overlay.astype(int) - expected).max() <= 1
    np.testing.assert_array_equal(overlay[labels == 0], picture[labels == 0])
    np.testing.assert_array_equal(picture, before)
    assert not np.shares_memory(overlay, picture)


@pytest.mark.parametrize(
    ('pixel_format', 'pixel', 'expected'),
    [
        ('bgr', (1, 2, 3), (1, 2, 3)),
        ('rgb', (1, 2, 3), (3, 2, 1)),
        ('bgra', (1, 2, 3, 9), (1, 2, 3)),
        ('rgba', (1, 2, 3, 9), (3, 2, 1)),
        ('gray', 7, (7, 7, 7)),
    ],
)
@pytest.mark.parametrize('label', [0, 1])
def test_every_pixel_format_comes_out_as_bgr(pixel_format, pixel, expected, label):
    picture = np.full((4, 6, 4) if pixel_format != 'gray' else (4, 6), 0, np.uint8)
    picture = picture[..., : len(pixel)] if pixel_format != 'gray' else picture
    picture[...] = pixel
    picture.flags.writeable = False  # as a view of a message is
    labels = np.full((4, 6), label, np.uint8)
    overlay = draw_overlay(Frame(picture, pixel_format), Mask(labels, None), PALETTE, 0.0)
    assert overlay.shape == (4, 6, 3)
    assert (overlay == expected).all()
