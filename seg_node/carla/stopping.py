"""Signals around work that must be undone: SIGTERM unwinds it, nothing interrupts the undoing."""

from collections.abc import Iterator
from contextlib import contextmanager
import signal
import threading
from typing import Any

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


def _terminate(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


@contextmanager
def unwinding_on_sigterm() -> Iterator[None]:
    """
    Let SIGTERM raise SystemExit inside the block, so that ``finally`` parts run.

    A handler that is there already stays, and outside the main thread nothing changes.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Put SIGINT and SIGTERM off until the block is done; outside the main thread do nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {
        number: signal.signal(number, lambda caught, _: came.append(caught)) for number in _NUMBERS
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            # None: a handler that was not set from Python, which cannot be set again
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for caught in came:
            signal.raise_signal(caught)
