"""Paint keeps its label; the edge between two surfaces loses it."""

from bench.kerb_lines import without_kerbs
import numpy as np
from seg_node.labels import LANE_MARKING, UNLABELLED


def test_a_kerb_line_is_unlabelled_and_paint_is_not() -> None:
    image = np.full((120, 300, 3), 90, np.uint8)
    image[:, 200:] = 170  # a sidewalk
    image[:, 50:54] = 220  # paint on the road
    image[:, 100:120] = 225  # a broad stop line
    mask = np.zeros((120, 300), np.uint8)
    mask[:, 50:54] = mask[:, 100:120] = mask[:, 199:202] = LANE_MARKING
    changed = without_kerbs(image, mask)
    assert (changed[:, 199:202] == UNLABELLED).all()
    assert (changed[:, 50:54] == LANE_MARKING).all()
    assert (changed[:, 100:120] == LANE_MARKING).all()
    assert (changed[mask == 0] == 0).all()
