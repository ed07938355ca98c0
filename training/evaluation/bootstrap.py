"""
How far a figure may be off: resampling by blocks of consecutive pictures.

Neighbours in a drive are near-duplicates, so single pictures are no independent draws; blocks of
them nearly are (Politis and Romano 1992, "A circular block-resampling procedure for stationary
data"). Two models are compared on the same draws, so that what makes a picture hard for both
falls out of their difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from training.errors import ConfigError
from training.evaluation.counts import SegmentationCounts
from training.settings import check_range

_LEAST_BLOCKS = 3


@dataclass(frozen=True)
class BootstrapConfig:
    """
    Intervals by resampling.

    :param resamples: 0 for no intervals.
    :param block: pictures in a row that are drawn together; fewer where a set is short.
    :param level: of the intervals.
    """

    resamples: int = 1000
    block: int = 10
    level: float = 0.95
    seed: int = 1

    def check(self) -> None:
        """
        Refuse what gives no intervals.

        :raises ConfigError: naming the flag and the remedy.
        """
        if self.resamples and self.resamples < 20:
            raise ConfigError(
                f'--bootstrap.resamples is {self.resamples}: use 20 or more, or 0 for no intervals'
            )
        check_range(self, ('resamples',), 0, 100_000, prefix='bootstrap.')
        check_range(self, ('block',), 1, prefix='bootstrap.')
        check_range(self, ('seed',), 0, prefix='bootstrap.')
        if not 0 < self.level < 1:
            raise ConfigError(f'--bootstrap.level is {self.level}: use a share such as 0.95')

    def block_of(self, pictures: int) -> int:
        """Return the length of the blocks for so many pictures, for at least three of them."""
        return max(1, min(self.block, pictures // _LEAST_BLOCKS))


def draw_weights(pictures: int, config: BootstrapConfig) -> np.ndarray:
    """Return how often each picture is in each resample, (resamples, pictures) int64."""
    block = config.block_of(pictures)
    rng = np.random.default_rng(config.seed)
    blocks = -(-pictures // block)
    starts = rng.integers(0, pictures, (config.resamples, blocks))
    drawn = (starts[..., None] + np.arange(block)) % pictures
    drawn = drawn.reshape(config.resamples, -1)[:, :pictures]
    cells = drawn + np.arange(config.resamples)[:, None] * pictures
    flat = np.bincount(cells.ravel(), minlength=config.resamples * pictures)
    return flat.reshape(config.resamples, pictures)


def resample(counts: SegmentationCounts, config: BootstrapConfig) -> dict[str, np.ndarray]:
    """
    Return the metrics of each resample, by name, (resamples,).

    :param counts: whose only leading axis is pictures.
    """
    weights = draw_weights(counts.pixels.shape[0], config)
    return counts.weighted(weights).summary()


def intervals(
    drawn: Mapping[str, np.ndarray], level: float, minus: Mapping[str, np.ndarray] | None = None
) -> dict[str, list[float]]:
    """
    Return the lower and upper end of each metric's interval.

    :param drawn: as :func:`resample` gives it.
    :param minus: of another model on the same draws; then the intervals are of the difference.
    """
    tails: Sequence[float] = ((1 - level) / 2, (1 + level) / 2)
    result = {}
    for name, values in drawn.items():
        if minus is not None and name not in minus:
            continue
        values = values if minus is None else values - minus[name]
        result[name] = [round(float(end), 4) for end in np.quantile(values, tails)]
    return result
