"""Measure models: ``python -m training evaluate --path track_tape --annotated lane_marking``."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
import tempfile
from typing import Any

from rich.console import Console
from training.data.sources import SetConfig
from training.evaluate_config import EvaluateConfig
from training.evaluation.bands import Bands
from training.evaluation.figures import letter
from training.evaluation.measure import measure_all
from training.evaluation.models import MaskSource, models_of, open_model
from training.evaluation.report import how_to_read, prepare, write_report, writing
from training.evaluation.results import set_results
from training.evaluation.sets import open_for_all
from training.evaluation.sheets import write_overlays, write_sheet
from training.evaluation.soft_labels import refuse_other_folder, write_soft_labels
from training.evaluation.sweep import sweep
from training.evaluation.tables import grids_of
from training.settings import plain


def evaluate(config: EvaluateConfig, quiet: bool = False) -> dict[str, Any]:
    """
    Measure one or several models on one or several pairs folders.

    :param quiet: no progress bar.
    :return: the first model's description and, for each set, its metrics; the same of the models
        that it is compared with, under ``compared``.
    :raises SegNodeError: for a model or data set that cannot be read.
    """
    config.check()
    if config.report:
        prepare(config.report)
    if config.overlays:
        prepare(config.overlays, '--overlays')
    if config.write_soft_labels:
        refuse_other_folder(config.write_soft_labels)
        prepare(config.write_soft_labels.parent, '--write_soft_labels')
    with ExitStack() as stack:
        models = [
            stack.enter_context(open_model(name, config.threads, config.lane_threshold))
            for name in models_of(config)
        ]
        # all are opened before the first is measured: a mistake in the last shows at once
        for item in config.all_sets:
            open_for_all(item, config.data_root, models)
        pictures = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sets = []
        for position, item in enumerate(config.all_sets):
            name = f'{position}_{item.path.replace("/", "_")}'
            sets.append(_measure(config, models, item, name, pictures, quiet))
        described = [
            {'model': model.description, 'sets': [results[place] for results in sets]}
            for place, model in enumerate(models)
        ]
        result = {
            **described[0], 'compared': described[1:], 'bootstrap': asdict(config.bootstrap)
        }  # fmt: skip
        if config.report:
            sheets = {path.name: path for path in sorted(pictures.iterdir())}
            write_report(config.report, result, plain(asdict(config)), sheets)
        return result


def _measure(
    config: EvaluateConfig,
    models: Sequence[MaskSource],
    item: SetConfig,
    name: str,
    pictures: Path,
    quiet: bool,
) -> list[dict[str, Any]]:
    """
    Return what one set says of each model.

    :param name: of the files about this set.
    :param pictures: folder for what a report shows.
    """
    folders = open_for_all(item, config.data_root, models)
    bands = Bands.of(folders[0])
    counts = measure_all(models, folders, bands, quiet)
    results = set_results(folders, counts, bands, config.bootstrap)
    by_picture = [count.sum(axis=1) for count in counts]
    if config.sweep:
        for model, folder, result in zip(models, folders, results, strict=True):
            if found := sweep(model, folder, quiet):
                result['sweep'] = found.as_dict(model.output.lane_threshold)
    if config.write_soft_labels:
        write_soft_labels(models[0], folders[0], config.write_soft_labels, quiet)
    if config.overlays:
        output = config.overlays / name
        with writing('--overlays', output):
            write_overlays(models[0], folders[0], by_picture[0], output, config.worst)
            write_sheet(models, folders, by_picture, output / 'sheet.jpg', config.worst)
    if config.report:
        write_sheet(models, folders, by_picture, pictures / f'worst_{name}.jpg', config.worst)
    return results


def show(result: dict[str, Any], console: Console) -> None:
    """Print a result for people."""
    for place, model in enumerate([result, *result['compared']]):
        console.print(f'{letter(place)}: {model["model"]}', highlight=False)
        for row in model['sets']:
            for note in row['notes']:
                console.print(f'   {row["path"]}: {note}', style='yellow', highlight=False)
    for grid in grids_of(result):
        console.print(f'\n{grid.title}', highlight=False)
        console.print(grid.table())
    console.print(how_to_read(result), style='dim', highlight=False)
