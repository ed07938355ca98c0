"""Paint a mask over its frame, for people."""

import cv2
import numpy as np
from seg_node.frame import Frame, Mask
from seg_node.preprocess import to_bgr


def draw_overlay(
    frame: Frame, mask: Mask, palette: np.ndarray, opacity: float = 0.5
) -> np.ndarray:
    """
    Return the frame with every label but the background in its colour, (H, W, 3) uint8 BGR.

    Only the rectangle that holds labels is blended: a third of a road picture is sky.

    :param frame: stays as it is.
    :param mask: of this frame, at its size.
    :param palette: (256, 3) uint8 BGR by label id, as ``labels.palette_bgr`` gives it.
    :param opacity: share of the colour, 0 to 1.
    """
    picture = to_bgr(frame.image, frame.pixel_format)
    if picture is frame.image:
        picture = picture.copy()
    left, top, width, height = cv2.boundingRect(mask.labels)
    if width == 0:
        return picture
    region = np.s_[top : top + height, left : left + width]
    labels = mask.labels[region]
    painted = cv2.applyColorMap(labels, palette[:, None])
    cv2.addWeighted(painted, opacity, picture[region], 1 - opacity, 0, dst=painted)
    cv2.copyTo(painted, labels, picture[region])
    return picture
