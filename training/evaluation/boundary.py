"""
Where regions end, and which ends are near each other.

After Csurka et al. 2013, "What is a good evaluation measure for semantic segmentation?": boundary
pixels that lie within 0.75 % of the picture's diagonal of a boundary pixel of the other side are
right. Theirs is a mean over pictures; here counts are pooled over a set, as all others are.
"""

import math

import cv2
import numpy as np
from seg_node.lane_f1 import within

#: Of the picture's diagonal.
TOLERANCE_SHARE = 0.0075
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def boundary_of(region: np.ndarray, unlabelled: np.ndarray) -> np.ndarray:
    """
    Return the pixels of a region that touch something else, (H, W) bool.

    The picture's rim is no boundary, nor is the rim of what nobody labelled.

    :param region: (H, W) bool, without unlabelled pixels.
    :param unlabelled: (H, W) bool.
    """
    inner: np.ndarray = cv2.erode((region | unlabelled).view(np.uint8), _CROSS).view(bool)
    return region & ~inner


def near_planes(
    said: np.ndarray, true: np.ndarray, tolerance_px: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """
    Return predicted pixels near a true one, predicted ones, true ones near a predicted one, true.

    :param said: (H, W) bool, predicted pixels.
    :param true: (H, W) bool, true pixels.
    """
    said_near, true_near = np.zeros_like(said), np.zeros_like(true)
    if said.any() and true.any():
        # nothing outside the rows that hold either can be near anything
        held = np.flatnonzero((said | true).any(axis=1))
        rows = slice(held[0], held[-1] + 1)
        said_near[rows] = said[rows] & within(true[rows], tolerance_px)
        true_near[rows] = true[rows] & within(said[rows], tolerance_px)
    return said_near, said, true_near, true


def boundary_tolerance_px(shape: tuple[int, ...]) -> float:
    """Return the distance in pixels that a boundary may be off in a picture of this shape."""
    return TOLERANCE_SHARE * math.hypot(shape[0], shape[1])
