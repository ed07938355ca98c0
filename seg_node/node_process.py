"""The frame around a node's process: signals that end it in order, errors in one line."""

from collections.abc import Callable
import signal
import sys
import threading

from seg_node.errors import SegNodeError

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


def run_until_stopped(run: Callable[[threading.Event], int]) -> int:
    """
    Run a node; return the exit status.

    :param run: gets the event that a signal sets, and returns the status. A ``SegNodeError`` of
        its is printed, with status 2.
    """
    stop = threading.Event()
    # Ours, not rclpy's: those end ROS under the feet of whatever callback is running. They are
    # here before the slow imports, so that a signal always means an orderly end.
    for number in _NUMBERS:
        signal.signal(number, lambda *_: stop.set())
    try:
        return run(stop)
    except SegNodeError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    finally:
        # What comes now is an impatient second Ctrl-C: it must not spoil the exit status.
        for number in _NUMBERS:
            signal.signal(number, signal.SIG_IGN)
