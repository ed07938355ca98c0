"""The lie of the land, and roads that follow it."""

from collections.abc import Callable, Sequence
import math

from carla_lite.roads.network import Cubic, Piece, Road
from carla_lite.roads.path import heights, length_of
import numpy as np

_KNOT_M = 25.0
_LEVEL_M = (22.0, 85.0)  # level up to the one distance, as it was from the other one on
_MOST_BANK_RAD = math.radians(4.0)

Hills = Callable[[np.ndarray], np.ndarray]


def hills_of(rng: np.random.Generator, steep: float = 1.0) -> Hills:
    """
    Return the lie of the land: heights of (n, 2) places, OpenDRIVE's coordinates.

    :param steep: 1 for slopes of eight in a hundred now and then.
    """
    length = rng.uniform(160, 380, 5) * (1 if steep > 0.5 else 2.5)
    heading = rng.uniform(0, math.tau, 5)
    wave = np.stack([np.cos(heading), np.sin(heading)]) * math.tau / length
    phase = rng.uniform(0, math.tau, 5)
    height = rng.uniform(0.2, 1.0, 5) * length / 90 * steep * rng.uniform(0.5, 1.3)

    def heights_at(places: np.ndarray) -> np.ndarray:
        return np.sin(places @ wave + phase) @ height

    return heights_at


def levelled(hills: Hills, places: np.ndarray) -> Hills:
    """
    Return the same land, level round some places: roads that meet there agree on their height.

    :param places: (n, 2) metres.
    """
    own = hills(places)

    def heights_at(points: np.ndarray) -> np.ndarray:
        z = hills(points)
        for place, height in zip(places, own, strict=True):
            far = np.hypot(*(points - place).T)
            part = np.clip((far - _LEVEL_M[0]) / (_LEVEL_M[1] - _LEVEL_M[0]), 0.0, 1.0)
            z = height + (z - height) * part * part * (3 - 2 * part)
        return z

    return heights_at


def tamed(hills: Hills, lines: Sequence[tuple[Piece, ...]], most: float) -> Hills:
    """Return the land so flat that no road along some lines is steeper than a slope."""
    steepest = 0.0
    for line in lines:
        s = np.arange(0.0, length_of(line), 4.0)
        z = hills(Road(0, line, ()).reference(s)[:, :2])
        steepest = max(steepest, float(np.abs(np.diff(z)).max()) / 4.0)
    part = min(most / max(steepest, 1e-9), 1.0)
    return lambda points: hills(points) * part


def over(hills: Hills, pieces: tuple[Piece, ...]) -> tuple[Cubic, ...]:
    """Return the profile of a road that follows the land."""
    length = length_of(pieces)
    s = np.linspace(0.0, length, max(round(length / _KNOT_M), 2) + 1)
    line = Road(0, pieces, ())
    z, ahead, behind = (
        hills(line.reference(np.clip(s + ds, 0.0, length))[:, :2]) for ds in (0.0, 0.5, -0.5)
    )
    run = np.clip(s + 0.5, 0.0, length) - np.clip(s - 0.5, 0.0, length)
    return heights(np.stack([s, z, (ahead - behind) / run], axis=1).tolist())


def banked(pieces: tuple[Piece, ...]) -> tuple[Cubic, ...]:
    """Return the bank of a road into its bends; level at its ends."""
    length = length_of(pieces)
    s = np.linspace(0.0, length, max(round(length / _KNOT_M), 4) + 1)
    starts = np.array([piece.s for piece in pieces])
    curvature = np.array([piece.curvature for piece in pieces])
    here = curvature[np.clip(np.searchsorted(starts, s, side='right') - 1, 0, None)]
    smooth = np.convolve(np.pad(here, 1, mode='edge'), [0.25, 0.5, 0.25], mode='valid')
    bank = np.clip(-3.5 * smooth, -_MOST_BANK_RAD, _MOST_BANK_RAD)
    bank[[0, -1]] = 0.0
    knots = zip(s.tolist(), bank.tolist(), [0.0] * len(s), strict=True)
    return heights(list(knots))
