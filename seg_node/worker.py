"""
The one-slot mailbox between the camera and the network: the newest frame always wins.

A queue would make masks later and later as soon as the network is slower than the camera; here a
frame that waits is replaced by the next one, and counted.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
import logging
import threading
import time
from typing import Generic, TypeVar

from seg_node.errors import SegNodeError

_log = logging.getLogger(__name__)

Item = TypeVar('Item')

#: Different reasons of rejection that are counted by themselves.
MAX_REASONS = 20


class Outcome(Enum):
    """What became of a frame that was taken from the mailbox."""

    PROCESSED = 'processed'
    STALE = 'stale'


@dataclass(frozen=True)
class FrameCounts:
    """Where all frames went since the start, at one moment."""

    processed: int = 0  # a result was published
    dropped: int = 0  # replaced by a newer frame before their turn
    stale: int = 0  # refused: older than max_age_s
    rejected: int = 0  # cannot be decoded, or the network failed on them
    in_hand: int = 0  # waiting, or being worked on

    @property
    def received(self) -> int:
        """Frames whose fate is known; those in hand are not counted yet."""
        return self.processed + self.dropped + self.stale + self.rejected


class FrameWorker(Generic[Item]):
    """A mailbox for one frame and the thread that works on what is in it."""

    def __init__(self, work: Callable[[Item, float], Outcome]) -> None:
        """
        Make a worker that stands still.

        :param work: called on the worker's thread with the item and how long it waited (ms).
            ``SegNodeError`` rejects the frame with its text as the reason; any other exception
            rejects it too and is logged with its traceback. Neither ends the thread.
        """
        self._work = work
        self._waiting: tuple[Item, float] | None = None
        self._busy = False
        self._outcomes: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._one_holder = threading.Lock()
        self._held = False
        self._thread: threading.Thread | None = None
        self._stopping = False

    def put(self, item: Item) -> None:
        """
        Hand over the newest frame; one that still waits is dropped. Never blocks for long.

        Before the first start the frame waits; once stopped it is dropped at once, since it would
        be old at the next start.
        """
        with self._changed:
            self._drop_waiting()
            self._waiting = (item, time.monotonic())
            if self._stopping:
                self._drop_waiting()
            self._changed.notify_all()

    def start(self) -> None:
        """Start working; does nothing while it runs."""
        with self._changed:
            self._stopping = False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name='segmentation', daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """
        Finish the frame in work, drop the one that waits, end the thread.

        Called by the work itself it cannot wait: the thread ends after that frame.
        """
        with self._changed:
            thread = self._thread
            if thread is None:
                return
            self._stopping = True
            self._drop_waiting()
            self._changed.notify_all()
        if thread is not threading.current_thread():
            thread.join()

    @contextmanager
    def between_frames(self) -> Iterator[None]:
        """
        Hold the worker between two frames, for changes that must not happen amid one.

        It waits for the frame in work and for no other: a plain lock would be taken again by the
        busy worker before anyone who waits for it wakes up.
        """
        with self._one_holder:
            with self._changed:
                self._held = True
                self._changed.wait_for(lambda: not self._busy)
            try:
                yield
            finally:
                with self._changed:
                    self._held = False
                    self._changed.notify_all()

    def counts(self) -> FrameCounts:
        """Return the counters, all of one moment."""
        with self._changed:
            in_hand = int(self._waiting is not None) + int(self._busy)
            return FrameCounts(in_hand=in_hand, **self._outcomes)

    def rejections(self) -> dict[str, int]:
        """Return why frames were rejected, and how many for each reason."""
        with self._changed:
            return dict(self._reasons)

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            item, put_s = taken
            reason = ''
            try:
                outcome = self._work(item, (time.monotonic() - put_s) * 1e3).value
            except SegNodeError as error:
                outcome, reason = 'rejected', getattr(error, 'reason', str(error))
            except Exception as error:  # a bad frame must never end the thread
                _log.exception('frame rejected')
                outcome, reason = 'rejected', f'{type(error).__name__}: {error}'
            # It may be the last to hold a picture of many megabytes while the next is waited for.
            del item, taken
            with self._changed:
                self._busy = False
                self._outcomes[outcome] += 1
                if reason:
                    self._count_reason(' '.join(reason.split()))
                self._changed.notify_all()

    def _take(self) -> tuple[Item, float] | None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopping or (self._waiting is not None and not self._held)
            )
            if self._stopping:
                self._thread = None
                return None
            taken, self._waiting = self._waiting, None
            self._busy = True
            return taken

    def _drop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting = None
            self._outcomes['dropped'] += 1

    def _count_reason(self, reason: str) -> None:
        """Count a reason; those that name sizes or stamps never end, and would fill the memory."""
        if reason not in self._reasons and len(self._reasons) >= MAX_REASONS:
            reason = 'other reasons'
        self._reasons[reason] += 1
