"""What this machine is, as far as measurements and compiled models depend on it."""

from datetime import datetime, timezone
from functools import cache
import hashlib
from importlib.metadata import PackageNotFoundError, version
import os
from pathlib import Path
import platform
import time
from typing import Any

#: Lines of /proc/cpuinfo that list a processor's instruction sets: x86, Arm.
_INSTRUCTIONS = ('flags', 'Features')
_LIBRARIES = ('numpy', 'opencv-python-headless', 'onnxruntime', 'openvino', 'torch', 'ros-rclpy')
#: Cores that others keep busy, above which a measurement's figures are worth little.
BUSY_CORES = 0.2
_WATCHED_S = 1.0


def describe_machine() -> dict[str, Any]:
    """Return what to state with a measurement: processor, libraries, how busy it is just now."""
    return {
        'date': datetime.now(timezone.utc).isoformat(timespec='minutes'),
        'processor': processor_name(),
        'cores': core_count(),
        'busy_cores_before': busy_cores(),
        'system': f'{platform.system()} {platform.release()}',
        'python': platform.python_version(),
        'libraries': {name: found for name in _LIBRARIES if (found := library_version(name))},
    }


def busy_warning(machine: dict[str, Any]) -> str:
    """Return a sentence when other processes took part in the measurement; else nothing."""
    if machine['busy_cores_before'] <= BUSY_CORES:
        return ''
    return (
        f'The machine was busy before the run ({machine["busy_cores_before"]:g} cores): '
        'these figures say nothing about a quiet one.'
    )


def busy_cores() -> float:
    """
    Return how many cores work during the next second, this process asleep.

    Not the load average: that remembers for minutes what was measured just before.
    """
    before = _busy_s()
    time.sleep(_WATCHED_S)
    return round((_busy_s() - before) / _WATCHED_S, 2)


def _busy_s() -> float:
    """Return the seconds that all cores together were not idle; 0 where nobody counts."""
    try:
        fields = Path('/proc/stat').read_text(encoding='utf-8').split('\n', 1)[0].split()[1:9]
    except OSError:
        return 0.0
    user, nice, system, _idle, _waiting, *interrupts = map(int, fields)
    return (user + nice + system + sum(interrupts)) / os.sysconf('SC_CLK_TCK')


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
