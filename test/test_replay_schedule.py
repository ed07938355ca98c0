"""When a replay sends what; without ROS."""

import itertools
import time

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
import recordings
from recordings import FIRST_STAMP_NS, PERIOD_NS, TYPESTORE
from seg_node.cdr_stamp import read_stamp_ns, with_stamp_ns
from seg_node.replay_schedule import (
    clock_between,
    is_camera_info,
    Pacer,
    ReplayError,
    schedule,
    Scheduled,
    TICK_S,
    Timing,
)
from seg_node.sources import open_source


@pytest.fixture
def folder(tmp_path):
    recordings.write_pictures(tmp_path / 'pictures', 3)
    with open_source(tmp_path / 'pictures') as source:
        yield source


@pytest.fixture
def bag(tmp_path):
    """Return a bag recorded at half the pace that its stamps tell."""
    infos = [recordings.camera_info_message(index) for index in range(3)]
    topics = {'/front/image_raw': recordings.images(3), '/front/camera_info': infos}
    recordings.write_bag(tmp_path / 'bag', topics, period_ns=2 * PERIOD_NS)
    with open_source(tmp_path / 'bag') as source:
        yield source


def times_of(items):
    return [round(item.due_s, 6) for item in items]


def stamps_of(items):
    return [item.stamp_ns for item in items]


def test_pictures_go_out_at_ten_hertz_or_the_given_rate(folder):
    assert times_of(schedule(folder, Timing())) == [0, 0.1, 0.2]
    items = list(schedule(folder, Timing(rate_hz=4)))
    assert times_of(items) == [0, 0.25, 0.5]
    assert stamps_of(items) == [0, 250_000_000, 500_000_000]


def test_a_video_keeps_its_pace_and_its_stamps_at_any_rate(tmp_path):
    with open_source(recordings.write_video(tmp_path / 'drive.mp4', 3, 20)) as video:
        assert times_of(schedule(video, Timing())) == [0, 0.05, 0.1]
        assert times_of(schedule(video, Timing(speed=0.5))) == [0, 0.1, 0.2]
        items = list(schedule(video, Timing(rate_hz=10)))
    assert times_of(items) == [0, 0.1, 0.2]
    assert stamps_of(items) == [0, 50_000_000, 100_000_000]


def test_a_bag_keeps_the_pace_of_its_recorder_and_the_stamps_of_its_camera(bag):
    items = list(schedule(bag, Timing()))
    assert times_of(items) == [0, 0.1, 0.2]
    assert stamps_of(items) == [FIRST_STAMP_NS + index * PERIOD_NS for index in range(3)]
    assert times_of(schedule(bag, Timing(speed=2))) == [0, 0.05, 0.1]
    assert times_of(schedule(bag, Timing(rate_hz=5))) == [0, 0.2, 0.4]


@pytest.mark.parametrize('timing', [Timing(passes=2), Timing(rate_hz=10, passes=2)])
def test_later_passes_go_on_where_the_first_ended(bag, timing):
    items = list(schedule(bag, timing))
    assert times_of(items) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5], abs=1e-6)
    stamps = stamps_of(items)
    assert stamps[:3] == [FIRST_STAMP_NS + index * PERIOD_NS for index in range(3)]
    assert all(later > earlier for earlier, later in itertools.pairwise(stamps))


def test_zero_passes_never_end(folder):
    items = list(itertools.islice(schedule(folder, Timing(passes=0)), 20))
    assert times_of(items) == pytest.approx([index / 10 for index in range(20)])
    assert stamps_of(items) == [index * 100_000_000 for index in range(20)]


@pytest.mark.parametrize('timing', [Timing(), Timing(rate_hz=10)])
def test_a_camera_info_keeps_the_time_of_its_image(bag, timing):
    items = list(schedule(bag, timing, with_camera_info=True))
    infos = [item for item in items if is_camera_info(item.content)]
    images = [item for item in items if not is_camera_info(item.content)]
    assert len(infos) == len(images) == 3
    assert stamps_of(infos) == stamps_of(images)
    assert times_of(images) == [0, 0.1, 0.2]
    assert times_of(infos) == times_of(images)


def test_messages_too_short_for_a_header_are_left_out_and_told(tmp_path):
    messages = recordings.images(3)
    messages[1] = b'\x00\x01\x00\x00abc'
    recordings.write_bag(tmp_path / 'bag', {'/image': messages})
    with open_source(tmp_path / 'bag') as source:
        assert times_of(schedule(source, Timing())) == [0, 0.1]
        assert len(source.faults) == 1


