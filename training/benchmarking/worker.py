"""
The process of one case: loads it, runs it when told, tells what it cost.

It imports what the node imports and nothing of training's own libraries, so that start-up and
memory are those of the model.
"""

from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
import os
from pathlib import Path
import signal
import time
from typing import Any, Protocol

import numpy as np
from seg_node.errors import SegNodeError
from seg_node.frame import Frame
from seg_node.memory import keep_freed_memory
from seg_node.segmenter import Segmentation
from training.benchmarking.case import Case, Size


class Subject(Protocol):
    """What labels frames: a bundle's segmenter, or a peer's."""

    @property
    def description(self) -> str:
        """Model and engine, for logs."""

    def segment(self, frame: Frame, with_confidence: bool = True) -> Segmentation:
        """Label a frame."""


def serve(connection: Connection, case: Case, cache: Path) -> None:
    """
    Answer requests until the other end closes.

    A request is a name and its arguments, an answer is ``('ok', value)`` or ``('error', words)``.

    :param cache: folder for compiled models, instead of the user's own.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is asked, and ends this process
    os.environ['XDG_CACHE_HOME'] = str(cache)
    keep_freed_memory()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError), connection:
        try:
            worker = _ProductWorker(case, cache) if case.is_product else _ModelWorker(case)
        except SegNodeError as error:
            connection.send(('error', str(error)))
            return
        connection.send(('ok', worker.facts()))
        while True:
            name, *arguments = connection.recv()
            try:
                answer = 'ok', getattr(worker, name)(*arguments)
            except SegNodeError as error:
                answer = 'error', str(error)
            connection.send(answer)


class _Worker:
    """What models and matrix products have in common."""

    description = ''
    size: Size | None = None
    shape: tuple[int | None, ...] | None = None
    notes: Sequence[str] = ()

    def __init__(self) -> None:
        self.load_s = self.cpu_s = 0.0

    def facts(self) -> dict[str, Any]:
        """Return what is known once it is loaded."""
        return {
            'description': self.description,
            'size': self.size,
            'shape': self.shape,
            'notes': list(self.notes),
            'load_s': self.load_s,
            'cpu_s': self.cpu_s,
        }

    def cost(self) -> dict[str, Any]:
        """Return the peak of resident memory, MB, and the threads of this process."""
        # not resource.getrusage: its peak begins with that of the process that started this one
        status = Path('/proc/self/status').read_text(encoding='ascii', errors='replace')
        values = dict(line.split(':', 1) for line in status.splitlines() if ':' in line)
        peak_kb = int(values['VmHWM'].split()[0])
        return {'memory_mb': round(peak_kb / 1024, 1), 'os_threads': int(values['Threads'])}


class _ModelWorker(_Worker):
    """Runs a bundle or a peer."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        start_s = time.perf_counter()
        self._subject = _load(case)
        self.load_s = time.perf_counter() - start_s
        self.cpu_s = time.process_time()  # since the process began
        self.description = self._subject.description
        self.size = getattr(self._subject, 'size', case.size)
        self.shape = getattr(self._subject, 'shape', None)
        self.notes = getattr(self._subject, 'notes', ())
        self._frames: list[Frame] = []

    def frames(self, pictures: Sequence[np.ndarray]) -> None:
        """Take the pictures, each (H, W, 3) uint8 BGR, that turns go through."""
        self._frames = [Frame(picture) for picture in pictures]

    def turn(self, count: int) -> dict[str, Any]:
        """
        Label pictures; a first one is not counted, for the caches are the last process's.

        :return: for each picture the times of the stages in ms; busy cores over all of them.
        """
        self._subject.segment(self._frames[-1], with_confidence=False)
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        found = [
            self._subject.segment(self._frames[i % len(self._frames)], with_confidence=False)
            for i in range(count)
        ]
        wall_s, cpu_s = time.perf_counter() - start_s, time.process_time() - start_cpu_s
        times = [item.times for item in found]
        return {
            'inference_ms': [item.inference_ms for item in times],
            'segment_ms': [
                item.preprocess_ms + item.inference_ms + item.postprocess_ms for item in times
            ],
            'wall_s': wall_s,
            'cpu_s': cpu_s,
        }

    def mask(self, picture: np.ndarray) -> np.ndarray:
        """Return the labels (H, W) uint8 of a picture."""
        return self._subject.segment(Frame(picture), with_confidence=False).mask.labels


class _ProductWorker(_Worker):
    """Runs matrix products."""

    def __init__(self, case: Case, folder: Path) -> None:
        from training.benchmarking.matrix_products import load_products

        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        self._products = load_products(case.engine, case.precision, case.threads, folder)
        self.description = case.name
        for product in self._products:
            product.run()

    def turn(self, count: int) -> dict[str, Any]:
        """Return multiply-adds a second of each of several runs, for each kind of product."""
        rates = []
        for product in self._products:
            product.run()
            rates.append([self._rate(product) for _ in range(count)])
        return {'rates': rates}

    @staticmethod
    def _rate(product: Any) -> float:
        start_s = time.perf_counter()
        product.run()
        return product.multiply_adds / (time.perf_counter() - start_s)


def _load(case: Case) -> Subject:
    if case.peer is not None:
        from training.benchmarking.peers import PeerSegmenter

        return PeerSegmenter(case.peer, case.engine, case.precision, case.threads, case.size)
    from seg_node.bundle import ModelBundle
    from seg_node.segmenter import Segmenter

    bundle = ModelBundle.load(case.path)
    return Segmenter.load(bundle, case.engine, case.precision, case.adapter, case.threads)
