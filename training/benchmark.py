"""Measure what models cost here and what they see: ``python -m training benchmark``."""

from typing import Any

from rich.console import Console
from training.benchmark_config import BenchmarkConfig
from training.benchmarking.report import grids_of, how_to_read, warnings_of, write_report
from training.benchmarking.run import run_benchmark
from training.evaluation.report import prepare

#: Columns of a terminal that has room for names and figures in one row.
_WIDE = 120


def benchmark(config: BenchmarkConfig, quiet: bool = False) -> dict[str, Any]:
    """
    Measure bundles, and models of others, beside each other.

    :param quiet: no progress bars.
    :return: for each case its latency, start-up, memory, arithmetic and accuracy; what the
        machine can do at most; what was left out and why.
    :raises SegNodeError: for a model or data set that cannot be read, or does not fit.
    """
    config.check()
    if config.report:
        prepare(config.report)
    result = run_benchmark(config, quiet)
    if config.report:
        write_report(config.report, result)
    return result


def show(result: dict[str, Any], console: Console) -> None:
    """Print a result for people."""
    for text in warnings_of(result):
        console.print(text, style='yellow', highlight=False)
    for grid in grids_of(result, short=console.width < _WIDE):
        console.print(f'\n{grid.title}', highlight=False)
        console.print(grid.table())
    console.print(how_to_read(result), style='dim', highlight=False)
