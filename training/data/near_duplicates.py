"""Pictures that show what the one before showed: a car that waits teaches one frame."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
import os
from pathlib import Path

import cv2
import numpy as np
from training.data.pictures import read_picture
from training.errors import DataError

#: Width and height of the pictures that are compared: noise averages away, a car length of motion
#: does not.
_SMALL = (64, 32)


def small_gray(image: np.ndarray) -> np.ndarray:
    """Return (32, 64) int16, the grey levels of a uint8 picture of one or three channels."""
    gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return cv2.resize(gray, _SMALL, interpolation=cv2.INTER_AREA).astype(np.int16)


def distinct(small: Sequence[np.ndarray], least: float) -> list[int]:
    """
    Return the positions of pictures that differ from the last one kept before them.

    Each is compared with the last that was kept, not with its neighbour, so that a slow change
    adds up. The first is always kept.

    :param small: of each picture in driving order, as ``small_gray`` gives them.
    :param least: mean absolute difference in grey levels (0-255) from which two differ. In real
        CARLA drives frames of a waiting car differ by 0.3 to 0.6, frames a metre apart by 3 and
        more.
    """
    kept: list[int] = []
    for position, picture in enumerate(small):
        if not kept or np.abs(picture - small[kept[-1]]).mean() >= least:
            kept.append(position)
    return kept


def read_small(paths: Sequence[Path]) -> list[np.ndarray]:
    """
    Return the small grey pictures of files, in order.

    :raises DataError: naming the first that is unreadable.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(_read_small, paths))


def _read_small(path: Path) -> np.ndarray:
    image = read_picture(path, cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise DataError(f'{path} is not a readable picture: replace or remove it')
    return small_gray(image)
