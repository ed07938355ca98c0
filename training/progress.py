"""Progress bars of the verbs: over a sequence, or over a count that somebody else keeps."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
import sys
import time
from typing import TypeVar

from seg_node.progress import progress

T = TypeVar('T')


def track(items: Sequence[T], description: str, quiet: bool) -> Iterator[T]:
    """Yield the items; unless ``quiet``, a terminal sees how many are done."""
    if quiet:
        yield from items
        return
    with progress(description, len(items)) as advance:
        for item in items:
            yield item
            advance()


@contextmanager
def counting(
    description: str, total: int | None, quiet: bool
) -> Iterator[Callable[[int, str], None]]:
    """
    Show a count with its rate, the time left and some words, while the block runs.

    :param total: what the count goes up to, where that is known.
    :param quiet: show nothing. Where stderr is no terminal, a line a minute stands for the bar.
    :return: takes the count so far and the words; threads may call it.
    """
    if quiet:
        yield lambda done, words: None
        return
    if not sys.stderr.isatty():
        yield LineEachMinute(description, total)
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn('{task.description}'),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn('{task.fields[rate]}'),
        bars.TimeRemainingColumn(),
        bars.TextColumn('{task.fields[words]}'),
    )
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total, words='', rate='')

        def show(done: int, words: str) -> None:
            speed = bar.tasks[0].speed
            rate = f'{speed:.1f}/s' if speed else ''
            bar.update(task, completed=done, words=words, rate=rate)

        yield show


class LineEachMinute:
    """Progress for log files."""

    def __init__(self, description: str, total: int | None, period_s: float = 60.0) -> None:
        self._description, self._total, self._period_s = description, total, period_s
        self._start_s = self._told_s = time.monotonic()
        self._first: int | None = None

    def __call__(self, done: int, words: str) -> None:
        """Print a line when the last one is old enough."""
        now_s = time.monotonic()
        if self._first is None:
            self._first = done
        if now_s - self._told_s < self._period_s:
            return
        self._told_s = now_s
        rate = (done - self._first) / (now_s - self._start_s)
        parts = [f'{self._description}: {done}', f'{rate:.1f}/s', words]
        if self._total:
            parts[0] += f' of {self._total}'
            parts.append(f'{(self._total - done) / rate / 60:.0f} minutes left' if rate else '')
        print(', '.join(filter(None, parts)), file=sys.stderr, flush=True)
