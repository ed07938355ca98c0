"""Signals to a node's process, in numbers and at moments that no user can be asked to time."""

import os
from pathlib import Path
import signal
import subprocess
import sys
import threading

import pytest
from seg_node.errors import SegNodeError
from seg_node.node_process import run_until_stopped

ROOT = Path(__file__).resolve().parents[1]
_WAITING = """
import sys
from seg_node.node_process import run_until_stopped

def run(stop):
    print('ready', flush=True)
    {work}
    return 7

sys.exit(run_until_stopped(run))
"""


def waiting_process(work: str) -> subprocess.Popen:
    """Return a process that is ready to be told to stop, and returns 7 then."""
    command = [sys.executable, '-c', _WAITING.format(work=work)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == 'ready\n'
    return process


def status_after(process: subprocess.Popen) -> int:
    """Return its status once it ends; without error and in time."""
    try:
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert errors == ''
    return process.returncode


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_amid_the_wait_for_it(number) -> None:
    """The handler runs where the event's lock is taken: setting it there waits for ever."""
    amid = f'import os; stop._cond.acquire(); os.kill(os.getpid(), {int(number)})'
    work = f'{amid}; stop._cond.release(); stop.wait()'
    assert status_after(waiting_process(work)) == 7


def test_many_signals_at_once() -> None:
    process = waiting_process('stop.wait()')
    for index in range(200):
        os.kill(process.pid, (signal.SIGINT, signal.SIGTERM)[index % 2])
    assert status_after(process) == 7


def test_a_signal_that_another_thread_gets() -> None:
    """As after SIGSTOP and SIGCONT; the main thread, which waits for a lock, does not wake."""
    other = 'target=lambda: __import__("time").sleep(60), daemon=True'
    work = (
        f'import signal, threading; other = threading.Thread({other}); other.start(); '
        'threading.Timer(0.5, signal.pthread_kill, (other.ident, signal.SIGTERM)).start(); '
        'stop.wait()'
    )
    assert status_after(waiting_process(work)) == 7


def open_files() -> int:
    return len(list(Path('/proc/self/fd').iterdir()))


@pytest.fixture
def handlers():
    """Put back what the test's own process does at a signal."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_what_a_run_leaves_behind(handlers, capsys) -> None:
    """The error in one line, no thread, no wakeup, and deaf to a second Ctrl-C."""

    def fail(stop: threading.Event) -> int:
        raise SegNodeError('no bundle')

    threads, files = threading.active_count(), open_files()
    assert run_until_stopped(fail) == 2
    assert capsys.readouterr().err == 'error: no bundle\n'
    assert threading.active_count() == threads
    assert open_files() == files
    assert signal.set_wakeup_fd(-1) == -1
    signal.raise_signal(signal.SIGINT)
