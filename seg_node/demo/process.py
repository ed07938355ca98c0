"""The processes that the demo starts: they end with it, and say in one line what went wrong."""

from collections.abc import Callable, Iterator, Sequence
import contextlib
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from seg_node.child_process import end_with_parent
from seg_node.errors import SegNodeError

_PERIOD_S = 0.05
_STOP_TIMEOUT_S = 5.0  # a camera without its simulator would wait for it for longer


class DemoError(SegNodeError):
    """The demo cannot run, or one of its processes failed."""


class Child:
    """A Python module that runs as a process of its own; made by :func:`running`."""

    def __init__(self, name: str, process: subprocess.Popen, log: Path) -> None:
        self.name = name
        self._process = process
        self._log = log

    def log_text(self) -> str:
        """Return all that it has printed."""
        return self._log.read_text(errors='replace')

    def finished(self) -> bool:
        """
        Return whether it has ended as it should.

        :raises DemoError: when it has failed.
        """
        if self._process.poll():
            raise DemoError(f'the {self.name} failed: {self._last_words()}')
        return self._process.poll() is not None

    def check_alive(self) -> None:
        """
        Return if it still runs.

        :raises DemoError: when it has ended, in whatever way.
        """
        if self._process.poll() is not None:
            raise DemoError(f'the {self.name} ended: {self._last_words()}')

    def wait_until(self, ready: Callable[[], bool], what: str, timeout_s: float) -> None:
        """
        Wait for something that this process brings about.

        :param what: it has not done, for the error: ``did not become active``.
        :raises DemoError: when it ends before, or the time is over.
        """
        end_s = time.monotonic() + timeout_s
        while not ready():
            if self._process.poll() is not None or time.monotonic() > end_s:
                raise DemoError(f'the {self.name} {what}: {self._last_words()}')
            time.sleep(_PERIOD_S)

    def stop(self) -> None:
        """Ask it to end, then make it."""
        try:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGINT)
            self._process.wait(_STOP_TIMEOUT_S)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            self._process.kill()
            self._process.wait()

    def _last_words(self) -> str:
        """Return the last line of its log, and what killed it."""
        lines = self.log_text().strip().splitlines() or ['it wrote no log']
        words = lines[-1].removeprefix('error: ')
        status = self._process.poll() or 0
        if status < 0:
            return f'killed by {signal.Signals(-status).name}; {self._log} ends with: {words}'
        return words


@contextlib.contextmanager
def running(name: str, command: Sequence[str], log: Path) -> Iterator[Child]:
    """
    Run a module as a process, which ends with the block or with this process.

    :param name: for errors.
    :param command: module and its arguments.
    :param log: gets what it prints.
    """
    with log.open('w') as file:
        process = subprocess.Popen(
            [sys.executable, '-m', *command],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=os.environ | {'PYTHONUNBUFFERED': '1'},
            start_new_session=True,  # Ctrl-C is for us: the camera is to end before its simulator
            preexec_fn=end_with_parent(),
        )
    child = Child(name, process, log)
    try:
        yield child
    finally:
        child.stop()
