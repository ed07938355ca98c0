"""Drawing a whole data set, town by town, in several processes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
import signal
import sys
import threading
import time

from carla_lite.dataset.checks import check_settings
from carla_lite.dataset.folder import PairsFolder
from carla_lite.dataset.sample import TownSamples
from carla_lite.dataset.settings import Settings
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

    :param workers: processes; no more are started than there are towns.
    :raises CarlaLiteError: for settings that cannot be drawn, and when the folder was begun with
        others.
    """
    check_settings(settings)
    folder = PairsFolder(out)
    folder.claim(settings)
    each = settings.frames_per_town
    counts = [min(each, frames - start) for start in range(0, frames, each)]
    towns = [(settings, number, count, out) for number, count in enumerate(counts)]
    # Not forked: a copy of a process with threads (OpenCV's among them) may wait for ever.
    with _deaf_to_interrupts():  # what is started here inherits it: the parent decides
        pool = get_context('spawn').Pool(min(workers, len(towns)), cv2.setNumThreads, (1,))
    with pool:  # terminated at its end, however that comes
        folder.close(_gathered(pool.imap(_draw_town, towns), len(towns), frames))


def _draw_town(town: tuple[Settings, int, int, Path]) -> list[str]:
    return draw_town(*town)


def _gathered(drawn: Iterable[list[str]], towns: int, frames: int) -> list[str]:
    begin_s = time.monotonic()
    lines: list[str] = []
    for done, town in enumerate(drawn, 1):
        lines += town
        if done % 10 == 0 or done == towns:
            rate = len(lines) / (time.monotonic() - begin_s)
            left_s = (frames - len(lines)) / rate
            print(
                f'{len(lines)} of {frames} pairs, {rate:.1f} a second, {left_s:.0f} s left',
                file=sys.stderr,
            )
    return lines


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say so
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
