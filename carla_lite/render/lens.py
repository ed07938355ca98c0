"""What a camera does to the light: exposure, colour, blur, noise, distortion, compression."""

from dataclasses import dataclass
from functools import cache

from carla_lite.render.picture import planes
import cv2
import numpy as np

_NOISE_PX = 512


@dataclass(frozen=True)
class LensEffects:
    """
    Faults of a camera; the defaults change nothing.

    :param exposure: factor of the brightness.
    :param gamma: exponent of the tone curve, 1 is neutral.
    :param warmth: -1 blue .. 1 orange.
    :param tint: -1 green .. 1 magenta.
    :param saturation: factor of the colourfulness.
    :param vignette: share of light that the corners lack.
    :param blur_px: standard deviation of an unsharp lens, pixels.
    :param motion_px: length of a sideways (``motion_up`` False) or vertical smear, pixels.
    :param noise: standard deviation, of 255.
    :param distortion: radial k1 of the picture's half-diagonal; moves labels as well.
    :param jpeg_quality: 0 for none.
    """

    exposure: float = 1.0
    gamma: float = 1.0
    warmth: float = 0.0
    tint: float = 0.0
    saturation: float = 1.0
    vignette: float = 0.0
    blur_px: float = 0.0
    motion_px: int = 0
    motion_up: bool = False
    noise: float = 0.0
    distortion: float = 0.0
    jpeg_quality: int = 0


def develop(picture: np.ndarray, lens: LensEffects, rng: np.random.Generator) -> np.ndarray:
    """
    Return what the camera makes of the light, (H, W, 3) uint8 BGR.

    :param picture: (3, H, W) float32 BGR, 255 for white; it is spoilt.
    """
    if lens.motion_px > 1:
        size = (1, lens.motion_px) if lens.motion_up else (lens.motion_px, 1)
        picture = np.stack([cv2.blur(plane, size) for plane in picture])
    if lens.blur_px > 0.2:
        picture = np.stack([cv2.GaussianBlur(plane, (0, 0), lens.blur_px) for plane in picture])
    _expose(picture, lens)
    if lens.noise > 0.1:
        _add_noise(picture, lens.noise, rng)
    # convertScaleAbs-like rounding in one pass a plane; OpenCV saturates by itself.
    developed = cv2.merge([cv2.convertScaleAbs(np.maximum(plane, 0.0)) for plane in picture])
    if lens.gamma != 1.0:
        table = (255 * np.power(np.arange(256) / 255, lens.gamma)).round().astype(np.uint8)
        developed = np.take(table, developed)
    if lens.jpeg_quality:
        parameters = [cv2.IMWRITE_JPEG_QUALITY, lens.jpeg_quality]
        coded = cv2.imencode('.jpg', developed, parameters)[1]
        developed = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    return developed


def distort(image: np.ndarray, distortion: float) -> np.ndarray:
    """
    Bend a picture or a label image radially; labels keep their values.

    :param image: (H, W) or (H, W, 3); colours are blended, all else is not.
    """
    if distortion == 0.0:
        return image
    height, width = image.shape[:2]
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2)[None, :]
    y = (np.arange(height, dtype=np.float32) - (height - 1) / 2)[:, None]
    radius_2 = (x * x + y * y) / ((width * width + height * height) / 4)
    # Barrel pictures need what lies outside the pinhole view: scale so that none is needed.
    factor = (1 + distortion * radius_2) / (1 + max(distortion, 0.0))
    mode = cv2.INTER_LINEAR if image.ndim == 3 else cv2.INTER_NEAREST
    map_x = x * factor + np.float32((width - 1) / 2)
    map_y = y * factor + np.float32((height - 1) / 2)
    return cv2.remap(image, map_x, map_y, mode, borderMode=cv2.BORDER_REPLICATE)


def _expose(picture: np.ndarray, lens: LensEffects) -> None:
    gain = (1 - 0.25 * lens.warmth, 1 - 0.12 * lens.tint, 1 + 0.25 * lens.warmth)
    if gain != (1.0, 1.0, 1.0) or lens.exposure != 1.0:
        picture *= planes(lens.exposure * np.array(gain))
    if lens.saturation != 1.0:
        grey = (picture[0] + picture[1] + picture[2]) / 3
        picture += np.float32(lens.saturation - 1.0) * (picture - grey)
    if lens.vignette > 0.01:
        height, width = picture.shape[1:]
        x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        picture *= 1.0 - np.float32(lens.vignette / 2) * (x * x + y * y)


def _add_noise(picture: np.ndarray, strength: float, rng: np.random.Generator) -> None:
    """Add noise cut at a random place from one tile: drawing a full picture takes 15 ms."""
    height, width = picture.shape[1:]
    top, left = rng.integers(0, _NOISE_PX, 2)
    rows = np.arange(top, top + height) % _NOISE_PX
    columns = np.arange(left, left + width) % _NOISE_PX
    for plane, tile in zip(picture, _noise_tile(), strict=True):
        plane += np.float32(strength) * tile[rows][:, columns]


@cache
def _noise_tile() -> np.ndarray:
    rng = np.random.default_rng(3)
    grey = rng.standard_normal((1, _NOISE_PX, _NOISE_PX))
    colour = rng.standard_normal((3, _NOISE_PX, _NOISE_PX))
    return (0.7 * grey + 0.7 * colour).astype(np.float32)
