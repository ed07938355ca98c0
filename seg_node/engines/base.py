"""What every inference engine is, and what it is told."""

from collections.abc import Sequence
from dataclasses import dataclass
import hashlib
import os
from pathlib import Path
from typing import Protocol

import numpy as np
from seg_node.errors import SegNodeError

#: Runs before an engine counts as ready: the first ones allocate, pick kernels and fill caches.
WARM_UP_RUNS = 3


class EngineError(SegNodeError):
    """An engine that is not installed, cannot load a file, or was used wrongly."""


@dataclass(frozen=True)
class EngineSpec:
    """All that an engine needs to know to run one file of a bundle."""

    path: Path
    sha256: str  # of the file, as its bundle states it
    height: int  # of the network's input, pixels
    width: int
    classes: int
    precision: str = 'fp32'  # fp32, int8; bf16 and fp16 are fp32 weights, computed in these
    threads: int = 0  # 0 = one for each core this process may use
    weights_sha256: str = ''  # of the .bin beside an OpenVINO IR; empty for all other files

    @property
    def thread_count(self) -> int:
        """Threads to use, with 0 resolved."""
        return self.threads or len(os.sched_getaffinity(0))


def read_weights(spec: EngineSpec) -> bytes:
    """
    Return the bytes of the weight file, checked once more.

    Engines load these and never a path: what was checked is what runs, and a file that points to
    other files (external data) finds none.

    :raises EngineError: when the file changed since the bundle was loaded.
    """
    return _read_checked(spec.path, spec.sha256)


def read_weights_beside(spec: EngineSpec) -> bytes:
    """
    Return the bytes of the .bin that holds the weights of an OpenVINO IR, checked likewise.

    :raises EngineError: when the file changed since the bundle was loaded.
    """
    return _read_checked(spec.path.with_suffix('.bin'), spec.weights_sha256)


def _read_checked(path: Path, sha256: str) -> bytes:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise EngineError(f'{path.name} was altered since its bundle was loaded: load it again')
    return content


def first_line(error: Exception) -> str:
    """Return the first line of what a library says of its failure."""
    return (str(error).strip().splitlines() or ['no reason given'])[0]


class Engine(Protocol):
    """
    Runs one network.

    Loading and warm-up happen in the constructor, so that an engine that exists is ready and no
    frame ever pays for a first run.
    """

    description: str  # for logs: engine, version, precision, threads

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """
        Run the network.

        :param batch: (1, height, width, 3) uint8 BGR.
        :return: scores (1, classes, height, width) uint8, 255 = certain; valid until the next
            call.
        :raises EngineError: for another shape or dtype, or after ``close``.
        """

    def close(self) -> None:
        """Free what the engine holds; a second call does nothing."""


def check_batch(batch: np.ndarray, spec: EngineSpec) -> None:
    """
    Refuse input that the network was not made for, before an engine says so in its own words.

    :raises EngineError: naming what was expected.
    """
    expected = (1, spec.height, spec.width, 3)
    if batch.shape != expected or batch.dtype != np.uint8:
        raise EngineError(
            f'engine input is {batch.dtype} {batch.shape}, expected uint8 {expected}: '
            'preprocess the frame first'
        )


def check_graph_input(shape: Sequence[int | str], spec: EngineSpec) -> None:
    """
    Refuse a file whose input is not what its bundle states.

    :param shape: the input's shape, as the file declares it.
    :raises EngineError: naming both shapes.
    """
    expected = [1, spec.height, spec.width, 3]
    if list(shape) != expected:
        raise EngineError(
            f'{spec.path.name} takes input {list(shape)}, its bundle states {expected}: '
            'export the model again'
        )


def check_scores(scores: np.ndarray, spec: EngineSpec) -> None:
    """
    Refuse a network whose output is not what its bundle states.

    :raises EngineError: naming both shapes.
    """
    expected = (1, spec.classes, spec.height, spec.width)
    if scores.shape != expected or scores.dtype != np.uint8:
        raise EngineError(
            f'{spec.path.name} gives {scores.dtype} {scores.shape}, its bundle states '
            f'uint8 {expected}: export the model again'
        )


def warm_up(engine: Engine, spec: EngineSpec) -> None:
    """Run the engine until it is ready, and check what it gives."""
    batch = np.zeros((1, spec.height, spec.width, 3), np.uint8)
    for _ in range(WARM_UP_RUNS):
        check_scores(engine.infer(batch), spec)
