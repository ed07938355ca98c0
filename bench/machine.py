"""What a measurement was made on, and how busy that was with other things."""

from datetime import datetime, timezone
import os
import platform
import subprocess
from typing import Any

from bench import ROOT
from bench.pictures import PHOTOS
from seg_node.machine import core_count, library_version, processor_name

_LIBRARIES = ('numpy', 'opencv-python-headless', 'onnxruntime', 'openvino', 'torch', 'ros-rclpy')
#: Runnable threads beside the measurement, above which its figures are worth little.
BUSY_LOAD = 0.5


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, libraries, code and load of this moment."""
    return {
        'date': datetime.now(timezone.utc).isoformat(timespec='minutes'),
        'processor': processor_name(),
        'cores': core_count(),
        'load_before': round(os.getloadavg()[0], 2),
        'system': f'{platform.system()} {platform.release()}',
        'python': platform.python_version(),
        'libraries': {name: found for name in _LIBRARIES if (found := library_version(name))},
        'pictures': 'photographs' if PHOTOS.is_dir() else 'rendered',
        'commit': _commit(),
    }


def busy_warning(machine: dict[str, Any]) -> str:
    """Return a sentence when other processes took part in the measurement; else nothing."""
    if machine['load_before'] <= BUSY_LOAD:
        return ''
    return (
        f'The machine was busy before the run (load {machine["load_before"]:g}): '
        'these figures say nothing about a quiet one.'
    )


def _commit() -> str:
    command = ['git', '-C', str(ROOT), 'describe', '--always', '--dirty']
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'
