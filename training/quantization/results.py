"""What was found of one model, as plain values for JSON and for tables."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from training.quantization.gate import speed_up
from training.quantization.judging import Measured


def rows_of(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """Return each variant's figures; ratios are to fp32 of the engine that it runs in."""
    return [_row(one, _fp32_of(one, measured)) for one in measured]


def _fp32_of(one: Measured, measured: Sequence[Measured]) -> Measured:
    engine = one.variant.runs_on or one.variant.engine
    return next(
        other
        for other in measured
        if (other.variant.engine, other.variant.method) == (engine, 'fp32')
    )


def _row(one: Measured, fp32: Measured) -> dict[str, Any]:
    variant, verdict = one.variant, one.verdict
    return {
        'name': variant.name,
        'engine': variant.engine,
        'runs_on': variant.runs_on or variant.engine,
        'method': variant.method,
        'precision': variant.precision,
        'bytes': variant.bytes,
        'weights_bytes': variant.weights_bytes,
        'weights_ratio': round(fp32.variant.weights_bytes / variant.weights_bytes, 2),
        'latency': asdict(one.latency),
        'speed_up_over_fp32': round(speed_up(one.latency, fp32.latency), 3),
        'sets': one.sets,
        'facts': dict(variant.facts),
        'notes': list(variant.notes),
        'gate': None
        if verdict is None
        else {
            'passes': verdict.passes,
            'lane_iou_drop': round(verdict.drop, 4),
            'speed_up': round(verdict.speed_up, 3),
            'rival': verdict.rival,
            'reasons': list(verdict.reasons),
        },
        'enters': one.enters,
    }