def test_nothing_to_send_is_an_error_even_without_end(tmp_path):
    (path,) = recordings.write_pictures(tmp_path, 1)
    path.write_bytes(b'rubbish')
    with (
        open_source(path) as source,
        pytest.raises(ReplayError, match=r'nothing to send \(frame0\.png: not a jpeg or png\)'),
    ):
        list(schedule(source, Timing(passes=0)))


@pytest.mark.parametrize(
    ('settings', 'flag'),
    [
        ({'rate_hz': 0}, '--rate'),
        ({'rate_hz': -1}, '--rate'),
        ({'rate_hz': float('nan')}, '--rate'),
        ({'rate_hz': float('inf')}, '--rate'),
        ({'speed': 0}, '--speed'),
        ({'speed': float('nan')}, '--speed'),
        ({'rate_hz': 5, 'speed': 2}, '--rate and --speed'),
        ({'passes': -1}, '--loop'),
    ],
)
def test_impossible_timings_name_their_flag(settings, flag):
    with pytest.raises(ReplayError, match=flag):
        Timing(**settings)


class FakeTime:
    """A clock that only sleeping moves on: a busy machine cannot disturb it."""

    LATE_S = 0.0005  # every sleep is longer than asked for, as on a real machine

    def __init__(self) -> None:
        self.now_s = 1234.5

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds + self.LATE_S


@pytest.fixture
def clock(monkeypatch):
    """Put a clock of the test's own in the place of the pacer's."""
    fake = FakeTime()
    monkeypatch.setattr('seg_node.replay_schedule.time', fake)
    return fake


def test_the_pacer_does_not_drift(clock):
    """Work between the frames, and once a stall of three periods, cost no time in the end."""
    pacer, period_s, start_s, late_s = Pacer(), 0.02, clock.now_s, []
    for index in range(16):
        for _ in pacer.until(index * period_s):
            pass
        late_s.append(clock.now_s - start_s - index * period_s)
        clock.sleep(0.06 if index == 5 else 0.005)
    assert min(late_s) > -1e-9, 'nothing goes out before its time'
    assert late_s[6:9] == pytest.approx([0.041, 0.0265, 0.012], abs=1e-6), 'as fast as it can'
    assert max(late_s[:6] + late_s[9:]) < 0.001, 'on time again'
    assert pacer.worst_late_s == pytest.approx(max(late_s))


def test_the_pacer_ticks_while_it_waits(clock):
    pacer = Pacer()
    list(pacer.until(0))
    ticks = list(pacer.until(0.2))
    assert len(ticks) == 10
    assert np.diff(ticks) == pytest.approx(TICK_S + clock.LATE_S)
    assert list(pacer.until(0.1)) == []


def test_the_pacer_waits_by_the_real_clock():
    pacer, begin_s = Pacer(), time.monotonic()
    list(pacer.until(0))
    ticks = list(pacer.until(0.1))
    assert time.monotonic() - begin_s >= 0.1
    assert ticks == sorted(ticks)


def test_the_clock_runs_evenly_from_one_stamp_to_the_next():
    earlier, later = Scheduled(1.0, 1000, None), Scheduled(3.0, 5000, None)
    assert clock_between(earlier, later, 1.0) == 1000
    assert clock_between(earlier, later, 1.5) == 2000
    assert clock_between(earlier, later, 9.0) == 5000
    assert clock_between(earlier, later, 0.0) == 1000
    assert clock_between(earlier, Scheduled(1.0, 7000, None), 1.0) == 7000


@given(
    st.integers(0, 2**31 - 1),
    st.integers(0, 999_999_999),
    st.integers(0, (2**31 - 1) * 10**9),
    st.text(max_size=9),
    st.booleans(),
)
def test_a_stamp_is_read_and_changed_in_place(sec, nanosec, stamp_ns, frame_id, little_endian):
    types = TYPESTORE.types
    stamp = types['builtin_interfaces/msg/Time'](sec=sec, nanosec=nanosec)
    header = types['std_msgs/msg/Header'](stamp=stamp, frame_id=frame_id.replace('\0', ''))
    kind = header.__msgtype__
    content = bytes(TYPESTORE.serialize_cdr(header, kind, little_endian=little_endian))
    assert read_stamp_ns(content) == sec * 10**9 + nanosec
    changed = with_stamp_ns(content, stamp_ns)
    decoded = TYPESTORE.deserialize_cdr(changed, kind)
    assert decoded.stamp.sec * 10**9 + decoded.stamp.nanosec == stamp_ns
    assert decoded.frame_id == header.frame_id
    assert with_stamp_ns(changed, sec * 10**9 + nanosec) == content


@given(st.binary(max_size=11))
def test_what_is_too_short_for_a_stamp_is_a_value_error(content):
    with pytest.raises(ValueError, match='hold no header'):
        read_stamp_ns(content)
