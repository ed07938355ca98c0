"""Mix two pictures by shares, in uint8."""

import cv2
import numpy as np


def blend(image: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return ``image`` with ``share`` (H, W uint8, 255 = all) of ``other`` mixed in."""
    alpha = cv2.cvtColor(share, cv2.COLOR_GRAY2BGR)
    return cv2.add(
        cv2.multiply(image, cv2.bitwise_not(alpha), scale=1 / 255),
        cv2.multiply(other, alpha, scale=1 / 255),
    )
