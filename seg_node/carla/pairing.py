"""Bring together what several sensors deliver for one tick; nothing here knows CARLA."""

from collections.abc import Iterable
import threading
import time
from typing import Any

#: Signals and stops are noticed so soon.
_LOOK_UP_S = 0.1


class IncompleteError(Exception):
    """Not every stream delivered in time; the text names those that did not."""


class Pairing:
    """
    Collects deliveries of several streams by frame number.

    Sensors deliver on threads of their own, in any order, and may skip frames.
    """

    def __init__(self, streams: Iterable[str], stop: threading.Event | None = None) -> None:
        """
        Wait for these streams.

        :param streams: their names.
        :param stop: ends all waiting when it is set.
        """
        self._streams = frozenset(streams)
        self._stop = stop or threading.Event()
        self._arrived = threading.Condition()
        self._waiting: dict[int, dict[str, Any]] = {}
        self._settled = -1  # frames up to here were taken or given up
        self.late = 0

    def put(self, stream: str, frame_number: int, delivery: Any) -> None:
        """Add a delivery; it is counted as late when its frame has been given up already."""
        with self._arrived:
            if frame_number <= self._settled:
                self.late += 1
                return
            self._waiting.setdefault(frame_number, {})[stream] = delivery
            self._arrived.notify_all()

    def take(self, frame_number: int, timeout_s: float) -> dict[str, Any]:
        """
        Return the deliveries of all streams for a frame; older frames are given up.

        :raises IncompleteError: when some stream has not delivered it in time.
        """
        end_s = time.monotonic() + timeout_s
        with self._arrived:
            while self._missing(frame_number) and not self._stop.is_set():
                left_s = end_s - time.monotonic()
                if left_s <= 0:
                    break
                self._arrived.wait(min(_LOOK_UP_S, left_s))
            missing = self._missing(frame_number)
            deliveries = self._waiting.get(frame_number, {})
            self._settle(frame_number)
        if missing:
            raise IncompleteError(f'no {", ".join(sorted(missing))}')
        return deliveries

    def _missing(self, frame_number: int) -> frozenset[str]:
        return self._streams - self._waiting.get(frame_number, {}).keys()

    def _settle(self, frame_number: int) -> None:
        self._settled = max(self._settled, frame_number)
        for number in [number for number in self._waiting if number <= self._settled]:
            del self._waiting[number]
