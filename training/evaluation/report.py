"""A folder to show around: figures as JSON and Markdown, curves, the worst pictures."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
import json
from pathlib import Path
import shutil
import tempfile
from typing import Any

from seg_node.atomic_files import write_text
from training.errors import ConfigError
from training.evaluation.figures import draw_comparison, draw_sweep, letter, title_of
from training.evaluation.tables import by_set, grids_of

REPORT = 'report.json'


def write_report(
    folder: Path,
    result: Mapping[str, Any],
    settings: Mapping[str, Any],
    sheets: Mapping[str, Path],
) -> None:
    """
    Write the files of a report; ``report.json`` comes last, so that with it all are there.

    :param folder: as :func:`prepare` left it; files of another name stay.
    :param settings: of the evaluation, to do it again.
    :param sheets: pictures by the name that they get in the folder.
    :raises ConfigError: when the folder cannot be written.
    """
    with writing('--report', folder), _staging(folder) as staged:
        pictures = _draw(staged, result)
        for name, path in sheets.items():
            shutil.copyfile(path, staged / name)
            pictures[name] = 'worst frames of A, from the worst on'
        write_text(staged / 'report.md', markdown(result, pictures))
        content = {**result, 'settings': settings}
        write_text(staged / REPORT, json.dumps(content, indent=2) + '\n')
        for path in sorted(staged.iterdir(), key=lambda path: path.name == REPORT):
            path.replace(folder / path.name)


def prepare(folder: Path, flag: str = '--report') -> None:
    """
    Make a folder, before hours are spent on what it is to hold.

    :param flag: that named it, for the message.
    :raises ConfigError: when it cannot be written.
    """
    with writing(flag, folder):
        folder.mkdir(parents=True, exist_ok=True)
        with _staging(folder):
            pass


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=folder, prefix='.report-') as temporary:
        yield Path(temporary)


@contextmanager
def writing(flag: str, folder: Path) -> Iterator[None]:
    """
    Say in one line what the file system refuses.

    :param flag: that named the folder.
    :raises ConfigError: naming both, and the remedy.
    """
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f'{flag} {folder} cannot be written ({error}): make room, or name another folder'
        ) from error


def markdown(result: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    """
    Return the report as text.

    :param pictures: what each shows, by file name.
    """
    return '\n\n'.join(_paragraphs(result, pictures)) + '\n'


def _paragraphs(result: Mapping[str, Any], pictures: Mapping[str, str]) -> Iterator[str]:
    yield '# Evaluation'
    models = [result, *result['compared']]
    yield '\n'.join(f'- {letter(i)}: {model["model"]}' for i, model in enumerate(models))
    yield how_to_read(result)
    for models_of_set in by_set(result):
        for place, row in enumerate(models_of_set):
            for note in row['notes']:
                yield f'{title_of(row)}, {letter(place)}: {note}.'
    for grid in grids_of(result):
        yield grid.markdown()
    for name, words in pictures.items():
        yield f'![{words}]({name})'


def how_to_read(result: Mapping[str, Any]) -> str:
    """Say in one paragraph how the figures came about."""
    found = result['bootstrap']
    text = (
        'Counts are pooled over a set. lane_f1_3px forgives 3 pixels at a width of 512, boundary '
        'F1 0.75 % of the diagonal (Csurka et al. 2013).'
    )
    if found['resamples']:
        text += (
            f' In brackets: {found["level"]:.0%} intervals of {found["resamples"]} resamples by '
            f'blocks of {found["block"]} pictures in a row (fewer where a set has less than three '
            f'blocks), seed {found["seed"]}.'
        )
        if result['compared']:
            text += ' Differences are paired; * marks those whose interval leaves out 0.'
    return text


def _draw(folder: Path, result: Mapping[str, Any]) -> dict[str, str]:
    """Draw all curves; return what they show by file name."""
    rows = by_set(result)
    draw_comparison(rows, folder / 'metrics.png')
    pictures = {'metrics.png': 'metrics with their intervals'}
    for position, models in enumerate(rows):
        if 'sweep' in models[0]:
            name = f'thresholds_{position}.png'
            swept = [model for model in models if 'sweep' in model]
            draw_sweep(swept, folder / name)
            pictures[name] = f'thresholds on {title_of(models[0])}'
    return pictures
