"""What the demo shows while it runs: one live line, and the video that grows."""

from collections.abc import Callable
import sys
import time

_QUIET_S = 3.0


class LiveLine:
    """One line that changes on a terminal; elsewhere a line every few seconds."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._printed_s = 0.0

    def line(self, text: str) -> None:
        """Show a text in place of the one before."""
        if self._terminal:
            print(f'\r{text:<78}', end='', file=sys.stderr, flush=True)
        elif time.monotonic() - self._printed_s > _QUIET_S:
            self._printed_s = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the last line where it is."""
        if self._terminal:
            print(file=sys.stderr)


def watch(going_on: Callable[[], bool], step: Callable[[], None], text: Callable[[], str]) -> None:
    """
    Take step after step until nothing goes on any more, with a live line.

    :param going_on: asked before each step; may raise.
    :param step: done about 20 times a second, and once more at the end.
    :param text: of the live line.
    """
    show = LiveLine()
    try:
        while going_on():
            step()
            show.line(text())
            time.sleep(0.05)
        step()
    finally:
        show.end()
