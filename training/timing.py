"""Latency of several engines, measured by turns: only figures of one run can be compared."""

from collections.abc import Mapping
from dataclasses import dataclass
import statistics
import time

import numpy as np
from seg_node.engines import Engine


@dataclass(frozen=True)
class Latency:
    """Inference time of one engine, in ms."""

    p50_ms: float
    p99_ms: float
    least_ms: float  # what it takes when nothing else runs on the machine


def time_by_turns(
    engines: Mapping[str, Engine], batch: np.ndarray, runs: int
) -> dict[str, Latency]:
    """
    Time engines by turns, each round in another order.

    The order is drawn: on a busy machine the system takes back from whoever runs next what a slow
    engine took before, and no engine is to be that one always.

    :param engines: by name, warm.
    :param batch: uint8 (1, H, W, 3) BGR.
    :param runs: of each.
    """
    names = list(engines)
    times_ms: dict[str, list[float]] = {name: [] for name in names}
    rng = np.random.default_rng(0)
    for _ in range(runs):
        for name in rng.permutation(names).tolist():
            start_s = time.perf_counter()
            engines[name].infer(batch)
            times_ms[name].append((time.perf_counter() - start_s) * 1e3)
    return {name: _summary(values) for name, values in times_ms.items()}


def _summary(times_ms: list[float]) -> Latency:
    return Latency(
        round(statistics.median(times_ms), 3),
        round(float(np.percentile(times_ms, 99)), 3),
        round(min(times_ms), 3),
    )
