"""Look before training: ``python -m training inspect training/configs/lane_unet.yaml``."""

from collections.abc import Sequence
from dataclasses import replace
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from seg_node.atomic_files import write_bytes, write_text
from training.config import TrainConfig
from training.data.pairs import PairsFolder
from training.data.sampling import MixedSampler, TrainingSamples
from training.data.sources import SetConfig
from training.data.survey import find_leaks, list_missing, Problem, survey
from training.data.tiles import encode_sheet, make_tile, paint_mask
from training.errors import DataError
from training.evaluation.report import prepare
from training.inspect_config import InspectConfig
from training.loop.start import build_network
from training.progress import track
from training.provenance import describe_cost
from training.runs import starting_shape
from training.step_timing import time_steps

REPORT, PROBLEMS, SHEET = 'report.json', 'problems.txt', 'contact_sheet.jpg'


def inspect_data(config: InspectConfig, quiet: bool = False) -> dict[str, Any]:
    """
    Read all data of a training, show samples as the network sees them, count what it costs.

    :param quiet: no progress bar and no table of problems.
    :return: what ``report.json`` in the output folder states.
    :raises DataError: for data that cannot be trained on; all problems are in ``problems.txt``.
    :raises ConfigError: for settings, or an output folder, that cannot be.
    """
    config = replace(config, network=starting_shape(config).network)
    config.check()
    prepare(config.output, '--output')
    opened = _open_all(config, quiet)
    surveys = {
        use: [survey(folder) for folder in track(folders, f'reading {use}', quiet)]
        for use, folders in opened.items()
    }
    leaks, near = find_leaks(surveys['train'], surveys['validation'], config.near_duplicate)
    problems = [p for each in surveys.values() for item in each for p in item.problems]
    _refuse([*problems, *leaks], config.output, quiet)
    report = {
        'sets': [
            {'use': use, **item.summary(config.near_duplicate)}
            for use, items in surveys.items()
            for item in items
        ],
        'near_duplicate': config.near_duplicate,
        'validation_like_training': near,
        'network': _network_cost(config),
        'contact_sheet': str(_write_sheet(config, opened['train'])),
    }
    if config.timing:
        report['timing'] = time_steps(config, opened['train'], config.timing_steps, quiet)
    write_text(config.output / REPORT, json.dumps(report, indent=2) + '\n')
    return report


def show(report: dict[str, Any], console: Console) -> None:
    """Print a report for people."""
    console.print(_sets_table(report))
    if report['validation_like_training']:
        console.print(
            f'{report["validation_like_training"]} validation samples repeat a training sample: '
            'raise gap or gap_m, or set skip_near_duplicates'
        )
    network = report['network']
    console.print(
        f'network: {network["parameters"]["total"]:,} parameters, '
        f'{network["parameters"]["trainable"]:,} trainable; '
        f'{network["multiply_adds"] / 1e9:.2f} G multiply-adds a picture'
    )
    if timing := report.get('timing'):
        console.print(
            f'step of {timing["batch_size"]}: {timing["step_ms"]} ms with the batch in memory, '
            f'{timing["step_with_loader_ms"]} ms with the loader ({timing["workers"]} workers, '
            f'{timing["batch_ms"]} ms a batch each), {timing["wait_share"]:.1%} of it waiting'
        )
    console.print(f'what the network sees: {report["contact_sheet"]}')


def _open_all(config: InspectConfig, quiet: bool) -> dict[str, list[PairsFolder]]:
    sources: dict[str, Sequence[SetConfig]]
    sources = {'train': config.train, 'validation': config.validation}
    opened: dict[str, list[PairsFolder]] = {use: [] for use in sources}
    problems: list[Problem] = []
    for use, items in sources.items():
        for source in items:
            try:
                opened[use].append(PairsFolder.open(source, config.data_root, config.labels))
            except DataError as error:
                problems += list_missing(source, config.data_root, error)
    _refuse(problems, config.output, quiet)
    return opened


def _refuse(problems: Sequence[Problem], output: Path, quiet: bool) -> None:
    """
    Stop where there is something to mend, and say all of it.

    :raises DataError: with the first problem; the others are in a file.
    """
    path = output / PROBLEMS
    problems = list(dict.fromkeys(problems))  # a set may be named twice
    if not problems:
        path.unlink(missing_ok=True)
        return
    write_text(path, ''.join(f'{p.source}\t{p.name}\t{p.what}\n' for p in problems))
    if not quiet:
        table = Table('set', 'sample', 'problem', title='problems of the data')
        for problem in problems:
            table.add_row(*problem)
        Console().print(table)
    source, name, what = problems[0]
    raise DataError(
        f'{len(problems)} to mend in the data, all listed in {path}; the first: '
        f'{" ".join(filter(None, (source, name)))}: {what}'
    )


def _network_cost(config: TrainConfig) -> dict[str, Any]:
    return describe_cost(build_network(config), config)


def _write_sheet(config: InspectConfig, folders: list[PairsFolder]) -> Path:
    """Draw samples as the training would in its first epoch."""
    sampler = MixedSampler(
        [len(folder) for folder in folders],
        [source.weight for source in config.train],
        config.sheet,
        config.seed,
    )
    samples = TrainingSamples(folders, config.input, config.augment)
    tiles = []
    for draw in sampler:
        sample, folder = samples[draw], folders[draw.source]
        picture = paint_mask(sample['image'].numpy(), sample['truth'].numpy(), config.labels)
        names = [
            name for name, known in zip(folder.labels, folder.annotated, strict=True) if known
        ]
        knows = '' if all(folder.annotated) else f' (knows {", ".join(names)})'
        caption = f'{folder.source.path} {folder.pairs[draw.sample].name}{knows}'
        tiles.append(make_tile(picture, caption))
    path = config.output / SHEET
    write_bytes(path, encode_sheet(tiles))
    return path


def _sets_table(report: dict[str, Any]) -> Table:
    table = Table('', title='data')
    rows = report['sets']
    for row in rows:
        part = '' if row['part'] == 'all' else f' {row["part"]}'
        table.add_column(f'{row["use"]}: {row["path"]}{part}', justify='right', overflow='fold')
    table.add_row('samples', *(str(row['samples']) for row in rows))
    table.add_row('near-duplicates', *(str(row['near_duplicates']) for row in rows))
    table.add_row('left out as such', *(str(row['left_out']) for row in rows))
    table.add_row('sizes', *(' '.join(row['sizes']) for row in rows))
    for name in rows[0]['classes']:
        table.add_row(f'{name}: share, pictures', *(_class_cell(row, name) for row in rows))
    table.add_row('unlabelled', *(f'{row["unlabelled"]:.1%}' for row in rows))
    return table


def _class_cell(row: dict[str, Any], name: str) -> str:
    figures = row['classes'][name]
    if not figures['annotated']:
        return 'not annotated'
    return f'{figures["share"]:.2%}, {figures["pictures"]}'
