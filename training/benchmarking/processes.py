"""Start, ask and end the processes of the cases."""

from collections.abc import Iterator
from contextlib import contextmanager
import multiprocessing
from multiprocessing import resource_tracker
from pathlib import Path
import signal
import time
from typing import Any

from training.benchmarking.case import Case
from training.benchmarking.errors import BenchmarkError
from training.benchmarking.worker import serve

#: How long a process may take to end by itself.
_END_S = 5.0


class CaseProcess:
    """One case, loaded in a process of its own."""

    def __init__(self, case: Case, cache: Path) -> None:
        """
        Start and wait until it is ready.

        :param cache: folder for compiled models: empty for a first start.
        :raises BenchmarkError: when it cannot be loaded, in the words of what failed.
        """
        self.case = case
        # spawned: nothing that this process has imported or allocated is in it
        context = multiprocessing.get_context('spawn')
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, case, cache), daemon=True)
        start_s = time.perf_counter()
        resource_tracker.ensure_running()  # it unblocks signals, so before they are blocked
        # Ctrl-C is for us, amid its imports too; what is blocked here stays so there
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        try:
            self.facts: dict[str, Any] = self._answer()
        except BaseException:
            self.close()
            raise
        #: Wall time from the start of the process until the model had its first answers.
        self.start_s = time.perf_counter() - start_s

    def ask(self, name: str, *arguments: Any) -> Any:
        """
        Call a method of the worker.

        :raises BenchmarkError: when it fails, or the process is gone.
        """
        try:
            self._connection.send((name, *arguments))
        except OSError as error:
            raise self._gone() from error
        return self._answer()

    def close(self) -> None:
        """End the process; a second call does nothing."""
        self._connection.close()
        self._process.join(_END_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _answer(self) -> Any:
        try:
            kind, value = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._gone() from error
        if kind == 'error':
            raise BenchmarkError(value)
        return value

    def _gone(self) -> BenchmarkError:
        self._process.join(_END_S)
        return BenchmarkError(
            f'the process of {self.case.name} ended by itself (status {self._process.exitcode}): '
            'measure it alone, or with more memory free'
        )


@contextmanager
def all_closed(processes: list[CaseProcess]) -> Iterator[None]:
    """End all processes of a list after the block, those added in it too."""
    try:
        yield
    finally:
        for process in processes:
            process.close()
