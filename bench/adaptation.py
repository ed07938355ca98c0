"""
Measure how few frames adapt a network: ``python -m bench.adaptation --data_root ../shared/data``.

For each direction (a network that saw rendered pictures alone, to a robot track or to a CARLA
town) k frames are drawn by seed, the network is adapted to them in every way there is (arms), and
measured on frames that nothing was learnt from, and on rendered pictures of another seed. Every
arm is given the same frames, steps and augmentation. What is measured already is kept, so that a
run that was stopped goes on. `--write` puts tables and curves into docs/adaptation.md.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
import json
from pathlib import Path
import subprocess
import sys
from typing import Any

from bench import ROOT
from bench.document_marks import write_between_marks
from bench.errors import BenchError
from bench.machine import describe_machine
from bench.missing import imports_of
from bench.numbers import above_zero, whole_from_one, whole_from_zero
from seg_node.errors import SegNodeError

with imports_of(__name__):
    from bench.adaptation_arms import ARMS, DEFAULT_ARMS
    from bench.adaptation_base import Base
    from bench.adaptation_cell import Budget, Cell, measure_cell
    from bench.adaptation_directions import Direction, directions
    from bench.adaptation_report import draw_curves, Results, tables
    from bench.own_process import in_own_process
    from training.data.pairs import PairsFolder
    from training.data.sources import SetConfig

_REPORT = ROOT / 'docs' / 'adaptation.md'
_SHOTS = (1, 5, 10, 20, 40)
_SEEDS = (1, 2, 3)


def measure_direction(direction: Direction, options: argparse.Namespace) -> Results:
    """Return the figures of all arms, measuring what is missing."""
    base = Base.open(options.base or direction.base)
    budget = budget_of(options)
    frames = len(PairsFolder.open(direction.pool, options.data_root, base.labels))
    if wrong := [shots for shots in options.shots if not 1 <= shots <= frames]:
        raise BenchError(
            f'{_named(direction.pool)} has only {frames} frames to draw {wrong[0]} from: name '
            f'--shots from 1 to {frames}'
        )
    arms = {name: replace(arm, learning_rate=options.rate or arm.learning_rate)
            for name, arm in ARMS.items()}  # fmt: skip
    cells = [
        Cell(direction, base, arms[arm], shots, seed, budget, options.data_root, options.out)
        for arm in ('source', *(name for name in options.arms if name != 'source'))
        for shots in (options.shots if arm != 'source' else [0])
        for seed in (options.seeds if arm != 'source' else [0])
    ]
    results: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for number, cell in enumerate(cells, start=1):
        figures = figures_of(cell, f'{number} of {len(cells)}')
        results.setdefault((cell.arm.name, cell.shots), []).append(figures)
    return results


def figures_of(cell: Cell, progress: str = '') -> dict[str, Any]:
    """Return the figures of a cell, measured now or before."""
    if not cell.result.is_file():
        print(f'{progress} {cell.name}', file=sys.stderr)
        in_own_process(measure_cell, cell)
    figures: dict[str, Any] = json.loads(cell.result.read_text())
    return figures


def budget_of(options: argparse.Namespace) -> Budget:
    """Return what every trained arm is given."""
    return Budget(
        options.steps, options.batch_size, options.precision, options.accelerator, options.threads
    )


def describe(direction: Direction, options: argparse.Namespace) -> list[str]:
    """Say how it was measured."""
    budget, machine = budget_of(options), describe_machine()
    seeds = len(options.seeds)
    return [
        f'base {(options.base or direction.base).name}; test on {_named(direction.test)}, known '
        f'set {_named(direction.known)}; {budget.steps} steps of {budget.batch_size} pictures in '
        f'{budget.precision} for every arm that is trained',
        f'mean ± standard deviation over {seeds} draws of the frames'
        if seeds > 1
        else 'one draw of the frames',
        f'{machine["processor"]}, {machine["cores"]} cores, {machine["date"][:10]}, commit '
        f'{machine["commit"]}',
    ]


def _named(item: SetConfig) -> str:
    return Path(item.path).name


def draw_rendered(folder: Path, frames: int) -> None:
    """Draw the rendered pictures that forgetting is measured on; those that are there are kept."""
    command = [
        sys.executable, '-m', 'carla_lite.dataset', '--frames', str(frames), '--seed', '9',
        '--out', str(folder.resolve()),
    ]  # fmt: skip
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise BenchError(f'no rendered pictures in {folder}: name another folder with --rendered')


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    found = directions(options.rendered)
    chosen = [found[name] for name in (options.direction or found)]
    if options.base and len(chosen) > 1:
        parser.error('--base is of one --direction: the other one would know its test frames')
    try:
        for direction in chosen:
            if direction.known.path == str(options.rendered.resolve()):
                draw_rendered(options.rendered, options.rendered_frames)
            tell(direction, measure_direction(direction, options), options)
    except SegNodeError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('interrupted; the same command goes on from here', file=sys.stderr)
        return 130
    return 0


def tell(direction: Direction, results: Results, options: argparse.Namespace) -> None:
    """Show tables and curve, and put them into the document if that is wanted."""
    made = tables(results, direction.title, describe(direction, options))
    for table in made:
        table.show()
    name = f'adaptation_{direction.name}'
    folder = options.report.parent / 'images' if options.write else options.out
    curve = draw_curves(results, direction.title, folder / f'{name}.png')
    print(f'curves in {curve}', file=sys.stderr)
    if options.write:
        picture = f'![{direction.title}: lane IoU over the number of frames](images/{name}.png)'
        text = '\n\n'.join([picture, *(table.markdown() for table in made)])
        write_between_marks(options.report, name, text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m bench.adaptation',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    budget = Budget()
    add('--direction', action='append', choices=('track', 'town'), help='default: both')
    add('--base', type=Path, metavar='DIR', help='a bundle or a run to adapt, of one direction')
    add('--arms', nargs='+', choices=tuple(ARMS), default=DEFAULT_ARMS, metavar='ARM',
        help=f'of {", ".join(ARMS)}')  # fmt: skip
    add(
        '--shots',
        nargs='+',
        type=whole_from_one,
        default=_SHOTS,
        metavar='K',
        help='labelled frames',
    )
    add('--seeds', nargs='+', type=whole_from_zero, default=_SEEDS, metavar='S')
    add('--steps', type=whole_from_one, default=budget.steps, help='of every trained arm')
    add('--rate', type=above_zero, help='learning rate of all arms, to choose theirs by')
    add('--batch_size', type=whole_from_one, default=budget.batch_size)
    add('--precision', choices=('32-true', 'bf16-mixed', '16-mixed'), default=budget.precision)
    add('--accelerator', choices=('auto', 'cpu', 'cuda'), default=budget.accelerator)
    add('--threads', type=whole_from_zero, default=budget.threads, help="0: torch's choice")
    add('--data_root', type=Path, default=Path('../shared/data'), metavar='DIR',
        help='folder with carla_town_a and track_tape')  # fmt: skip
    add('--rendered', type=Path, default=ROOT / 'out' / 'rendered_val', metavar='DIR',
        help='rendered pictures to measure forgetting on; drawn when missing')  # fmt: skip
    add('--rendered_frames', type=whole_from_one, default=120)
    add('--out', type=Path, default=ROOT / 'out' / 'adaptation', metavar='DIR')
    add('--report', type=Path, default=_REPORT, metavar='MD')
    add('--write', action='store_true', help='put tables and curves into the report')
    return parser


if __name__ == '__main__':
    sys.exit(main())
