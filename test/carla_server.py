"""The simulator as a process of its own, for tests."""

from collections.abc import Iterator
import contextlib
from pathlib import Path
import selectors
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
START_TIMEOUT_S = 60.0
CALL_TIMEOUT_S = 20.0


class CarlaServer:
    """
    ``python -m carla_lite --port 0`` with further options; its log is in ``log_text()``.

    The official client must not share the server's process: it keeps Python's lock while it waits.
    """

    def __init__(self, log: Path, *options: str) -> None:
        self.log = log
        command = [sys.executable, '-m', 'carla_lite', '--port', '0', *options]
        with log.open('w') as file:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=file, text=True
            )
        self.host, self.port = '127.0.0.1', self._wait_for_port()

    def client(self, timeout_s: float = CALL_TIMEOUT_S) -> Any:
        """Return an official client, or skip the test where it is not installed."""
        carla = pytest.importorskip('carla', reason='the carla client is not installed')
        client = carla.Client(self.host, self.port)
        client.set_timeout(timeout_s)
        return client

    def log_text(self) -> str:
        return self.log.read_text()

    def stop(self) -> int:
        """End it as a user would; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            if self.process.stdout:
                self.process.stdout.close()

    def _wait_for_port(self) -> int:
        stdout = self.process.stdout
        assert stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            end_s = time.monotonic() + START_TIMEOUT_S
            while time.monotonic() < end_s and selector.select(end_s - time.monotonic()):
                line = stdout.readline()
                if not line:
                    break
                if ' ready on ' in line:
                    return int(line.rpartition(':')[2])
        self.process.kill()
        self.process.wait()
        raise AssertionError(f'carla_lite did not start:\n{self.log_text()}')


@contextlib.contextmanager
def carla_server(folder: Path, *options: str) -> Iterator[CarlaServer]:
    """Yield a running simulator and stop it at the end."""
    server = CarlaServer(folder / 'carla_lite.log', *options)
    try:
        yield server
    finally:
        server.stop()
