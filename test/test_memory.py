"""Freed frames are kept: no page fault for each new one."""

import subprocess
import sys

import pytest
from seg_node.memory import keep_freed_memory

CODE = """
import resource, sys
from seg_node.memory import keep_freed_memory
if sys.argv[1] == 'kept' and not keep_freed_memory():
    sys.exit('not done')
for index in range(60):
    if index == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    frame = bytearray(1280 * 720 * 3)
    del frame
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 50)
"""


def faults_per_frame(kind: str) -> float:
    done = subprocess.run(
        [sys.executable, '-c', CODE, kind], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def test_a_frame_faults_in_no_page_anew() -> None:
    if not keep_freed_memory():
        pytest.skip('the C library is not glibc')
    assert faults_per_frame('kept') < 5
