"""
Compare shapes of the network: ``python -m bench.shapes``.

Each shape is trained from chance on the same samples (training/configs/shapes.yaml), exported and
made int8; then all are measured beside each other. A short training tells shapes apart, not how
good a long one becomes. What is trained already is kept, so that a run that was stopped goes on.
`--only-train` leaves the measuring for a quiet hour; `--write` puts table and picture into
docs/shapes.md.
"""

import argparse
from collections.abc import Mapping, Sequence
import json
from pathlib import Path
import sys
from typing import Any, NamedTuple

from bench import ROOT
from bench.document_marks import write_between_marks
from bench.module_output import output_of
from bench.numbers import whole_from_zero
from bench.results import Table
from bench.shapes_front import draw_front, Point
from seg_node.atomic_files import write_text

_DOCUMENT = ROOT / 'docs' / 'shapes.md'
_PICTURE = ROOT / 'docs' / 'images' / 'shapes.png'
_CONFIG = ROOT / 'training' / 'configs' / 'shapes.yaml'
_SETS = ('carla_town_a', 'track_tape')  # as zero_shot.yaml names them


class Shape(NamedTuple):
    """A network to be tried; what it does not say is as in ``UNetConfig``."""

    title: str
    network: Mapping[str, Any]
    size: tuple[int, int] = (512, 288)  # width and height of the input


SHAPES = {
    'bilinear': Shape('16 to 128 in 5 levels, stem 2, bilinear', {}),
    'nearest': Shape('the same, nearest', {'upsampling': 'nearest'}),
    'stem4': Shape(
        'stem 4, 32 to 128',
        {'upsampling': 'nearest', 'stem_factor': 4, 'widths': [32, 64, 96, 128]},
    ),
    'stem4_wide': Shape(
        'stem 4, 48 to 160',
        {'upsampling': 'nearest', 'stem_factor': 4, 'widths': [48, 96, 128, 160]},
    ),
    'stem4_large': Shape(
        'stem 4, 32 to 128, larger picture',
        {'upsampling': 'nearest', 'stem_factor': 4, 'widths': [32, 64, 96, 128]},
        (640, 384),
    ),
    'small': Shape('smaller picture', {'upsampling': 'nearest'}, (384, 224)),
}


