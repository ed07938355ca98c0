"""What the processes that we start have in common."""

from collections.abc import Callable
import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> Callable[[], object] | None:
    """
    Return what makes Linux end a child when this process is killed; None elsewhere.

    :return: for ``preexec_fn`` of ``subprocess.Popen``.
    """
    if not sys.platform.startswith('linux'):
        return None
    system = ctypes.CDLL(None)
    return lambda: system.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
