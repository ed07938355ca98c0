"""The noise attributes of sensors that give numbers."""

from collections.abc import Iterable, Mapping
import math

import numpy as np


def generator(attributes: Mapping[str, str]) -> np.random.Generator:
    """Return the random numbers of ``noise_seed``: the same seed gives the same ones."""
    seed = _number(attributes, 'noise_seed')
    return np.random.default_rng(int(seed) % 2**32)


def amounts(attributes: Mapping[str, str], names: Iterable[str]) -> np.ndarray:
    """Return float64 values of attributes; what is missing or no finite number is zero."""
    return np.array([_number(attributes, name) for name in names])


def _number(attributes: Mapping[str, str], name: str) -> float:
    try:
        value = float(attributes.get(name, 0.0))
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0
