"""
Measure how far rendered roads carry: ``python -m bench.transfer --shared ../shared/data``.

For each variant of the simulator's pictures (all of it, then with one ingredient left out) the
same small network is trained from chance on that variant's pictures alone, and measured on
pictures it never saw. What is drawn and trained already is kept, so that a run that was stopped
goes on. `--write` puts the table into docs/transfer.md.
"""

import argparse
from collections.abc import Sequence
import json
from pathlib import Path
import sys
from typing import Any

from bench import ROOT
from bench.document_marks import write_between_marks
from bench.module_output import output_of
from bench.numbers import whole_from_one, whole_from_zero
from bench.results import Table
from seg_node.atomic_files import write_text

_REPORT = ROOT / 'docs' / 'transfer.md'
_CONFIG = ROOT / 'training' / 'configs' / 'rendered_small.yaml'
_ALL = 'all'
#: The first row once more: what chance alone changes.
_OTHER_SEED = 'nothing, another seed'
_LEFT_OUT = (
    'looks', 'cameras', 'faults', 'grain', 'shadows', 'scenery', 'dirt', 'wear', 'weather',
    'hours', 'traffic', 'town:LiteTrack', 'town:LiteTown',
)  # fmt: skip
#: name in the table: pairs folder, relative to --shared or to --out
_SETS = {
    'CARLA town': 'carla_town_a',
    'without its kerb lines': 'town_without_kerbs',
    'robot track': 'track_tape',
}


def measure(variant: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return a variant's figures, drawing and training what is missing."""
    name = variant.replace(':', '_')
    result = options.out / f'{name}_{options.frames}_{options.seed}.json'
    if result.is_file():
        found: dict[str, Any] = json.loads(result.read_text())
        return found
    data = options.out / 'data'
    left_out = [] if variant == _ALL else ['--without', variant]
    output_of('carla_lite.dataset', '--frames', options.frames, '--out', data / name, *left_out)
    run = f'transfer_{name}_{options.frames}_{options.seed}'
    train = json.dumps([{'path': name}])
    validation = json.dumps([{'path': 'validation'}])
    output_of(
        'training', 'train', _CONFIG, '--data_root', data, '--train', train, '--validation',
        validation, '--name', run, '--runs', options.out / 'runs', '--seed', options.seed,
        *(['--resume'] if (options.out / 'runs' / run / 'last.ckpt').exists() else []),
    )  # fmt: skip
    figures = {
        title: _evaluate(options.out / 'runs' / run, folder, options)
        for title, folder in _SETS.items()
    }
    write_text(result, json.dumps(figures, indent=2) + '\n')
    return figures


def _evaluate(run: Path, folder: str, options: argparse.Namespace) -> dict[str, Any]:
    root = options.shared if (options.shared / folder).is_dir() else options.out
    text = output_of(
        'training', 'evaluate', '--model', run, '--data_root', root, '--path', folder,
        '--annotated', '[lane_marking]', '--json',
    )  # fmt: skip
    figures: dict[str, Any] = json.loads(text)['sets'][0]
    return figures


def table_of(results: dict[str, dict[str, Any]]) -> Table:
    """Return the table of all variants; differences are to the first."""
    columns = ['left out']
    for title in _SETS:
        columns += [f'{title}: IoU', 'F1']
    rows = []
    for variant, figures in results.items():
        cells = ['nothing' if variant == _ALL else variant]
        for title in _SETS:
            for metric in ('lane_iou', 'lane_f1_3px'):
                value = figures[title][metric]
                change = value - results[_ALL][title][metric]
                cells.append(f'{value:.3f}' + ('' if variant == _ALL else f' ({change:+.3f})'))
        rows.append(cells)
    return Table('What each ingredient of the rendered world is worth', columns, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = _parser().parse_args(arguments)
    if not (options.shared / 'carla_town_a').is_dir():
        print(f'error: no carla_town_a in {options.shared}: name --shared', file=sys.stderr)
        return 2
    data = options.out / 'data'
    output_of('carla_lite.dataset', '--seed', 9, '--frames', 120, '--out', data / 'validation')
    if not (options.out / 'town_without_kerbs' / 'dataset.json').is_file():  # its last file
        output_of(
            'bench.kerb_lines', options.shared / 'carla_town_a', options.out / 'town_without_kerbs'
        )
    results = {}
    for variant in [_ALL, *(options.without or _LEFT_OUT)]:
        results[variant] = measure(variant, options)
        table_of(results).show()
    again = argparse.Namespace(**{**vars(options), 'seed': options.seed + 1})
    results[_OTHER_SEED] = measure(_ALL, again)
    if options.write:
        write_between_marks(_REPORT, 'transfer', table_of(results).markdown())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m bench.transfer',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--shared', type=Path, default=Path('../shared/data'), metavar='DIR',
                        help='folder with carla_town_a and track_tape')  # fmt: skip
    parser.add_argument('--out', type=Path, default=ROOT / 'out' / 'transfer', metavar='DIR')
    parser.add_argument(
        '--frames', type=whole_from_one, default=800, help='drawn for each variant'
    )
    parser.add_argument('--seed', type=whole_from_zero, default=1, help='of the training')
    parser.add_argument('--without', action='append', metavar='INGREDIENT',
                        help='only these variants; may be repeated')  # fmt: skip
    parser.add_argument('--write', action='store_true', help='put the table into docs/transfer.md')
    return parser


if __name__ == '__main__':
    sys.exit(main())
