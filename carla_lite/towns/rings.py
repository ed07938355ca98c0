"""Winding closed lines."""

import math

import numpy as np


def winding(
    rng: np.random.Generator, count: int, swing: tuple[float, float], stretch: float
) -> np.ndarray:
    """
    Return places around a centre, counter-clockwise, some nearer and some further.

    :param swing: least and greatest part of the radius by which each of three waves moves them.
    :param stretch: along x.
    :return: (count, 2) for a radius of 1.
    """
    angle = (np.arange(count) + rng.uniform(-0.22, 0.22, count)) * math.tau / count
    waves = rng.uniform(*swing, 3) * np.sin(
        angle[:, None] * (2, 3, 5) + rng.uniform(0, math.tau, 3)
    )
    radius = 1 + waves.sum(axis=1) + rng.uniform(-0.06, 0.06, count)
    return np.stack([radius * np.cos(angle) * stretch, radius * np.sin(angle)], axis=1)
