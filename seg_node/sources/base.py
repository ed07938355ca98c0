"""What every source of frames is."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from seg_node.errors import SegNodeError
from seg_node.frame import Frame

SourceKind = Literal['image', 'folder', 'video', 'bag']


class SourceError(SegNodeError):
    """An input that is missing, of no known kind, or has no pictures."""


class SourceFrame(NamedTuple):
    """One picture of a source."""

    name: str  # different for each frame of a source; fit to name a file, without suffix
    frame: Frame


class Source(ABC):
    """
    Frames from a file, in order.

    Iterate as often as you like: each time starts at the first frame. A frame that cannot be read
    is left out and put on ``faults``; only a source that cannot be opened raises.
    """

    kind: SourceKind

    def __init__(self, path: Path) -> None:
        self.path = path
        self.length: int | None = None  # frames, where known before reading
        self.rate_hz: float | None = None  # as recorded; None for pictures without a clock
        self.faults: list[str] = []  # of the latest iteration, 'NAME: reason'

    @abstractmethod
    def _read(self) -> Iterator[SourceFrame]:
        """Yield the frames from the first one on, appending to ``faults``."""

    def __iter__(self) -> Iterator[SourceFrame]:
        self.faults.clear()
        return self._read()

    def close(self) -> None:  # noqa: B027 (most sources hold nothing open)
        """Free what the source holds open."""

    def __enter__(self) -> 'Source':
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
