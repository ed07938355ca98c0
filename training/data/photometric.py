"""Photometric augmentation of (H, W, 3) uint8 BGR pictures: tables and uint8 arithmetic."""

from dataclasses import dataclass

import cv2
import numpy as np
from training.data.blending import blend
from training.data.rain import fall_rain, line_kernel
from training.settings import check_range


@dataclass(frozen=True)
class PhotometricConfig:
    """Probability of each change, and how strong it may be."""

    paint: float = 0.3  # lane pixels in another paint: white, yellow, worn
    surface: float = 0.5  # everything dark or pale: the grey of the road, mostly
    tone: float = 0.8
    gamma: float = 2.0  # most, and its inverse
    brightness: float = 0.3  # share of full scale
    contrast: float = 0.4
    white_balance: float = 0.2
    saturation: float = 0.6
    hue_deg: float = 20.0
    grayscale: float = 0.1
    shadow: float = 0.4
    night: float = 0.1
    rain: float = 0.0
    blur: float = 0.25
    noise: float = 0.4
    noise_sigma: float = 16.0
    jpeg: float = 0.25

    def __post_init__(self) -> None:
        """
        Refuse what changes no picture.

        :raises ConfigError: naming the flag.
        """
        prefix = 'augment.photometric.'
        chances = (
            'paint', 'surface', 'tone', 'grayscale', 'shadow', 'night', 'rain', 'blur', 'noise',
            'jpeg',
        )  # fmt: skip
        check_range(self, chances, 0, 1, prefix)
        # of a change that is never made, its strength may be anything
        used = [
            name for name, chance in (('gamma', self.tone), ('noise_sigma', self.noise)) if chance
        ]
        check_range(self, used, 1, 256, prefix)
        strengths = ('brightness', 'contrast', 'white_balance', 'saturation', 'hue_deg')
        check_range(self, strengths, 0, prefix=prefix)


def change_paint(
    image: np.ndarray,
    mask: np.ndarray,
    lane: int | None,
    config: PhotometricConfig,
    rng: np.random.Generator,
) -> np.ndarray:
    """
    Give the lane markings another colour or let the road shine through (uint8 BGR).

    :param lane: their id in the mask; None where the labels know none.
    """
    if rng.random() >= config.paint or lane is None:
        return image
    marked = (mask == lane).astype(np.uint8)
    if not marked.any():
        return image
    colors = ((235, 240, 245), (60, 190, 235), (60, 150, 230), (150, 150, 150), (215, 200, 190))
    color = np.array(colors[rng.integers(len(colors))]) * rng.uniform(0.75, 1.05)
    share = cv2.blur(marked * np.uint8(255 * rng.uniform(0.15, 0.7)), (3, 3))
    painted = np.empty_like(image)
    painted[:] = np.clip(color, 0, 255).astype(np.uint8)
    return blend(image, painted, share)


