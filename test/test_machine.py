"""What is told of a machine beside a measurement."""

import multiprocessing
import os
from pathlib import Path
import signal
import time

import pytest
from seg_node.machine import BUSY_CORES, busy_cores, busy_warning


def spin() -> None:
    """Keep a core busy until the parent ends it."""
    while True:
        os.getpid()


@pytest.fixture
def busy_pid():
    """Yield the process number of a program that keeps a core busy, once it does."""
    process = multiprocessing.get_context('spawn').Process(target=spin, daemon=True)
    process.start()
    try:
        end_s = time.monotonic() + 60
        while worked_s(process.pid) < 1.0:  # more than it needs to start
            assert time.monotonic() < end_s
            time.sleep(0.05)
        yield process.pid
    finally:
        process.kill()
        process.join()


def worked_s(pid: int) -> float:
    """Return how long a process has worked."""
    user, system = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf('SC_CLK_TCK')


def look(pid: int) -> tuple[float, float]:
    """Return the busy cores and what share of one the process itself got meanwhile."""
    before_s = worked_s(pid)
    busy = busy_cores()
    return busy, worked_s(pid) - before_s


@pytest.mark.skipif(not Path('/proc/stat').exists(), reason='nobody counts here')
def test_another_program_is_seen_at_once(busy_pid):
    """The load average would know of it only after a minute."""
    differences = []
    for _ in range(3):
        os.kill(busy_pid, signal.SIGSTOP)
        without, none = look(busy_pid)
        os.kill(busy_pid, signal.SIGCONT)
        beside, share = look(busy_pid)
        assert none < 0.1
        assert beside > min(share, 1.0) - 0.1, 'whoever else works only adds to it'
        if share > 0.8:  # else it had no core that others left idle
            differences.append(beside - without)
    if not differences:
        pytest.skip('others keep every core busy: one program more makes no difference')
    assert max(differences) > 0.4, 'what others do may hide it from one look, not from all'


def test_only_a_busy_machine_is_warned_of():
    assert busy_warning({'busy_cores_before': BUSY_CORES}) == ''
    assert '0.9 cores' in busy_warning({'busy_cores_before': 0.9})
