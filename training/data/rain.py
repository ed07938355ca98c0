"""Rain on a picture: bright streaks that hang together, and the veil of the far ones."""

import cv2
import numpy as np
from training.data.blending import blend


def fall_rain(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """
    Let it rain: drops fall side by side in one direction, blurred by the exposure.

    :param image: (H, W, 3) uint8 BGR.
    """
    height, width = image.shape[:2]
    count = int(rng.uniform(0.001, 0.008) * height * width)
    drops = np.zeros((height, width), np.uint8)
    rows, columns = rng.integers(0, height, count), rng.integers(0, width, count)
    drops[rows, columns] = rng.integers(60, 256, count)
    length = max(3, round(rng.uniform(0.02, 0.1) * height)) | 1
    kernel = line_kernel(length, np.pi / 2 + np.deg2rad(rng.uniform(-30, 30)))
    share = cv2.filter2D(drops, -1, kernel * rng.uniform(0.3, 0.8))
    veil = np.uint8(rng.uniform(0, 70))
    sky = np.full_like(image, int(rng.uniform(130, 220)))
    return blend(image, sky, np.maximum(share, veil))


def line_kernel(length: int, angle_rad: float) -> np.ndarray:
    """
    Return a (length, length) float32 kernel of ones along a line through its middle.

    :param length: odd.
    :param angle_rad: 0 is to the right, downwards positive.
    """
    kernel = np.zeros((length, length), np.float32)
    middle = length // 2
    reach = np.array([np.cos(angle_rad), np.sin(angle_rad)]) * middle
    start, end = (middle - reach).round(), (middle + reach).round()
    cv2.line(kernel, tuple(map(int, start)), tuple(map(int, end)), (1.0,))
    return kernel
