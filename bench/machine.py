"""What a measurement was made on, and how busy that was with other things."""

import subprocess
from typing import Any

from bench import ROOT
from bench.pictures import PHOTOS
from seg_node import machine
from seg_node.machine import busy_warning

__all__ = ['busy_warning', 'describe_machine']


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, libraries, code and load of this moment."""
    return {
        **machine.describe_machine(),
        'pictures': 'photographs' if PHOTOS.is_dir() else 'rendered',
        'commit': _commit(),
    }


def _commit() -> str:
    command = ['git', '-C', str(ROOT), 'describe', '--always', '--dirty']
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'
