"""Make a pairs folder: ``python -m training collect training/configs/collect.yaml``."""

import sys
import time
from typing import Any

from rich.console import Console
from rich.table import Table
from seg_node.errors import SegNodeError
from training.collection.config import CollectConfig
from training.collection.contact_sheet import CONTACT_SHEET, write_contact_sheet
from training.collection.dataset import write_statement
from training.collection.errors import CollectError, SpoiltError
from training.collection.recorder import DriveEnd, Progress, Recorder
from training.collection.sample_folder import SampleFolder, told_plainly
from training.collection.sources import open_source
from training.collection.statistics import summarise
from training.progress import counting


def collect(config: CollectConfig, quiet: bool = False) -> dict[str, Any]:
    """
    Collect what a configuration asks for, or what is left of it.

    :param quiet: no progress bar.
    :return: what was collected, what was left out and why, how fast.
    :raises SegNodeError: with the samples so far intact; the same call goes on.
    """
    config.check()
    with SampleFolder(config.output, config.what()) as folder:
        before = folder.ledger
        try:
            seconds = 0.0 if before.done else _record(config, folder, quiet)
        except SpoiltError:
            raise
        except SegNodeError as error:
            raise CollectError(_with_what_is_safe(str(error), folder)) from error
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt(_with_what_is_safe('interrupted', folder)) from interrupt
        except SystemExit:  # SIGTERM, while there is a car to be put away
            print(_with_what_is_safe('terminated', folder), file=sys.stderr)
            raise
        new = folder.ledger.samples - before.samples
        return {
            'output': str(config.output),
            'new_samples': new,
            'seconds': round(seconds, 2),
            'pairs_per_s': round(new / seconds, 2) if seconds else None,
            'resumed': before.samples > 0,
            'removed_files': folder.removed,
            'skipped': folder.ledger.skipped,
            **summarise(folder.lines()),
            'contact_sheet': str(config.output / CONTACT_SHEET) if config.contact_sheet else None,
        }


def show(result: dict[str, Any], console: Console) -> None:
    """Print a result for people."""
    table = Table('', 'samples', 'share', title=f'{result["output"]}: {result["samples"]} samples')
    for group in ('split', 'town', 'weather', 'time', 'camera'):
        for name, count in result[group].items():
            table.add_row(f'{group} {name}', str(count), f'{count / result["samples"]:.1%}')
    for name, found in result['classes'].items():
        table.add_row(f'pixels {name}', '', f'{found["share"]:.2%}')
    for reason, count in result['skipped'].items():
        table.add_row(f'left out: {reason}', str(count), '')
    console.print(table)
    if result['new_samples']:
        console.print(f'{result["new_samples"]} new, {result["pairs_per_s"]} pairs/s')
    else:
        console.print('complete already: nothing was left to do')
    if result['contact_sheet']:
        console.print(f'look at {result["contact_sheet"]}')


def _record(config: CollectConfig, folder: SampleFolder, quiet: bool) -> float:
    """Drive what is left of the schedule; return the seconds it took, from the first drive on."""
    with open_source(config) as (source, schedule):
        write_statement(folder, config, source.origin())
        start, start_s = folder.ledger, time.monotonic()
        with counting('collecting', len(schedule) * config.frames or None, quiet) as bar:

            def advance(progress: Progress) -> None:
                bar(progress.drive * config.frames + progress.step, _in_words(progress))

            with Recorder(folder, config, advance) as recorder:
                for drive in schedule[start.drive :]:
                    first_step = start.step if drive.number == start.drive else 0
                    for item in source.drive(drive, first_step):
                        recorder.put(item)
                    recorder.put(DriveEnd(drive.number))
        seconds = time.monotonic() - start_s
        _finish(config, folder, source.origin())
        return seconds


def _finish(config: CollectConfig, folder: SampleFolder, origin: dict[str, Any]) -> None:
    lines = list(folder.lines())
    if not lines:
        raise CollectError(
            f'not one sample was kept (left out: {_counts(folder.ledger.skipped)}): look at '
            '--keep, the cameras and the towns'
        )
    with told_plainly(folder.path):
        write_statement(folder, config, origin, summarise(lines))
        if config.contact_sheet:
            write_contact_sheet(folder.path, lines, config.contact_sheet)
        folder.finish()


def _with_what_is_safe(told: str, folder: SampleFolder) -> str:
    if not folder.ledger.samples:
        return told
    return (
        f'{told}; {folder.ledger.samples} samples in {folder.path} are whole, and the same '
        'command goes on'
    )


def _in_words(progress: Progress) -> str:
    left_out = f', left out: {_counts(progress.skipped)}' if progress.skipped else ''
    return f'{progress.samples} samples{left_out}'


def _counts(skipped: dict[str, int]) -> str:
    return ', '.join(f'{count} {reason}' for reason, count in skipped.items()) or 'none'
