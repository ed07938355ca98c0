"""Progress bars of the verbs: over a sequence, or over a count that somebody else keeps."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
import sys
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
    :param quiet: show nothing; so it is too where stderr is no terminal.
    :return: takes the count so far and the words; threads may call it.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda done, words: None
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