def train_shape(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return a shape's accuracy and cost, training and exporting what is missing."""
    result = options.out / f'{name}_{options.seed}.json'
    if result.is_file():
        found: dict[str, Any] = json.loads(result.read_text())
        return found
    shape, run, runs = SHAPES[name], f'shape_{name}_{options.seed}', options.out / 'runs'
    output_of(
        'training', 'train', _CONFIG, '--name', run, '--runs', runs, '--seed', options.seed,
        '--threads', options.threads,
        *(f"--network.{key}={value}" for key, value in shape.network.items()),
        '--input.width', shape.size[0], '--input.height', shape.size[1],
        *(['--resume'] if (runs / run / 'last.ckpt').exists() else []),
    )  # fmt: skip
    bundle = _bundle(name, options)
    output_of('training', 'export', '--run', runs / run, '--data_root', '.', '--output', bundle,
            '--drop_adapters')  # fmt: skip
    zero_shot = json.loads(
        output_of('training', 'evaluate', _CONFIG.parent / 'zero_shot.yaml', '--model', bundle,
                '--engine', 'onnxruntime', '--precision', 'fp32', '--json')
    )  # fmt: skip
    facts = json.loads((runs / run / 'run.json').read_text())
    figures = {
        'parameters': facts['parameters']['total'],
        'multiply_adds': facts['multiply_adds'],
        'sets': {item['path']: item for item in zero_shot['sets'] if item['path'] in _SETS},
    }
    write_text(result, json.dumps(figures, indent=2) + '\n')
    return figures


def measure(names: Sequence[str], options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return for each shape its median time in ms by engine and precision, all in turns."""
    for name in names:
        bundle = _bundle(name, options)
        if not (bundle / 'model.int8.xml').is_file():
            # the gate judges bundles that are to ship; here all are wanted beside each other
            output_of('training', 'quantize', _CONFIG.parent / 'quantize.yaml', '--bundle', bundle,
                    '--adapters', '[]', '--methods', 'minmax', '--gate.max_drop', 1,
                    '--gate.min_speed_up', 0.01, '--calibration.frames', 48,
                    '--report', options.out / 'quantized' / name)  # fmt: skip
    bundles = [str(_bundle(name, options)) for name in names]
    text = output_of(
        'training', 'benchmark', '--models', json.dumps(bundles), '--engines',
        'openvino,onnxruntime', '--report', options.out / 'benchmark', '--json',
    )  # fmt: skip
    times: dict[str, dict[str, Any]] = {name: {} for name in names}
    for case in json.loads(text)['cases']:
        kind = f'{case["engine"]} {case["precision"]}'
        times[case['model']][kind] = case['inference_ms']['p50']
    return times


def _bundle(name: str, options: argparse.Namespace) -> Path:
    folder: Path = options.out / 'bundles' / str(options.seed) / name
    return folder


def table_of(
    figures: Mapping[str, Mapping[str, Any]], times: Mapping[str, Mapping[str, Any]]
) -> Table:
    """Return all shapes side by side."""
    kinds = ('openvino fp32', 'openvino bf16', 'openvino int8', 'onnxruntime fp32',
             'onnxruntime int8')  # fmt: skip
    shown = [kind for kind in kinds if any(kind in found for found in times.values())]
    columns = ['shape', 'input', 'parameters', 'GMAC', *shown]
    for title in ('town', 'track'):
        columns += [f'{title} IoU', 'F1', 'far recall']
    rows = []
    for name, found in figures.items():
        shape = SHAPES[name]
        cells = [shape.title, 'x'.join(map(str, shape.size)), f'{found["parameters"]:,}']
        cells.append(f'{found["multiply_adds"] / 1e9:.2f}')
        cells += [f'{times[name][kind]:.2f}' if kind in times[name] else '' for kind in shown]
        for path in _SETS:
            item = found['sets'][path]
            far = item['bands']['values']['far']['lane_recall']
            cells += [f'{value:.3f}' for value in (item['lane_iou'], item['lane_f1_3px'], far)]
        rows.append(cells)
    notes = ['Times: ms of the network alone (p50), in turns, a process each']
    return Table('Shapes of the network after the same short training', columns, rows, notes)


def points_of(
    figures: Mapping[str, Mapping[str, Any]], times: Mapping[str, Mapping[str, Any]]
) -> list[Point]:
    """Return each shape at its fastest."""
    return [
        Point(name, min(times[name].values()), found['sets'][_SETS[0]]['lane_iou'])
        for name, found in figures.items()
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = _parser().parse_args(arguments)
    for folder in ('../shared/data/carla_town_a', 'out/rendered_general'):
        if not (ROOT / folder).is_dir():
            print(f'error: no {folder}: see docs/data.md and docs/model.md', file=sys.stderr)
            return 2
    names = options.shapes or list(SHAPES)
    figures = {name: train_shape(name, options) for name in names}
    if options.only_train:
        return 0
    times = measure(names, options)
    table = table_of(figures, times)
    table.show()
    draw_front(points_of(figures, times), options.out / 'shapes.png')
    if options.write:
        draw_front(points_of(figures, times), _PICTURE)
        write_between_marks(_DOCUMENT, 'shapes', table.markdown())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m bench.shapes',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--out', type=Path, default=ROOT / 'out' / 'shapes', metavar='DIR')
    parser.add_argument('--seed', type=whole_from_zero, default=1, help='of the trainings')
    parser.add_argument(
        '--threads', type=whole_from_zero, default=0, help='of a training; 0: the default'
    )
    parser.add_argument('--shape', action='append', dest='shapes', choices=SHAPES,
                        help='only these; may be repeated')  # fmt: skip
    parser.add_argument('--only-train', action='store_true', help='measure another time')
    parser.add_argument('--write', action='store_true', help='put it into docs/shapes.md')
    return parser


if __name__ == '__main__':
    sys.exit(main())