def borrow_colors(image: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """
    Move the histogram of each channel towards that of another picture.

    A pale rendered road under a pale sky takes on the dark asphalt and blue sky of a highway.

    :param image: (H, W, 3) uint8 BGR; ``other`` likewise, of any size.
    """
    share = rng.uniform(0.4, 1.0)
    own, wanted = _cumulated(image), _cumulated(other)
    levels = np.arange(256)
    matched = np.stack([np.interp(a, b, levels) for a, b in zip(own, wanted, strict=True)], axis=1)
    table = share * matched + (1 - share) * levels[:, None]
    return cv2.LUT(image, table.astype(np.uint8)[None])


def _cumulated(image: np.ndarray) -> np.ndarray:
    """Return the cumulated histogram of each channel, (3, 256), strictly rising to 1."""
    sparse = image[::4, ::4].reshape(-1, 3)
    # one pixel of each level: interpolation needs a curve without flat parts
    counts = np.stack([np.bincount(channel, minlength=256) for channel in sparse.T]) + 1.0
    return np.cumsum(counts, axis=1) / counts.sum(axis=1, keepdims=True)


def change_colors(
    image: np.ndarray, config: PhotometricConfig, rng: np.random.Generator
) -> np.ndarray:
    """Change hue, saturation, white balance and tone curve of a uint8 BGR picture."""
    gray = rng.random() < config.grayscale
    saturation = 0.0 if gray else 1 + rng.uniform(-config.saturation, config.saturation)
    hue = np.deg2rad(rng.uniform(-config.hue_deg, config.hue_deg))
    image = cv2.transform(image, _color_matrix(saturation, hue))
    if rng.random() >= config.tone:
        return image
    curve = np.arange(256) / 255.0
    curve = curve ** np.exp(rng.uniform(-1, 1) * np.log(config.gamma))
    if rng.random() < config.surface:
        curve = _surface_curve(curve, rng)
    contrast = 1 + rng.uniform(-config.contrast, config.contrast)
    curve = (curve - 0.5) * contrast + 0.5 + rng.uniform(-1, 1) * config.brightness
    if rng.random() < config.night:
        curve = curve * rng.uniform(0.15, 0.5)
    balance = 1 + rng.uniform(-1, 1, 3) * config.white_balance
    table = np.clip(curve[:, None] * balance * 255, 0, 255).astype(np.uint8)
    return cv2.LUT(image, np.ascontiguousarray(table[None]))


def _surface_curve(curve: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """
    Bend the tone curve at a random knee: pale roads become dark ones while paint stays light.

    Rendered asphalt of one town at noon is nearly as pale as its paint; elsewhere it is not.
    """
    knee, level = rng.uniform(0.3, 0.8), rng.uniform(0.1, 0.6)
    return np.interp(curve, (0.0, knee, 1.0), (0.0, level * knee / 0.6, 1.0))


def _color_matrix(saturation: float, hue: float) -> np.ndarray:
    """Return the 3x3 matrix (BGR) of a turn about the gray axis and a stretch away from it."""
    luma = np.array([0.114, 0.587, 0.299])
    gray = np.repeat(luma[None], 3, axis=0)
    axis = np.full((3, 3), 1 / 3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turn = np.cos(hue) * np.eye(3) + (1 - np.cos(hue)) * axis + np.sin(hue) * cross
    return (gray + saturation * (turn - turn @ gray)).astype(np.float32)


def cast_shadows(
    image: np.ndarray, config: PhotometricConfig, rng: np.random.Generator
) -> np.ndarray:
    """Darken (or, less often, brighten) a random polygon or band with soft edges."""
    if rng.random() >= config.shadow:
        return image
    height, width = image.shape[:2]
    small = np.zeros((height // 4, width // 4), np.uint8)
    for _ in range(rng.integers(1, 4)):
        center = rng.uniform((0, 0.3), (1, 1)) * (width / 4, height / 4)
        reach = rng.uniform(0.05, 0.6, (6, 1)) * (width / 4, height / 8)
        angle = np.sort(rng.uniform(0, 2 * np.pi, 6))
        corners = center + reach * np.stack((np.cos(angle), np.sin(angle)), axis=1)
        cv2.fillPoly(small, [corners.astype(np.int32)], 255)
    size = int(rng.integers(0, 3)) * 2 + 1
    share = cv2.resize(cv2.blur(small, (size, size)), (width, height))
    strength = rng.uniform(0.25, 0.75)
    lit = rng.random() < 0.25
    target = np.full_like(image, 255 if lit else 0)
    return blend(image, target, (share * (strength * (0.6 if lit else 1.0))).astype(np.uint8))


def spoil(image: np.ndarray, config: PhotometricConfig, rng: np.random.Generator) -> np.ndarray:
    """Rain on, blur, add noise to and compress a uint8 BGR picture, as skies and links do."""
    if config.rain and rng.random() < config.rain:
        image = fall_rain(image, rng)
    if rng.random() < config.blur:
        image = _blur(image, rng)
    if rng.random() < config.noise:
        image = _add_noise(image, rng.uniform(1, config.noise_sigma), rng)
    if rng.random() < config.jpeg:
        quality = int(rng.integers(15, 85))
        _, data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return image


def _blur(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.6:
        return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.8))
    kernel = line_kernel(int(rng.integers(1, 4)) * 2 + 1, rng.uniform(0, np.pi))
    return cv2.filter2D(image, -1, kernel / kernel.sum())


def _add_noise(image: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    # the sum of a byte's four 2-bit digits is near enough to normal (sigma 2.2 steps) and ten
    # times faster than normal deviates
    digits = np.arange(256)
    table = ((digits & 3) + (digits >> 2 & 3) + (digits >> 4 & 3) + (digits >> 6) - 6) / 2.236
    noise = np.frombuffer(rng.bytes(image.size), np.uint8).reshape(image.shape)
    up = cv2.LUT(noise, np.clip(table * sigma, 0, 255).astype(np.uint8))
    down = cv2.LUT(noise, np.clip(-table * sigma, 0, 255).astype(np.uint8))
    return cv2.subtract(cv2.add(image, up), down)
