"""Let processes take turns, never one after the other, and keep what each turn took."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
import statistics
from typing import Any

import numpy as np
from seg_node.latency import Percentiles
from training.benchmarking.processes import CaseProcess
from training.progress import counting


@dataclass
class Timed:
    """A model's process and the times of its runs."""

    process: CaseProcess
    inference_ms: list[float] = field(default_factory=list)
    segment_ms: list[float] = field(default_factory=list)  # picture in, mask out
    wall_s: float = 0.0
    cpu_s: float = 0.0

    def add(self, turn: dict[str, Any]) -> None:
        """Keep what a turn took."""
        self.inference_ms += turn['inference_ms']
        self.segment_ms += turn['segment_ms']
        self.wall_s += turn['wall_s']
        self.cpu_s += turn['cpu_s']

    def figures(self) -> dict[str, Any]:
        """Return percentiles, and how many cores were busy on average."""
        return {
            'runs': len(self.inference_ms),
            'inference_ms': percentiles_of(self.inference_ms),
            'segment_ms': percentiles_of(self.segment_ms),
            'cores_busy': round(self.cpu_s / self.wall_s, 2),
        }


@dataclass
class TimedProducts:
    """Matrix products and the rates of their runs, multiply-adds a second."""

    process: CaseProcess
    rates: list[list[float]] = field(default_factory=list)  # of each kind of product

    def add(self, turn: dict[str, Any]) -> None:
        """Keep what a turn reached."""
        self.rates = self.rates or [[] for _ in turn['rates']]
        for kept, new in zip(self.rates, turn['rates'], strict=True):
            kept += new

    def figures(self) -> dict[str, Any]:
        """Return the usual rate of the product that suits the machine best, and the highest."""
        case = self.process.case
        return {
            'engine': case.engine,
            'precision': case.precision,
            'threads': case.threads,
            'p50_per_s': round(max(map(statistics.median, self.rates))),
            'best_per_s': round(max(map(max, self.rates))),
        }


def percentiles_of(values_ms: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and p99, rounded to what a clock can tell."""
    return {name: round(value, 3) for name, value in asdict(Percentiles.of(values_ms)).items()}


def take_turns(
    timed: Sequence[Timed | TimedProducts], runs: int, turn: int, warm_up: int, quiet: bool
) -> None:
    """
    Run every process ``runs`` times, a turn each, over and over; each round begins with another.

    :param turn: runs of one turn.
    :param warm_up: runs before the first that counts.
    """
    for item in timed:
        item.process.ask('turn', warm_up)
    rounds = -(-runs // turn)
    with counting('measuring', rounds * len(timed), quiet) as show:
        for number in range(rounds):
            count = min(turn, runs - number * turn)
            for step in range(len(timed)):
                item = timed[(number + step) % len(timed)]
                item.add(item.process.ask('turn', count))
                show(number * len(timed) + step + 1, item.process.case.name)


def spread_pictures(pictures: Sequence[np.ndarray], size: tuple[int, int]) -> list[np.ndarray]:
    """Return pictures at a size (width, height); a rendered street where there are none."""
    import cv2

    found = list(pictures) or [_street(size, seed) for seed in range(4)]
    return [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in found]


def _street(size: tuple[int, int], seed: int) -> np.ndarray:
    """Return sky over a grey road with two lane markings, noise over all."""
    import cv2

    width, height = size
    random = np.random.default_rng(seed)
    picture = np.full((height, width, 3), (200, 170, 140), np.uint8)
    picture[height // 2 :] = 90
    for foot in (width // 5, width * 4 // 5):
        end = (foot + int(random.integers(-width // 20, width // 20 + 1)), height)
        cv2.line(picture, (width // 2, height // 2), end, (240,) * 3, max(1, width // 100))
    return cv2.add(picture, random.integers(0, 25, picture.shape, np.uint8))
