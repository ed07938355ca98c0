"""What this machine is, as far as measurements and compiled models depend on it."""

from datetime import datetime, timezone
from functools import cache
import hashlib
from importlib.metadata import PackageNotFoundError, version
import os
from pathlib import Path
import platform
from typing import Any

#: Lines of /proc/cpuinfo that list a processor's instruction sets: x86, Arm.
_INSTRUCTIONS = ('flags', 'Features')
_LIBRARIES = ('numpy', 'opencv-python-headless', 'onnxruntime', 'openvino', 'torch', 'ros-rclpy')
#: Runnable threads beside a measurement, above which its figures are worth little.
BUSY_LOAD = 0.5


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, libraries and load of this moment, to state with a measurement."""
    return {
        'date': datetime.now(timezone.utc).isoformat(timespec='minutes'),
        'processor': processor_name(),
        'cores': core_count(),
        'load_before': round(os.getloadavg()[0], 2),
        'system': f'{platform.system()} {platform.release()}',
        'python': platform.python_version(),
        'libraries': {name: found for name in _LIBRARIES if (found := library_version(name))},
    }


def busy_warning(machine: dict[str, Any]) -> str:
    """Return a sentence when other processes took part in the measurement; else nothing."""
    if machine['load_before'] <= BUSY_LOAD:
        return ''
    return (
        f'The machine was busy before the run (load {machine["load_before"]:g}): '
        'these figures say nothing about a quiet one.'
    )


def processor_name() -> str:
    """Return the processor's name, or its architecture where the system tells no name."""
    return _cpuinfo().get('model name') or platform.processor() or platform.machine()


def core_count() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def library_version(distribution: str) -> str:
    """Return the version of an installed distribution; empty when there is none."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ''


def machine_key() -> list[str]:
    """
    Return what has to be the same for a measurement, or for compiled code, to hold again.

    Two processors may go by one name in a virtual machine, so their instruction sets count too.
    """
    instructions = next((_cpuinfo()[name] for name in _INSTRUCTIONS if name in _cpuinfo()), '')
    digest = hashlib.sha256(' '.join(sorted(instructions.split())).encode()).hexdigest()
    return [platform.machine(), processor_name(), digest[:16], str(core_count())]


@cache
def _cpuinfo() -> dict[str, str]:
    """Return what /proc/cpuinfo says of the first processor."""
    try:
        text = Path('/proc/cpuinfo').read_text(encoding='utf-8', errors='replace')
    except OSError:
        return {}
    lines = (line.partition(':') for line in text.partition('\n\n')[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}
