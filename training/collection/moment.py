"""What a simulator or a recording hands over: one moment, seen and labelled."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from training.collection.schedule import Drive

#: Why a moment becomes no sample; the words stand in reports.
LOST_PAIR = 'lost pair'
STANDING_STILL = 'standing still'
LITTLE_ROAD = 'little road'
OTHER_SPLIT = 'near the other split'
DAMAGED = 'damaged'


class Developed(NamedTuple):
    """A picture and its labels, ready to be encoded."""

    image: np.ndarray  # (H, W, 3) uint8 BGR
    labels: np.ndarray  # (H, W) uint8 label ids, 255 unlabelled


class SkipError(Exception):
    """A moment that cannot become a sample; the text is the reason, short and countable."""


@dataclass(frozen=True)
class View:
    """From where a picture was taken, as far as it is known."""

    x_m: float
    y_m: float
    z_m: float
    pitch_deg: float
    yaw_deg: float
    roll_deg: float


@dataclass(frozen=True)
class Moment:
    """
    One pair, not yet decoded.

    :param step: of its drive, counted from 0 without gaps; the same in every run.
    :param develop: gives picture and labels; called by the writing thread, once at most, and
        may raise :class:`SkipError`.
    """

    drive: Drive
    step: int
    frame: int  # the server's number, or the place in the recording
    stamp_ns: int
    develop: Callable[[], Developed]
    view: View | None = None  # of the camera in the world
    k: tuple[float, ...] | None = None  # 3x3 intrinsics by rows, pixels
    facts: dict[str, Any] = field(default_factory=dict)  # further ones for samples.jsonl


@dataclass(frozen=True)
class Skipped:
    """A step that gave no pair."""

    drive: Drive
    step: int
    reason: str


class Source(Protocol):
    """A simulator or a recording."""

    def drive(self, drive: Drive, first_step: int) -> Iterator[Moment | Skipped]:
        """
        Yield the moments of a drive from a step on, in order.

        :raises SegNodeError: when it cannot go on.
        """

    def origin(self) -> dict[str, Any]:
        """Say where the samples come from, with versions, for ``dataset.json``."""
