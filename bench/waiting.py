"""Progress of a measurement that is told now and then how far it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from seg_node.progress import progress


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give a function that moves a progress bar to a count."""
    with progress(what, total) as advance:
        shown = 0

        def move_to(count: int) -> None:
            nonlocal shown
            for _ in range(shown, count):
                advance()
            shown = max(shown, count)

        yield move_to
