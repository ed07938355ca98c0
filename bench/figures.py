"""From runs to the few numbers that are kept."""

from collections.abc import Sequence
from dataclasses import asdict
import statistics
from typing import Any

from bench.listener import Arrival
from bench.session import Run
from seg_node.latency import Percentiles

#: Time on the worker's thread: what limits the rate.
WORK = ('decode_ms', 'preprocess_ms', 'inference_ms', 'postprocess_ms', 'publish_ms')


def percentiles_of(values: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and p99, rounded to what a clock can tell."""
    return {name: round(value, 3) for name, value in asdict(Percentiles.of(values)).items()}


def growth_of(arrivals: Sequence[Arrival]) -> dict[str, float]:
    """
    Say whether masks get older and older.

    :return: median age of the first and of the last tenth in ms, and the slope of a straight
        line through all ages in ms a second.
    """
    ages_ms = [arrival.age_ms for arrival in arrivals]
    tenth = max(1, len(ages_ms) // 10)
    times_s = [(arrival.stamp_ns - arrivals[0].stamp_ns) / 1e9 for arrival in arrivals]
    slope = statistics.linear_regression(times_s, ages_ms).slope if len(ages_ms) > 1 else 0.0
    return {
        'first_tenth_ms': round(statistics.median(ages_ms[:tenth]), 2),
        'last_tenth_ms': round(statistics.median(ages_ms[-tenth:]), 2),
        'slope_ms_per_s': round(slope, 3),
    }


def summarize(run: Run) -> dict[str, Any]:
    """Return what is told about any run."""
    summary: dict[str, Any] = {
        'rate_hz': round(run.sent['rate_hz'], 2),
        'sent': run.sent['frames'],
        'masks': len(run.arrivals),
        'drops': run.drops,
        'arrival_age_ms': percentiles_of(run.ages_ms),
        'growth': growth_of(run.arrivals),
        'cpu_ms_per_frame': round(run.cpu_s * 1e3 / run.sent['frames'], 2),
        'camera': {name: run.sent[name] for name in ('late_ms', 'publish_ms')},
    }
    if run.stages:
        summary['counters'] = run.counters
        summary['stages_ms'] = stages_of(run)
    return summary


def stages_of(run: Run) -> dict[str, dict[str, float]]:
    """Return percentiles of each stage of seg_node, and of what is not inference."""
    ages = run.stage_ms('age_ms')
    inference = run.stage_ms('inference_ms')
    own = run.stage_ms('wait_ms', *WORK)
    named = {
        name: run.stage_ms(name)
        for name in ('wait_ms', *WORK, 'age_ms')
    }  # fmt: skip
    named['transport_ms'] = [age - inside for age, inside in zip(ages, own, strict=True)]
    named['beyond_engine_ms'] = [age - inside for age, inside in zip(ages, inference, strict=True)]
    named['work_ms'] = run.stage_ms(*WORK)
    return {name: percentiles_of(values) for name, values in named.items()}
