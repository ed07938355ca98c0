"""Tiling noise: the grain of everything."""

import cv2
import numpy as np


def tiling_noise(
    rng: np.random.Generator, size: int, cell: float, stretch: tuple[float, float] = (1.0, 1.0)
) -> np.ndarray:
    """
    Return (size, size) float32 with mean 0 and standard deviation 1 that repeats seamlessly.

    :param cell: how large its blobs are, pixels.
    :param stretch: their size along x and y, times ``cell``.
    """
    noise = rng.standard_normal((size, size)).astype(np.float32)
    margin = min(size, int(4 * cell * max(stretch)) + 1)
    wrapped = cv2.copyMakeBorder(noise, margin, margin, margin, margin, cv2.BORDER_WRAP)
    sigma = [max(cell * axis, 0.01) for axis in stretch]
    soft = cv2.GaussianBlur(wrapped, (0, 0), sigmaX=sigma[0], sigmaY=sigma[1])
    soft = soft[margin : margin + size, margin : margin + size]
    return (soft - soft.mean()) / max(float(soft.std()), 1e-6)


def fractal_noise(rng: np.random.Generator, size: int, coarsest: float) -> np.ndarray:
    """Return (size, size) float32 like :func:`tiling_noise`, of octaves from ``coarsest`` down."""
    total = np.zeros((size, size), np.float32)
    cell, weight = coarsest, 1.0
    while cell >= 0.7:
        total += weight * tiling_noise(rng, size, cell)
        cell, weight = cell / 2, weight * 0.6
    return (total - total.mean()) / total.std()


def as_shares(noise: np.ndarray) -> np.ndarray:
    """Return noise mapped to 0..1 so that every value is equally frequent, float32."""
    order = np.argsort(noise, axis=None)
    shares = np.empty(noise.size, np.float32)
    shares[order] = np.linspace(0.0, 1.0, noise.size, dtype=np.float32)
    return shares.reshape(noise.shape)


def tiled(tile: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """
    Sample a tile that repeats.

    :param tile: (n, n), any type of OpenCV's.
    :param u: (H, W) float32 columns, ``v`` rows, in its pixels; any numbers.
    """
    size = np.float32(len(tile))
    u = u - np.floor(u / size) * size
    v = v - np.floor(v / size) * size
    return cv2.remap(tile, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
