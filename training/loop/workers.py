"""The processes that read and augment; what they import is imported in each of them."""

import multiprocessing
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
import os
import signal
import sys
from threading import Thread
import time

import cv2
import torch

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PATIENCE_S = 10.0
_PRELOADED = ('training.data.sampling', 'training.loop.workers')


def worker_context() -> ForkServerContext:
    """
    Return how workers start: forked from a server that has imported torch and done nothing else.

    Forking the training itself copies locks that its threads hold (torch, TensorBoard, an engine
    or DDS in the same process have such threads), and has ended in a segmentation fault. Measured
    on two busy cores: the first batch comes 0.1 s after forking the training, 4 s after the
    server's first start (0.2 s where ``start_server`` came seconds before) and 0.2 s after that,
    4 s after spawning each time. A training of ten tiny epochs took 8 to 9 s by forking, 7 to 12
    the first time with the server and 7 to 8 the next; a step took the same. The server holds
    60 to 100 MB.

    As everywhere where workers are not forked from the caller, they import its main module: a
    script that calls ``train`` needs ``if __name__ == '__main__':`` around that.
    """
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(list(_PRELOADED))
    return context


def begin_worker(_worker: int) -> None:
    """Set a worker up: one thread, ending with the training and not before it."""
    _outlive_signals()
    end_with_parent()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def end_with_parent() -> None:
    """
    Let this process end when the one that asked for it is gone, be it killed.

    Torch's own watch over workers looks for another parent, and the server stays what it was: it
    would live on with them for ever.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_end_after, args=(parent,), daemon=True).start()


def _outlive_signals() -> None:
    """
    Leave a training that was told to end too the time to do so in order.

    Ctrl+C and clusters tell all processes. A worker that obeyed first took the batch with it
    that the training was waiting for, whose error then hid what the user had asked for.
    """
    training = multiprocessing.parent_process()
    if training is None or not sys.platform.startswith('linux'):
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # threads that start from now on, too
    Thread(target=_wait_to_be_told, args=(training.pid,), daemon=True).start()


def _wait_to_be_told(training_pid: int | None) -> None:
    """End when the training says so, at once; when others do, after some time."""
    told = signal.sigwaitinfo(_SIGNALS)
    end_s = time.monotonic() + _PATIENCE_S
    while told.si_pid != training_pid:
        left_s = end_s - time.monotonic()
        again = signal.sigtimedwait(_SIGNALS, left_s) if left_s > 0 else None
        if again is None:
            os._exit(1)
        told = again
    os._exit(0)


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def start_server() -> None:
    """
    Let the server import what workers need, while the training gets ready.

    Ctrl+C is for the training: the server ignores it, but only once it has imported. Blocked from
    its start on, there as in its workers, it no longer ends that import with a traceback.
    """
    worker_context()
    resource_tracker.ensure_running()  # which unblocks Ctrl+C at its own start, but not later
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def wait_for_server() -> None:
    """
    Return when the server has imported; Ctrl+C ends the wait.

    Workers asked for before that would come up after a training that was interrupted meanwhile,
    and tell in a traceback each that its semaphores are gone. The process of this wait has none.
    """
    process = worker_context().Process(target=_end_at_once)
    process.start()
    process.join()


def _end_at_once() -> None:
    pass
