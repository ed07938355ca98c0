"""Percentiles over the latest frames."""

from dataclasses import replace
import math
import threading

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from seg_node.latency import FrameLatency, LatencyWindow, Percentiles, STAGES

NAN = float('nan')
TIMES_MS = st.floats(0, 1e6)


def latency(value: float = 0.0, **changes: float) -> FrameLatency:
    return replace(FrameLatency(*[value] * len(STAGES)), **changes)


@settings(deadline=None)
@given(st.lists(TIMES_MS | st.just(NAN), max_size=60))
def test_percentiles_are_numpys_without_nan(values_ms: list[float]) -> None:
    found = Percentiles.of(iter(values_ms))
    known = [value for value in values_ms if not math.isnan(value)]
    if not known:
        assert all(math.isnan(value) for value in (found.p50, found.p95, found.p99))
        return
    expected = [np.percentile(known, level) for level in (50, 95, 99)]
    assert [found.p50, found.p95, found.p99] == pytest.approx(expected)
    assert all(type(value) is float for value in (found.p50, found.p95, found.p99))


def test_work_is_everything_on_the_workers_thread_and_nothing_else() -> None:
    frame = FrameLatency(
        wait_ms=1000, decode_ms=1, preprocess_ms=2, inference_ms=4, postprocess_ms=8,
        publish_ms=16, age_ms=5000,
    )  # fmt: skip
    assert frame.work_ms == 31


def test_stages_are_the_fields_in_order() -> None:
    assert STAGES == ('wait_ms', 'decode_ms', 'preprocess_ms', 'inference_ms', 'postprocess_ms',
                      'publish_ms', 'age_ms')  # fmt: skip


def test_an_empty_window_knows_nothing() -> None:
    window = LatencyWindow(10)
    assert len(window) == 0
    percentiles = window.percentiles()
    assert set(percentiles) == {*STAGES, 'work_ms'}
    assert all(math.isnan(value.p50) for value in percentiles.values())


def test_each_stage_has_its_own_percentiles() -> None:
    window = LatencyWindow(100)
    for value in range(1, 101):
        window.add(latency(0, inference_ms=value, publish_ms=2 * value, age_ms=NAN))
    percentiles = window.percentiles()
    assert percentiles['inference_ms'] == Percentiles.of(range(1, 101))
    assert percentiles['publish_ms'].p50 == 2 * percentiles['inference_ms'].p50
    assert percentiles['work_ms'] == Percentiles.of(range(3, 301, 3))
    assert percentiles['wait_ms'] == Percentiles(0, 0, 0)
    assert math.isnan(percentiles['age_ms'].p99)


def test_an_age_that_was_unknown_for_a_while_is_left_out() -> None:
    window = LatencyWindow(10)
    for age_ms in (NAN, 10.0, NAN, 30.0):
        window.add(latency(age_ms=age_ms))
    assert window.percentiles()['age_ms'].p50 == 20


def test_the_window_forgets_the_oldest() -> None:
    window = LatencyWindow(3)
    for value in (1000, 1000, 1, 2, 3):
        window.add(latency(value))
    assert len(window) == 3
    assert window.percentiles()['wait_ms'] == Percentiles.of([1, 2, 3])


def test_written_and_read_at_the_same_time() -> None:
    window = LatencyWindow(50)
    writer = threading.Thread(target=lambda: [window.add(latency(5)) for _ in range(5000)])
    writer.start()
    while writer.is_alive():
        value = window.percentiles()['age_ms'].p99
        assert math.isnan(value) or value == 5
    writer.join()
    assert len(window) == 50
