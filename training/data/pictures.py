"""Pictures as files, whatever is in them."""

from pathlib import Path

import cv2
import numpy as np


def read_picture(path: Path, flags: int) -> np.ndarray | None:
    """
    Read a picture as ``cv2.imread`` does; None for everything that is none.

    OpenCV raises where the header states a size beyond all bounds.

    :param flags: such as ``cv2.IMREAD_COLOR``.
    """
    try:
        return cv2.imread(str(path), flags)
    except cv2.error:
        return None
