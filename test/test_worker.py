"""The newest frame wins, every frame is accounted for, and nothing stops the worker but stop."""

from collections.abc import Callable
import gc
import logging
import threading
import time
import weakref

import pytest
from seg_node.errors import SegNodeError
from seg_node.worker import FrameCounts, FrameWorker, MAX_REASONS, Outcome

TIMEOUT_S = 10.0


def wait_until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end_s, 'timed out'
        time.sleep(0.001)


class Gate:
    """Work that records what it sees and can be held up."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.open = threading.Event()
        self.open.set()
        self.inside = threading.Event()

    def __call__(self, item: int, wait_ms: float) -> Outcome:
        self.inside.set()
        assert self.open.wait(TIMEOUT_S)
        self.seen.append(item)
        self.inside.clear()
        return Outcome.PROCESSED


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def worker(gate: Gate):
    worker = FrameWorker(gate)
    worker.start()
    yield worker
    gate.open.set()
    worker.stop()


def block(gate: Gate, worker: FrameWorker, item: int) -> None:
    """Put an item and wait until it is in work, held up."""
    gate.open.clear()
    worker.put(item)
    assert gate.inside.wait(TIMEOUT_S)


def segmentation_threads() -> int:
    return sum(thread.name == 'segmentation' for thread in threading.enumerate())


def test_the_newest_frame_wins(gate: Gate, worker: FrameWorker) -> None:
    block(gate, worker, 0)
    for item in range(1, 6):
        worker.put(item)
    assert worker.counts() == FrameCounts(dropped=4, in_hand=2)
    gate.open.set()
    wait_until(lambda: worker.counts().in_hand == 0)
    assert gate.seen == [0, 5]
    assert worker.counts() == FrameCounts(processed=2, dropped=4)
    assert worker.counts().received == 6


def test_put_never_waits_for_the_work(gate: Gate, worker: FrameWorker) -> None:
    block(gate, worker, 0)
    start_s = time.monotonic()
    for item in range(1000):
        worker.put(item)
    assert time.monotonic() - start_s < 1.0
    assert not gate.open.is_set()


def test_how_long_an_item_waited(gate: Gate) -> None:
    waited_ms = []
    worker: FrameWorker[int] = FrameWorker(
        lambda item, wait_ms: waited_ms.append(wait_ms) or Outcome.PROCESSED
    )
    worker.put(1)
    time.sleep(0.1)
    worker.start()
    wait_until(lambda: worker.counts().processed == 1)
    worker.put(2)
    wait_until(lambda: worker.counts().processed == 2)
    worker.stop()
    assert 100 <= waited_ms[0] < 5000
    assert 0 <= waited_ms[1] < waited_ms[0]


def test_errors_reject_the_frame_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    def work(item: int, wait_ms: float) -> Outcome:
        if item == 1:
            raise SegNodeError('no such encoding: use bgr8')
        if item == 2:
            raise ZeroDivisionError('two\nlines')
        if item == 3:
            return Outcome.STALE
        return None if item == 4 else Outcome.PROCESSED  # type: ignore[return-value]

    worker = FrameWorker(work)
    worker.start()
    for item in (0, 1, 2, 3, 4, 1, 0):
        worker.put(item)
        wait_until(lambda: worker.counts().in_hand == 0)
    worker.stop()
    assert worker.counts() == FrameCounts(processed=2, stale=1, rejected=4)
    reasons = worker.rejections()
    assert reasons.pop('no such encoding: use bgr8') == 2
    assert reasons.pop('ZeroDivisionError: two lines') == 1
    assert list(reasons.values()) == [1]
    logged = [record for record in caplog.records if record.name == 'seg_node.worker']
    assert len(logged) == 2
    assert all(record.levelno == logging.ERROR and record.exc_info for record in logged)


def test_reasons_that_are_new_each_time_do_not_fill_the_memory() -> None:
    def work(item: int, wait_ms: float) -> Outcome:
        raise SegNodeError(f'message of {item} bytes')

    worker = FrameWorker(work)
    worker.start()
    for item in range(MAX_REASONS + 50):
        worker.put(item)
        wait_until(lambda: worker.counts().in_hand == 0)
    worker.stop()
    reasons = worker.rejections()
    assert len(reasons) == MAX_REASONS + 1
    assert reasons['other reasons'] == 50
    assert sum(reasons.values()) == worker.counts().rejected == MAX_REASONS + 50


def test_what_is_returned_is_a_copy(worker: FrameWorker) -> None:
    worker.rejections()['made up'] = 1
    assert worker.rejections() == {}


# --- start and stop -------------------------------------------------------------------------


def test_stop_finishes_the_frame_in_work_and_drops_the_waiting_one(gate, worker) -> None:
    block(gate, worker, 0)
    worker.put(1)
    stopper = threading.Thread(target=worker.stop)
    stopper.start()
    time.sleep(0.05)
    assert stopper.is_alive()
    assert worker.counts() == FrameCounts(dropped=1, in_hand=1)
    gate.open.set()
    stopper.join(TIMEOUT_S)
    assert not stopper.is_alive()
    assert gate.seen == [0]
    assert worker.counts() == FrameCounts(processed=1, dropped=1)


def test_start_and_stop_any_number_of_times(gate: Gate) -> None:
    before = segmentation_threads()
    worker = FrameWorker(gate)
    worker.stop()
    for item in range(3):
        worker.start()
        worker.start()
        assert segmentation_threads() == before + 1
        worker.put(item)
        wait_until(lambda: worker.counts().in_hand == 0)
        worker.stop()
        worker.stop()
        assert segmentation_threads() == before
    assert gate.seen == [0, 1, 2]
    assert worker.counts() == FrameCounts(processed=3)


def test_a_frame_that_comes_after_stop_is_not_kept_for_the_next_start(gate: Gate) -> None:
    worker = FrameWorker(gate)
    worker.put(1)
    assert worker.counts() == FrameCounts(in_hand=1)
    worker.start()
    wait_until(lambda: gate.seen == [1])
    worker.stop()
    worker.put(2)
    assert worker.counts() == FrameCounts(processed=1, dropped=1)
    worker.start()
    worker.put(3)
    wait_until(lambda: worker.counts().in_hand == 0)
    worker.stop()
    assert gate.seen == [1, 3]


def test_stop_from_within_the_work_ends_after_that_frame() -> None:
    seen = []

    def work(item: int, wait_ms: float) -> Outcome:
        seen.append(item)
        worker.stop()
        return Outcome.PROCESSED

    worker = FrameWorker(work)
    before = segmentation_threads()
    for item in (1, 2):
        worker.start()
        worker.put(item)
        wait_until(lambda: worker.counts().in_hand == 0 and segmentation_threads() == before)
    assert seen == [1, 2]
    assert worker.counts() == FrameCounts(processed=2)


def test_the_last_frame_is_not_held_while_the_next_is_waited_for() -> None:
    class Picture: ...

    worker: FrameWorker[Picture] = FrameWorker(lambda item, wait_ms: Outcome.PROCESSED)
    worker.start()
    picture = Picture()
    alive = weakref.ref(picture)
    worker.put(picture)
    del picture
    wait_until(lambda: worker.counts().processed == 1)
    gc.collect()
    assert alive() is None
    worker.stop()


# --- between frames -------------------------------------------------------------------------


def test_between_frames_waits_for_the_frame_in_work_and_holds_the_next(gate, worker) -> None:
    block(gate, worker, 0)
    entered, leave = threading.Event(), threading.Event()

    def change() -> None:
        with worker.between_frames():
            entered.set()
            leave.wait(TIMEOUT_S)

    changer = threading.Thread(target=change)
    changer.start()
    time.sleep(0.05)
    assert not entered.is_set()
    worker.put(1)
    gate.open.set()
    assert entered.wait(TIMEOUT_S)
    time.sleep(0.05)
    assert gate.seen == [0]
    worker.put(2)
    assert worker.counts() == FrameCounts(processed=1, dropped=1, in_hand=1)
    leave.set()
    changer.join(TIMEOUT_S)
    wait_until(lambda: worker.counts().in_hand == 0)
    assert gate.seen == [0, 2]


def test_two_changes_never_happen_at_the_same_time(worker: FrameWorker) -> None:
    inside: list[int] = []
    most = []

    def change() -> None:
        for _ in range(20):
            with worker.between_frames():
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    changers = [threading.Thread(target=change) for _ in range(3)]
    for changer in changers:
        changer.start()
    for changer in changers:
        changer.join(TIMEOUT_S)
    assert most == [1] * 60


def test_between_frames_is_given_up_after_an_exception(gate: Gate, worker: FrameWorker) -> None:
    with pytest.raises(RuntimeError), worker.between_frames():
        raise RuntimeError
    worker.put(1)
    wait_until(lambda: gate.seen == [1])


def test_between_frames_gets_its_turn_however_busy_the_worker_is() -> None:
    """The worker must not take the next frame while somebody waits to come in between."""
    worker: FrameWorker[int] = FrameWorker(lambda item, ms: time.sleep(0.02) or Outcome.PROCESSED)
    worker.start()
    stop = threading.Event()

    def feed() -> None:
        while not stop.wait(0.001):
            worker.put(0)

    feeder = threading.Thread(target=feed)
    feeder.start()
    wait_until(lambda: worker.counts().processed > 2)
    for _ in range(20):
        before = worker.counts().processed
        with worker.between_frames():
            assert worker.counts().processed <= before + 2
    stop.set()
    feeder.join()
    worker.stop()


def test_stop_while_held_between_frames(gate: Gate, worker: FrameWorker) -> None:
    with worker.between_frames():
        worker.put(1)
        worker.stop()
    assert gate.seen == []
    assert worker.counts() == FrameCounts(dropped=1)
