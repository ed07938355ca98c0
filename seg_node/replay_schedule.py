"""When to send what: a recording's own times turned into a timetable. Knows no ROS."""

from collections.abc import Iterator
from dataclasses import dataclass
import itertools
import math
import time
from typing import NamedTuple

from seg_node.cdr_stamp import read_stamp_ns
from seg_node.errors import SegNodeError
from seg_node.frame import Frame
from seg_node.sources import Source
from seg_node.sources.bag import BagMessage, BagSource, CAMERA_INFO_TYPE

#: For pictures, which have no recorded rate.
DEFAULT_RATE_HZ = 10.0
#: Beyond these no camera is, and arithmetic in nanoseconds ends.
LOWEST_HZ, HIGHEST_HZ = 0.001, 1000.0
#: How often a waiting pacer looks up: to publish the clock, and to notice a shutdown.
TICK_S = 0.02

Content = Frame | BagMessage


class ReplayError(SegNodeError):
    """A replay that cannot be done as asked."""


@dataclass(frozen=True)
class Timing:
    """How fast and how often to play."""

    rate_hz: float | None = None  # evenly at this rate, instead of at the recorded times
    speed: float = 1.0  # of the recorded times; 2 is twice as fast
    passes: int = 1  # 0 is without end

    def __post_init__(self) -> None:
        if self.rate_hz is not None and not LOWEST_HZ <= self.rate_hz <= HIGHEST_HZ:
            raise ReplayError(
                f'--rate {self.rate_hz:g} is no rate: give {LOWEST_HZ:g} to {HIGHEST_HZ:g} images '
                'a second'
            )
        if not 0 < self.speed < math.inf:
            raise ReplayError(f'--speed {self.speed:g} is no speed: 1 is as recorded')
        if self.rate_hz is not None and self.speed != 1:
            raise ReplayError('--rate and --speed contradict each other: give one of them')
        if self.passes < 0:
            raise ReplayError(f'--loop {self.passes} is no number of passes: 0 is without end')


class Scheduled(NamedTuple):
    """One thing to send."""

    due_s: float  # after the start
    stamp_ns: int  # of its header
    content: Content


class _Recorded(NamedTuple):
    offset_ns: int  # after the first of its pass
    stamp_ns: int
    content: Content


def schedule(
    source: Source, timing: Timing, with_camera_info: bool = False
) -> Iterator[Scheduled]:
    """
    Yield what a source holds and when to send it, in order.

    Stamps are the recorded ones in the first pass and moved on in later ones, so that time never
    runs backwards.

    :param source: read once for each pass.
    :param timing: pace and passes.
    :param with_camera_info: of a bag, send the camera's CameraInfo too.
    :raises ReplayError: when a pass had nothing to send.
    """
    period_ns = round(1e9 / (timing.rate_hz or source.rate_hz or DEFAULT_RATE_HZ))
    start_ns = shift_ns = 0
    for _ in range(timing.passes) if timing.passes else itertools.count():
        item = first = None
        for item in _one_pass(source, timing, with_camera_info):
            first = first or item
            due_s = (start_ns + item.offset_ns) * 1e-9 / timing.speed
            yield Scheduled(due_s, item.stamp_ns + shift_ns, item.content)
        if first is None or item is None:
            reason = f' ({source.faults[0]})' if source.faults else ''
            raise ReplayError(f'{source.path} has nothing to send{reason}: check the input')
        start_ns += item.offset_ns + period_ns
        shift_ns += max(0, item.stamp_ns - first.stamp_ns) + period_ns


def is_camera_info(content: Content) -> bool:
    """Say whether something to send is a CameraInfo; everything else is an image."""
    return isinstance(content, BagMessage) and content.message_type == CAMERA_INFO_TYPE


def clock_between(earlier: Scheduled, later: Scheduled, now_s: float) -> int:
    """
    Return what a clock shows that runs from one stamp to the next, in nanoseconds.

    :param now_s: the time since the start, between both due times.
    """
    span_s = later.due_s - earlier.due_s
    share = min(1.0, max(0.0, (now_s - earlier.due_s) / span_s)) if span_s > 0 else 1.0
    return earlier.stamp_ns + round(share * (later.stamp_ns - earlier.stamp_ns))


class Pacer:
    """
    Waits for due times, counted from the first wait on the monotonic clock.

    A late one does not delay the next: there is no drift.
    """

    def __init__(self) -> None:
        self.worst_late_s = 0.0
        self._start_s: float | None = None

    def until(self, due_s: float) -> Iterator[float]:
        """Yield the time since the start, once a tick, until it is ``due_s``."""
        while (now_s := self._elapsed_s()) < due_s:
            yield now_s
            time.sleep(max(0.0, min(TICK_S, due_s - self._elapsed_s())))
        self.worst_late_s = max(self.worst_late_s, now_s - due_s)

    def _elapsed_s(self) -> float:
        now_s = time.monotonic()
        if self._start_s is None:
            self._start_s = now_s
        return now_s - self._start_s


def _one_pass(source: Source, timing: Timing, with_camera_info: bool) -> Iterator[_Recorded]:
    if isinstance(source, BagSource):
        yield from _bag_pass(source, timing.rate_hz, with_camera_info)
        return
    rate_hz = timing.rate_hz or source.rate_hz or DEFAULT_RATE_HZ
    for index, (_name, frame) in enumerate(source):
        offset_ns = round(index * 1e9 / rate_hz)
        yield _Recorded(offset_ns, frame.stamp_ns if source.rate_hz else offset_ns, frame)


def _bag_pass(
    source: BagSource, rate_hz: float | None, with_camera_info: bool
) -> Iterator[_Recorded]:
    """Keep the times of the recorder, which the stamps need not follow (simulation time)."""
    source.faults.clear()
    images, first_ns, image_stamp_ns = 0, None, None
    for message in source.messages(with_camera_info):
        try:
            stamp_ns = read_stamp_ns(message.content)
        except ValueError as error:
            source.faults.append(f'message {images}: {error}')
            continue
        if first_ns is None:
            first_ns = message.received_ns
        # a CameraInfo may have been recorded after its image: it goes out at that image's time
        belated = is_camera_info(message) and stamp_ns == image_stamp_ns
        offset_ns = message.received_ns - first_ns
        if rate_hz:
            offset_ns = round((images - belated) * 1e9 / rate_hz)
        yield _Recorded(offset_ns, stamp_ns, message)
        if not is_camera_info(message):
            images, image_stamp_ns = images + 1, stamp_ns
