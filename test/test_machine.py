"""What is told of a machine beside a measurement."""

import multiprocessing
import os
from pathlib import Path

import pytest
from seg_node.machine import BUSY_CORES, busy_cores, busy_warning


def spin() -> None:
    """Keep a core busy until the parent ends it."""
    while True:
        os.getpid()


@pytest.mark.skipif(not Path('/proc/stat').exists(), reason='nobody counts here')
def test_another_program_is_seen_at_once():
    """The load average would know of it only after a minute."""
    process = multiprocessing.get_context('spawn').Process(target=spin, daemon=True)
    process.start()
    try:
        # it has to import first
        assert any(busy_cores() > 0.5 for _ in range(20))
    finally:
        process.kill()
        process.join()


def test_only_a_busy_machine_is_warned_of():
    assert busy_warning({'busy_cores_before': BUSY_CORES}) == ''
    assert '0.9 cores' in busy_warning({'busy_cores_before': 0.9})
