"""Pictures for the camera of the measurements: photographs where they are, else rendered."""

from bench import ROOT
import cv2
import numpy as np

PHOTOS = ROOT.parent / 'shared' / 'data' / 'unlabelled_real'
#: Different pictures a camera sends in turn.
COUNT = 8


def road_pictures(width: int, height: int) -> list[np.ndarray]:
    """
    Return road pictures, the same in each call.

    :return: ``COUNT`` pictures (height, width, 3) uint8 BGR.
    """
    paths = sorted(PHOTOS.glob('day_*.jpg'))[:COUNT]
    photos = [photo for path in paths if (photo := cv2.imread(str(path))) is not None]
    if not photos:
        return [_rendered(width, height, seed) for seed in range(COUNT)]
    return [
        cv2.resize(photos[index % len(photos)], (width, height), interpolation=cv2.INTER_AREA)
        for index in range(COUNT)
    ]


def _rendered(width: int, height: int, seed: int) -> np.ndarray:
    """Return sky over a grey road with two lane markings, noise over all."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), (200, 170, 140), np.uint8)
    horizon = height // 2
    picture[horizon:] = 90
    vanishing = (width // 2 + int(rng.integers(-width // 20, width // 20 + 1)), horizon)
    for foot in (width // 5, width * 4 // 5):
        cv2.line(picture, vanishing, (foot, height), (240, 240, 240), max(1, width // 100))
    noise = rng.integers(0, 25, picture.shape, np.uint8)
    return cv2.add(picture, noise)
