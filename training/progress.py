"""A progress bar over a sequence, for the verbs that work through data sets."""

from collections.abc import Iterator, Sequence
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
