"""Variants of one model side by side: loaded as the node loads them, timed by turns, judged."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from seg_node.bundle import ModelBundle
from seg_node.engines import Engine
from seg_node.segmenter import Segmenter
from training.data.pairs import PairsFolder
from training.evaluation.models import BundleSegmenter
from training.quantization.gate import choose, judge, METRIC, Verdict
from training.quantization.measuring import measure_variants
from training.quantization.variants import load, Variant
from training.quantize_config import QuantizeConfig
from training.timing import Latency, time_by_turns


@dataclass(frozen=True)
class Measured:
    """
    A variant with its figures.

    :param sets: what each validation set says of it.
    :param verdict: of the gate; None for fp32 and bf16.
    :param enters: the bundle: it passes the gate and no other of its engine is better.
    """

    variant: Variant
    latency: Latency
    sets: list[dict[str, Any]]
    verdict: Verdict | None = None
    enters: bool = False


def baselines_of(config: QuantizeConfig, graph: Path) -> list[Variant]:
    """Return what int8 has to beat in each engine; the first is the reference of agreement."""
    found = [Variant(engine, 'fp32', 'fp32', (graph,)) for engine in config.engines]
    if 'openvino' in config.engines:
        from seg_node.engines.openvino_engine import has_bf16

        if has_bf16():
            found.append(Variant('openvino', 'bf16', 'bf16', (graph,)))
    return found


def measure_and_judge(
    config: QuantizeConfig,
    bundle: ModelBundle,
    variants: Sequence[Variant],
    validation: Sequence[PairsFolder],
    batch: np.ndarray,
    folder: Path,
    quiet: bool,
) -> list[Measured]:
    """
    Return the figures of variants, baselines among them, and which of them enter.

    :param validation: sets that judge.
    :param batch: a frame to time them with, uint8 (1, H, W, 3) BGR.
    :param folder: for the small bundles that they are loaded from.
    """
    with ExitStack() as stack:
        models: dict[str, BundleSegmenter] = {}
        engines: dict[str, Engine] = {}
        for position, variant in enumerate(variants):
            small, engine = load(bundle, variant, folder / str(position), config.timing.threads)
            stack.callback(engine.close)
            engines[variant.name] = engine
            models[variant.name] = BundleSegmenter(Segmenter(small, engine))
        latencies = time_by_turns(engines, batch, config.timing.runs)
        sets = measure_variants(models, validation, config.bootstrap, quiet)
    measured = [
        Measured(variant, latencies[variant.name], sets[variant.name]) for variant in variants
    ]
    judged = [_judged(config, one, measured) for one in measured]
    return _with_chosen(judged)


def _judged(config: QuantizeConfig, one: Measured, others: Sequence[Measured]) -> Measured:
    if one.variant.precision != 'int8':
        return one
    engine = one.variant.runs_on or one.variant.engine
    rivals = [o for o in others if o.variant.precision != 'int8' and o.variant.engine == engine]
    verdict = judge(
        config.gate,
        lane_iou_of(one),
        lane_iou_of(rivals[0]),  # fp32 comes before bf16
        one.latency,
        {rival.variant.name: rival.latency for rival in rivals},
        one.variant.never or unjudged(one.sets),
    )
    return replace(one, verdict=verdict)


def unjudged(sets: Sequence[Mapping[str, Any]]) -> str:
    """Return why sets judge nobody, empty where they do: with no lane marking nothing is lost."""
    bands = [band for result in sets for band in result['bands']['values'].values()]
    if any(band.get('lane_pixels', 0) for band in bands):
        return ''
    return 'no frame that judges shows a lane marking: name another set with --validation'


def lane_iou_of(one: Measured) -> dict[str, float]:
    """Return what decides by name of the set; parts of one folder may go by one name."""
    found: dict[str, float] = {}
    for place, result in enumerate(one.sets, 1):
        if METRIC in result:
            name = result['set']
            found[f'{name}, set {place}' if name in found else name] = result[METRIC]
    return found


def _with_chosen(measured: Sequence[Measured]) -> list[Measured]:
    """Mark the best of each engine's variants that pass."""
    chosen = set()
    for engine in {one.variant.engine for one in measured}:
        passing = [
            (one.variant.name, one.latency.p50_ms, one.verdict.drop)
            for one in measured
            if one.variant.engine == engine and one.verdict and one.verdict.passes
        ]
        chosen.add(choose(passing))
    return [replace(one, enters=one.variant.name in chosen) for one in measured]
