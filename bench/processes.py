"""The processes of a measurement: node, yardstick and camera, each by itself, with its log."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
import os
from pathlib import Path
import select
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from bench import ROOT
from bench.errors import BenchError
from seg_node.dds_profile import profile_environment

START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 20.0
#: Runs a module on some cores alone: set before it makes a thread, as threads inherit them.
_ON_CORES = """
import os, runpy, sys
os.sched_setaffinity(0, map(int, sys.argv.pop(1).split(',')))
runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)
"""


def dds_environment() -> dict[str, str]:
    """Return what makes DDS carry large images and stay on this machine."""
    return {**profile_environment(), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}


@contextmanager
def fresh_cache() -> Iterator[None]:
    """Let engine `auto` measure now, instead of remembering a choice of a busy hour."""
    variable = 'XDG_CACHE_HOME'
    before = os.environ.get(variable)
    with tempfile.TemporaryDirectory() as cache:
        os.environ[variable] = cache
        try:
            yield
        finally:
            del os.environ[variable]
            if before is not None:
                os.environ[variable] = before


@contextmanager
def keeping_off(core: int) -> Iterator[None]:
    """Keep this thread and what it starts off a core, where there is another."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before - {core} or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Process:
    """A Python module that runs beside the measurement; stopped when the block ends."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        domain_id: int,
        log: Path,
        cores: Collection[int] = (),
    ) -> None:
        """
        Start it.

        :param log: gets what it prints on stderr, and on stdout unless :meth:`read_line` reads it.
        :param cores: numbers of the only cores it may use; empty for those of this process.
        """
        self._name, self.log = module, log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open('w') as file:
            self._process = subprocess.Popen(
                [sys.executable, *_program(module, cores), *arguments],
                env={**os.environ, **dds_environment(), **_own_environment(domain_id)},
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )

    def __enter__(self) -> 'Process':
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_for_log(self, text: str) -> None:
        """
        Wait until its log has a text.

        :raises BenchError: when it ends before, or takes too long.
        """
        end_s = time.monotonic() + START_TIMEOUT_S
        while text not in self.log.read_text():
            self.check_alive()
            if time.monotonic() > end_s:
                raise BenchError(f'{self._name} does not start, its log is {self.log}')
            time.sleep(0.05)

    def has_output(self, timeout_s: float) -> bool:
        """Wait for something to read; True at the end of its output too."""
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], timeout_s)[0])

    def read_line(self) -> str:
        """
        Return the next line it prints, waiting for it.

        :raises BenchError: when it ends without one.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait(_STOP_TIMEOUT_S)
            self.check_alive()
        return line

    def check_alive(self) -> None:
        """
        Notice when it is gone.

        :raises BenchError: with the last line of its log.
        """
        if self._process.poll() is not None:
            lines = self.log.read_text().strip().splitlines() or ['no output']
            raise BenchError(f'{self._name} ended before its time: {lines[-1]} (see {self.log})')

    def stop(self) -> None:
        """Close its input, ask it to end, wait."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def cpu_s(self) -> float:
        """Return the processor time it used so far."""
        after_name = Path(f'/proc/{self.pid}/stat').read_text().rpartition(')')[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf('SC_CLK_TCK')

    def memory_mb(self) -> float:
        """Return its resident memory (VmRSS), in MB of 10**6 bytes."""
        for line in Path(f'/proc/{self.pid}/status').read_text().splitlines():
            if line.startswith('VmRSS:'):
                return int(line.split()[1]) * 1024 / 1e6
        raise BenchError(f'{self._name} is gone: see {self.log}')


def _program(module: str, cores: Collection[int]) -> list[str]:
    """Return what Python is to run."""
    if not cores:
        return ['-m', module]
    return ['-c', _ON_CORES, ','.join(map(str, sorted(cores))), module]


def _own_environment(domain_id: int) -> dict[str, str]:
    return {'ROS_DOMAIN_ID': str(domain_id), 'PYTHONUNBUFFERED': '1'}
