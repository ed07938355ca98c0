"""A progress bar for people: rich's, on stderr, and only where somebody watches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import sys


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[], None]]:
    """
    Show a bar while the block runs; give the function that moves it on by one.

    Silent when stderr is not a terminal or rich is not installed.

    :param what: what is being done, such as ``segmenting``.
    :param total: how many steps, where known.
    """
    if not sys.stderr.isatty():
        yield lambda: None
        return
    try:
        from rich import progress as bars
        from rich.console import Console
    except ImportError:
        yield lambda: None
        return
    columns = (
        bars.TextColumn('{task.description}'),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
