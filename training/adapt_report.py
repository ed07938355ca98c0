"""What is told of an adapter: in its bundle, to scripts, and to people."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone
from typing import Any

from rich.console import Console
from rich.table import Table
from seg_node.bundle import Adapter, Comparison
from training.adapt_config import AdaptConfig
from training.adapter_files import AdapterFiles
from training.base_model import BaseModel
from training.data.pairs import PairsFolder
from training.engine_figures import describe_conditions, name_of_set, offered_engines
from training.models.cost import count_parameters
from training.runs import Run
from training.settings import plain

#: From here on an adapter is none: of the base's parameters, and bytes of its weights.
SHARE_LIMIT, BYTES_LIMIT = 0.05, 300_000


def provenance_of(
    config: AdaptConfig, base: BaseModel, run: Run, made: AdapterFiles, cost: dict[str, Any]
) -> dict[str, Any]:
    """Return what an adapter is made of, for the bundle."""
    trained = count_parameters(run.network, trainable_only=True)
    return {
        'date': datetime.now(timezone.utc).date().isoformat(),
        'commit': run.facts['commit'],
        'data': run.facts['data'],
        'lora': plain(asdict(config.lora)),
        'size': {
            'parameters': trained,
            'share_of_base': round(trained / count_parameters(base.build()), 4),
            'bytes': made.weights_bytes,
        },
        'training': {
            'steps': config.steps_done,
            'batch_size': config.batch_size,
            'seed': config.seed,
            'optimizer': plain(asdict(config.optimizer)),
            'step_ms': cost['batch_ms_p50'],
            'peak_memory_mib': cost['peak_memory_mib'],
        },
        'merge_max_difference': made.merge_difference,
    }


def with_figures(
    adapter: Adapter,
    sets: Sequence[PairsFolder],
    before: Sequence[dict[str, float]],
    after: Sequence[dict[str, float]],
    latency_ms: dict[str, float],
) -> Adapter:
    """
    Return an adapter with what was measured.

    :param sets: the target first, then those that the base knew.
    :param before: metrics of the base on each of them; ``after`` of the adapter.
    """
    comparisons = tuple(
        Comparison(name_of_set(folder), 'base' if place else 'target', len(folder), old, new)
        for place, (folder, old, new) in enumerate(zip(sets, before, after, strict=True))
    )
    graph, *others = adapter.files
    measured = replace(
        graph,
        engines=offered_engines(latency_ms),
        metrics=after[0],
        latency_ms=latency_ms,
        measured_on=describe_conditions(sets[:1]),
    )
    return replace(adapter, files=(measured, *others), comparisons=comparisons)


def result_of(
    config: AdaptConfig,
    adapter: Adapter,
    made: AdapterFiles,
    cost: dict[str, Any],
    threshold: float,
) -> dict[str, Any]:
    """Return what the verb tells, for people and scripts."""
    target, *known = (asdict(comparison) for comparison in adapter.comparisons)
    size = adapter.provenance['size']
    return {
        'bundle': str(config.target),
        'adapter': config.name,
        'kind': config.lora.kind,
        'target': target,
        'base_sets': known,
        'parameters': size['parameters'],
        'share_of_base': size['share_of_base'],
        'weights_bytes': made.weights_bytes,
        'graph_bytes': made.graph_bytes,
        'steps': config.steps_done,
        'step_ms': cost['batch_ms_p50'],
        'peak_memory_mib': cost['peak_memory_mib'],
        'lane_threshold': threshold,
        'merge_max_difference': made.merge_difference,
        'warnings': _warnings(size['share_of_base'], made.weights_bytes),
        'run': str(config.folder),
    }


def _warnings(share: float, weights_bytes: int) -> list[str]:
    """Say where an adapter is larger than one should be."""
    warnings = []
    if share >= SHARE_LIMIT:
        warnings.append(
            f'the adapter trains {share:.1%} of the parameters of its base, an adapter should '
            f'stay below {SHARE_LIMIT:.0%}: use a smaller --lora.rank or fewer --lora.targets'
        )
    if weights_bytes >= BYTES_LIMIT:
        warnings.append(
            f'the adapter takes {weights_bytes / 1e3:.0f} kB, it should stay below '
            f'{BYTES_LIMIT / 1e3:.0f} kB: use a smaller --lora.rank or fewer --lora.targets'
        )
    return warnings


def show(result: dict[str, Any], console: Console) -> None:
    """Print a result for people."""
    table = Table('', 'base', 'adapter', title=f'adapter {result["adapter"]}')
    for row in (result['target'], *result['base_sets']):
        table.add_section()
        table.add_row(f'[bold]{row["data"]}, {row["samples"]} frames', '', '')
        for name, value in row['base'].items():
            table.add_row(name, f'{value:.3f}', f'{row["adapted"][name]:.3f}')
    console.print(table)
    merged = result['merge_max_difference']
    console.print(
        f'{result["parameters"]} parameters ({result["share_of_base"]:.2%} of the base), '
        f'{result["weights_bytes"] / 1e3:.0f} kB; {result["steps"]} steps'
        + (f' of {result["step_ms"]:.0f} ms' if result['step_ms'] else '')
    )
    console.print(
        'shipped with its experts, for it cannot be folded into the base'
        if merged is None
        else f'folded into the base: a probability differs by {merged:.1g} at most'
    )
    engines = ', '.join(f'{name} {n}' for name, n in result['parity_max_difference'].items())
    console.print(f'largest difference of a score from torch, of 255: {engines}')
    console.print(f"lane threshold {result['lane_threshold']}, which is the bundle's own")
    console.print(
        f'next: python -m seg_node.segment INPUT --out out/seen --bundle {result["bundle"]} '
        f'--adapter {result["adapter"]}',
        soft_wrap=True,
    )
    for warning in result['warnings']:
        console.print(f'warning: {warning}')
