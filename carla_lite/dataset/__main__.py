"""
Draw a pairs folder of rendered roads: pictures, masks and where each is from.

Every sample follows from the settings and its number alone, so a run that was stopped goes on
where it was, and a longer one keeps what a shorter one drew. Ingredients can be left out, one or
several, to learn what each is worth.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
import os
from pathlib import Path
import signal
import sys
import time

from carla_lite.dataset.folder import PairsFolder
from carla_lite.dataset.sample import TownSamples
from carla_lite.dataset.settings import read_settings, Settings
from carla_lite.errors import CarlaLiteError
import cv2


def draw_town(settings: Settings, number: int, samples: int, out: Path) -> list[str]:
    """
    Draw the samples of one town that are not there yet.

    :return: the lines of ``samples.jsonl``, also of those that were there.
    """
    folder = PairsFolder(out)
    lines = folder.lines_of(number)
    if len(lines) < samples:
        town = TownSamples(settings, number)
        for index in range(len(lines), samples):
            lines.append(folder.add(number, index, town.sample(index), settings.jpeg_quality))
        folder.close_town(number, lines)
    return lines[:samples]


def draw_all(settings: Settings, frames: int, out: Path, workers: int) -> None:
    """
    Draw a whole data set; what is there already is kept.

    :raises CarlaLiteError: when the folder was begun with other settings.
    """
    folder = PairsFolder(out)
    folder.claim(settings)
    each = settings.frames_per_town
    counts = [min(each, frames - start) for start in range(0, frames, each)]
    # Not forked: a copy of a process with threads (OpenCV's among them) may wait for ever.
    fresh = get_context('spawn')
    with ProcessPoolExecutor(workers, fresh, _begin_worker) as pool:
        jobs = [
            pool.submit(draw_town, settings, number, count, out)
            for number, count in enumerate(counts)
        ]
        try:
            folder.close(_gathered(jobs, frames))
        except BaseException:  # Ctrl-C among them: do not draw the rest first
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _gathered(jobs: Sequence[Future[list[str]]], frames: int) -> list[str]:
    begin_s = time.monotonic()
    lines: list[str] = []
    for done, job in enumerate(jobs, 1):
        lines += job.result()
        if done % 10 == 0 or done == len(jobs):
            rate = len(lines) / (time.monotonic() - begin_s)
            left_s = (frames - len(lines)) / rate
            print(
                f'{len(lines)} of {frames} pairs, {rate:.1f} a second, {left_s:.0f} s left',
                file=sys.stderr,
            )
    return lines


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    cv2.setNumThreads(1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.frames < 1 or options.workers < 1:
            raise CarlaLiteError('--frames and --workers are numbers of 1 or more')
        settings = read_settings(options.settings) if options.settings else Settings()
        if options.seed is not None:
            settings = replace(settings, seed=options.seed)
        for name in options.without:
            settings = settings.without(name)
        draw_all(settings, options.frames, options.out, options.workers)
    except (CarlaLiteError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('interrupted; the same command goes on from here', file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python -m carla_lite.dataset', description=__doc__)
    parser.add_argument(
        '--settings', type=Path, metavar='JSON', help='as carla_lite/dataset/settings.py states'
    )
    parser.add_argument('--frames', type=int, default=1000, help='how many pairs')
    parser.add_argument('--out', type=Path, default=Path('out/rendered'), metavar='DIR')
    parser.add_argument('--seed', type=int, help="another than the settings'")
    parser.add_argument(
        '--without', action='append', default=[], metavar='INGREDIENT',
        help='leave one out: shadows, grain, lens, looks, town:LiteTrack ...; may be repeated',
    )  # fmt: skip
    parser.add_argument('--workers', type=int, default=os.cpu_count() or 1, metavar='N')
    return parser


if __name__ == '__main__':
    sys.exit(main())
