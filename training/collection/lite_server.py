"""carla_lite as a process of its own, for as long as a collection needs it."""

from collections.abc import Iterator
from contextlib import contextmanager
import re
import select
import subprocess
import sys
import tempfile
import time
from typing import IO

from seg_node.child_process import end_with_parent
from training.collection.errors import CollectError

#: A town is built before the port opens.
_START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 5.0
_READY = re.compile(r' on (\S+):(\d+)\s*$')


@contextmanager
def lite_server(seed: int, town: str) -> Iterator[int]:
    """
    Start carla_lite on a free port of this machine; end it with the block, or with this process.

    :param seed: of the town.
    :param town: to begin with; empty leaves carla_lite's choice.
    :return: the port.
    :raises CollectError: when it does not start, with what it said.
    """
    command = [sys.executable, '-m', 'carla_lite', '--port', '0', '--seed', str(seed)]
    command += ['--town', town] if town else []
    with tempfile.TemporaryFile('w+') as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # Ctrl-C is for us: the car is put away before the server ends
            preexec_fn=end_with_parent(),
        )
        try:
            yield _wait_for_port(process, log)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _wait_for_port(process: subprocess.Popen[str], log: IO[str]) -> int:
    assert process.stdout is not None
    end_s = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < end_s:
        if not select.select([process.stdout], [], [], 0.5)[0]:
            continue
        line = process.stdout.readline()
        if found := _READY.search(line):
            return int(found.group(2))
        if not line:
            break
    log.seek(0)
    said = log.read().strip().splitlines() or ['nothing']
    raise CollectError(f'carla_lite did not start; it said: {said[-1].removeprefix("error: ")}')
