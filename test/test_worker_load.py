"""The worker under load: every frame is accounted for at every moment, and order holds."""

import random
import threading
import time

import pytest
from seg_node.errors import SegNodeError
from seg_node.worker import FrameWorker, Outcome


@pytest.mark.parametrize('seed', [1, 2, 3])
def test_every_frame_is_accounted_for_at_every_moment(seed: int) -> None:
    dice = random.Random(seed)
    seen: list[int] = []
    changing = threading.Event()

    def work(item: int, wait_ms: float) -> Outcome:
        assert not changing.is_set()
        seen.append(item)
        time.sleep(dice.choice((0, 0, 0.0005, 0.002)))
        if item % 7 == 0:
            raise SegNodeError('every seventh')
        return Outcome.STALE if item % 5 == 0 else Outcome.PROCESSED

    worker = FrameWorker(work)
    sent = 0
    faults: list[str] = []
    done = threading.Event()

    def watch() -> None:
        previous = worker.counts()
        while not done.is_set():
            low = sent
            counts = worker.counts()
            high = sent + 1
            if not low <= counts.received + counts.in_hand <= high:
                faults.append(f'{counts} with {low} to {high} sent')
            if counts.in_hand not in (0, 1, 2):
                faults.append(f'{counts.in_hand} in hand')
            if any(getattr(counts, name) < getattr(previous, name)
                   for name in ('processed', 'dropped', 'stale', 'rejected')):  # fmt: skip
                faults.append(f'{counts} after {previous}')
            previous = counts

    def interfere() -> None:
        other = random.Random(seed + 100)
        while not done.wait(other.random() * 0.01):
            with worker.between_frames():
                changing.set()
                time.sleep(other.random() * 0.002)
                changing.clear()

    threads = [threading.Thread(target=target) for target in (watch, interfere)]
    worker.start()
    for thread in threads:
        thread.start()
    end_s = time.monotonic() + 0.7
    while time.monotonic() < end_s:
        worker.put(sent)
        sent += 1
        if dice.random() < 0.02:
            worker.stop()
            worker.start()
        time.sleep(dice.choice((0, 0.0002, 0.001)))
    done.set()
    for thread in threads:
        thread.join(10)
    worker.stop()
    counts = worker.counts()
    assert faults == []
    assert counts.in_hand == 0
    assert counts.received == sent
    assert seen == sorted(set(seen))
    assert counts.dropped == sent - len(seen) > 0
    assert counts.rejected == sum(item % 7 == 0 for item in seen) > 0
    assert counts.stale == sum(item % 5 == 0 and item % 7 > 0 for item in seen) > 0
    assert worker.rejections() == {'every seventh': counts.rejected}
