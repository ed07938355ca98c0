"""``engines``: every engine and precision of a bundle, alone, in turns; what it costs and sees."""

import argparse
from typing import Any

from bench import ROOT
from bench.numbers import whole_from_one
from bench.options import add_engines_alone
from bench.results import Table
from training.benchmark import benchmark
from training.benchmark_config import BenchmarkConfig
from training.benchmarking.report import grids_of, warnings_of
from training.data.sources import SetConfig

_DATA = ROOT.parent / 'shared' / 'data'
#: Measured on where they are: frames that nothing was trained on.
_SETS = (
    SetConfig('carla_town_a', annotated=('lane_marking',), part='held_out', hold_out=100),
    SetConfig('track_tape', annotated=('lane_marking',)),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    add_engines_alone(parser)
    parser.add_argument(
        '--frames', type=whole_from_one, default=300, help='of each engine, default: 300'
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, and keep report and picture beside the result."""
    sets = tuple(item for item in _SETS if (_DATA / item.path).is_dir())
    config = BenchmarkConfig(
        models=(str(options.bundle),),
        threads=(options.threads,),
        picture=f'{options.width}x{options.height}',
        runs=options.frames,
        data_root=_DATA,
        sets=sets,
        report=options.out / 'engines',
    )
    return {'benchmark': benchmark(config, quiet=options.json)}


def tables(data: dict[str, Any]) -> list[Table]:
    """Tell what was measured."""
    result = data['benchmark']
    *others, last = grids_of(result)
    return [
        *(Table(grid.title, grid.columns, grid.rows) for grid in others),
        Table(last.title, last.columns, last.rows, warnings_of(result)),
    ]
