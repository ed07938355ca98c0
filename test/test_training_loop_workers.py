"""The processes that read and augment: where they come from, and that they do not stay."""

import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from training.runs import LAST
from training_runs import tiny_config, write_config

REPOSITORY = Path(__file__).resolve().parents[1]


def parents_in(group: int) -> dict[int, int]:
    """Return the parent of every living process of a group, as /proc has them."""
    found = {}
    for stat in Path('/proc').glob('[0-9]*/stat'):
        try:
            state, parent, its_group = stat.read_text().rpartition(')')[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state != 'Z':
            found[int(stat.parent.name)] = int(parent)
    return found


def wait_until(what, seconds):
    deadline_s = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_workers_are_no_copies_of_the_training_and_end_with_it(tmp_path):
    """Copies would have the locks that its threads hold; workers of a server outlive a kill."""
    config = tiny_config(tmp_path, epochs=10_000, workers=2)
    settings = str(write_config(config, tmp_path / 'c.json'))
    training = subprocess.Popen(
        [sys.executable, '-m', 'training', 'train', settings],
        cwd=REPOSITORY,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until((config.folder / LAST).is_file, 90)
        family = parents_in(training.pid)
        children = [pid for pid, parent in family.items() if parent == training.pid]
        grandchildren = [pid for pid, parent in family.items() if parent in children]
        assert len(grandchildren) == 2, 'the workers are children of the server'
        training.kill()
        training.wait()
        wait_until(lambda: not parents_in(training.pid), 20)
    finally:
        for pid in parents_in(training.pid):
            os.kill(pid, signal.SIGKILL)


def test_ctrl_c_while_the_server_imports_is_one_line(tmp_path):
    """A terminal tells every process of the group, also those that are not up yet."""
    settings = str(write_config(tiny_config(tmp_path, workers=1), tmp_path / 'c.json'))
    training = subprocess.Popen(
        [sys.executable, '-m', 'training', 'train', settings],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )

    def server_imports():
        commands = [Path(f'/proc/{pid}/cmdline') for pid in parents_in(training.pid)]
        return any(b'forkserver' in path.read_bytes() for path in commands)

    try:
        wait_until(server_imports, 90)
        time.sleep(0.5)  # of two to four seconds that it takes
        os.killpg(training.pid, signal.SIGINT)
        told = training.communicate(timeout=60)[1]
        assert training.returncode == 130
        assert told.splitlines()[-1].startswith('interrupted')
        assert 'Traceback' not in told
    finally:
        for pid in parents_in(training.pid):
            os.kill(pid, signal.SIGKILL)
