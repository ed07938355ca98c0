"""Each cause is named while it lasts, with its remedy, and not a moment longer."""

from dataclasses import replace
from typing import Any

import pytest
from seg_node.health import Finding, HealthMonitor, Level, Observation, SILENT_AFTER_S, WINDOW_S
from seg_node.worker import FrameCounts


class Node:
    """A node at 10 Hz that is well until told otherwise; each step is half a second."""

    step_s = 0.5

    def __init__(self, **facts: Any) -> None:
        self.monitor = HealthMonitor()
        self.frames_a_step = 5
        self.now = Observation(time_s=1000.0, topic='/camera/image', work_ms_p50=20.0, **facts)
        self.findings = self.monitor.assess(self.now)

    def step(self, frames: int | None = None, **facts: Any) -> list[str]:
        """Let half a second pass with as many frames, all processed; return the causes."""
        frames = self.frames_a_step if frames is None else frames
        counts = replace(self.now.counts, processed=self.now.counts.processed + frames)
        arrived = self.now.arrived + frames
        later = {'time_s': self.now.time_s + self.step_s, 'arrived': arrived, 'counts': counts}
        self.now = replace(self.now, **(later | facts))
        self.findings = self.monitor.assess(self.now)
        levels = [finding.level for finding in self.findings]
        assert levels == sorted(levels, reverse=True)
        assert self.findings
        assert all('\n' not in finding.text for finding in self.findings)
        return [finding.cause for finding in self.findings]

    def pass_time(self, seconds: float, frames: int | None = None) -> list[str]:
        causes: list[str] = []
        for _ in range(round(seconds / self.step_s)):
            causes = self.step(frames)
        return causes

    def finding(self, cause: str) -> Finding:
        (found,) = [finding for finding in self.findings if finding.cause == cause]
        return found

    def count(self, **more: int) -> FrameCounts:
        """Return the counters of now with some of them raised."""
        changes = {name: getattr(self.now.counts, name) + n for name, n in more.items()}
        return replace(self.now.counts, **changes)


@pytest.fixture
def node() -> Node:
    node = Node()
    assert node.pass_time(WINDOW_S) == ['ok']
    return node


def test_all_is_well(node: Node) -> None:
    assert node.finding('ok') == Finding(Level.OK, 'ok', '10.0 masks a second, 20.0 ms each')


def test_the_first_observation_is_no_fault() -> None:
    assert [finding.cause for finding in Node().findings] == ['ok']


def test_idle(node: Node) -> None:
    assert node.step(listeners=0) == ['ok']
    assert node.finding('ok').text.startswith('idle: nobody subscribes')
    assert node.step(listeners=1) == ['ok']
    assert 'idle' not in node.finding('ok').text


def test_no_publisher(node: Node) -> None:
    others = ('/left/image', '/right/image')
    assert node.step(0, publishers=0, other_image_topics=others) == ['no_publisher']
    finding = node.finding('no_publisher')
    assert finding.level == Level.ERROR
    assert 'no publisher on /camera/image' in finding.text
    assert 'remap image' in finding.text
    assert '/left/image, /right/image' in finding.text
    assert node.pass_time(10, frames=0) == ['no_publisher']
    assert node.step(0, other_image_topics=()) == ['no_publisher']
    assert 'image topics there are: none' in node.finding('no_publisher').text
    assert node.step(publishers=1) == ['ok']


@pytest.mark.parametrize('policy', ['RELIABILITY', 'DURABILITY'])
def test_incompatible_qos(policy: str) -> None:
    node = Node(incompatible_policy=policy)
    for _ in range(10):
        assert node.step(0) == ['incompatible_qos'], 'the cause is known: silence adds nothing'
    finding = node.finding('incompatible_qos')
    assert finding.level == Level.ERROR
    assert f'policy {policy}' in finding.text
    assert 'reliability:=best_effort' in finding.text
    assert node.step() == ['incompatible_qos']
    assert node.finding('incompatible_qos').level == Level.WARN, 'another publisher is matched'
    assert node.step(incompatible_policy='') == ['ok']


def test_wrong_type(node: Node) -> None:
    types = ('sensor_msgs/msg/CompressedImage',)
    assert node.step(0, publishers=0, publishers_of_other_types=types) == ['wrong_type']
    finding = node.finding('wrong_type')
    assert finding.level == Level.ERROR
    assert 'carries sensor_msgs/msg/CompressedImage' in finding.text
    assert 'image_transport:=compressed' in finding.text
    assert node.step(publishers=1) == ['wrong_type']
    assert node.finding('wrong_type').level == Level.WARN, 'images arrive beside it'
    assert node.step(publishers_of_other_types=()) == ['ok']


def test_clock_not_running(node: Node) -> None:
    assert node.step(clock_running=False) == ['ok'], 'the wall clock needs no /clock'
    assert node.step(use_sim_time=True) == ['clock_not_running']
    finding = node.finding('clock_not_running')
    assert finding.level == Level.ERROR
    assert '/clock' in finding.text
    assert 'use_sim_time to false' in finding.text
    assert node.step(clock_running=True) == ['ok']


def test_nothing_arrives_is_said_after_two_seconds_and_not_before() -> None:
    node = Node()
    for _ in range(round(SILENT_AFTER_S / node.step_s)):
        assert node.step(0) == ['ok']
    assert node.step(0) == ['nothing_arrives']
    finding = node.finding('nothing_arrives')
    assert finding.level == Level.ERROR
    assert 'FASTRTPS_DEFAULT_PROFILES_FILE' in finding.text
    assert 'reliability:=reliable' in finding.text
    assert node.step(1) == ['ok']


def test_a_publisher_that_comes_back_has_two_seconds_again(node: Node) -> None:
    node.step(0, publishers=0)
    assert node.step(0, publishers=1) == ['ok']
    assert node.pass_time(SILENT_AFTER_S, frames=0) == ['ok']
    assert node.step(0) == ['nothing_arrives']


def test_input_stopped(node: Node) -> None:
    assert node.pass_time(SILENT_AFTER_S, frames=0) == ['ok']
    assert node.step(0) == ['input_stopped']
    finding = node.finding('input_stopped')
    assert finding.level == Level.WARN
    assert 'no frame on /camera/image for 2 s' in finding.text
    node.pass_time(10, frames=0)
    assert 'for 12 s' in node.finding('input_stopped').text
    assert node.step(1) == ['ok']


def test_lost_in_transport(node: Node) -> None:
    assert node.step(2, lost_in_transport=3) == ['lost_in_transport']
    finding = node.finding('lost_in_transport')
    assert finding.level == Level.WARN
    assert '3 of 50 frames' in finding.text
    assert 'fastdds_large_images.xml' in finding.text
    assert node.pass_time(WINDOW_S - node.step_s) == ['lost_in_transport']
    assert node.step() == ['ok']


def test_rejected_is_named_once_while_it_grows_and_gone_after_the_window(node: Node) -> None:
    rejections = {'encoding 32FC1 is unknown': 0}
    for number in range(1, 4):
        rejections = {'encoding 32FC1 is unknown': number}
        counts = node.count(rejected=1)
        assert node.step(1, rejections=rejections, counts=counts) == ['rejected']
        assert node.finding('rejected').text == f'{number} frames rejected: ' + 'encoding 32FC1 ' \
            'is unknown'  # fmt: skip
        assert node.finding('rejected').level == Level.WARN
    both = rejections | {'image is truncated': 1}
    assert node.step(1, rejections=both, counts=node.count(rejected=1)) == ['rejected'] * 2
    assert node.pass_time(WINDOW_S - node.step_s) == ['rejected']
    assert 'image is truncated' in node.findings[0].text
    assert node.step() == ['ok']


def test_stale(node: Node) -> None:
    node.step(max_age_s=0.25)
    assert node.step(5, counts=node.count(stale=5)) == ['stale']
    finding = node.finding('stale')
    assert finding.level == Level.WARN
    assert '5 frames refused, older than max_age_s = 0.25 s' in finding.text
    assert node.pass_time(WINDOW_S - node.step_s) == ['stale']
    assert node.step() == ['ok']


def test_too_slow(node: Node) -> None:
    for _ in range(10):
        causes = node.step(5, counts=node.count(processed=2, dropped=3), work_ms_p50=250.0)
    assert causes == ['too_slow']
    finding = node.finding('too_slow')
    assert finding.level == Level.WARN
    assert '250 ms a frame' in finding.text
    assert '30 of 50 frames dropped' in finding.text
    assert node.pass_time(WINDOW_S) == ['ok']


def test_a_drop_now_and_then_is_no_fault(node: Node) -> None:
    assert node.step(5, counts=node.count(processed=4, dropped=1)) == ['ok']
    node.pass_time(WINDOW_S)
    assert node.step(5, counts=node.count(processed=98, dropped=2)) == ['ok']


def test_model_failed(node: Node) -> None:
    error = 'no bundle at /x: there is no such folder; name another one'
    assert node.step(model_error=error) == ['model_failed']
    assert node.finding('model_failed') == Finding(Level.ERROR, 'model_failed', error)
    assert node.step(model_error='') == ['ok']


@pytest.mark.parametrize(
    ('state', 'step'),
    [
        ('inactive', 'ros2 lifecycle set /front/seg_node activate'),
        ('unconfigured', 'ros2 lifecycle set /front/seg_node configure'),
        ('finalized', 'start it again'),
    ],
)
def test_not_activated(node: Node, state: str, step: str) -> None:
    """The input's faults are of no interest then."""
    causes = node.step(0, state=state, node='/front/seg_node', incompatible_policy='RELIABILITY')
    assert causes == ['not_activated']
    finding = node.finding('not_activated')
    assert finding.level == Level.WARN
    assert f'the node is {state}' in finding.text
    assert finding.text.endswith(step)
    assert node.pass_time(10, frames=0) == ['not_activated']
    assert node.step(0, publishers=0) == ['not_activated']
    assert node.step(0, publishers=1, incompatible_policy='') == ['not_activated']
    assert node.step(0, state='active') == ['ok']
    assert node.pass_time(SILENT_AFTER_S, frames=0) == ['ok'], 'the silence begins with activation'
    assert node.step(0) == ['nothing_arrives']


def test_the_worst_comes_first(node: Node) -> None:
    causes = node.step(
        0,
        lost_in_transport=5,
        counts=node.count(dropped=50, stale=3, rejected=1),
        rejections={'bad': 1},
        use_sim_time=True,
        clock_running=False,
        model_error='kept the model as it was',
        publishers=0,
    )
    assert set(causes[:3]) == {'model_failed', 'no_publisher', 'clock_not_running'}
    assert set(causes[3:]) == {'lost_in_transport', 'rejected', 'stale', 'too_slow'}


def test_counters_that_begin_anew_are_no_fault(node: Node) -> None:
    """Cleanup and configure make a new input and a new worker."""
    anew = {'counts': FrameCounts(), 'arrived': 0, 'rejections': {}, 'lost_in_transport': 0}
    node.step(5, lost_in_transport=4)
    assert node.step(state='unconfigured', **anew) == ['not_activated']
    assert node.step(2, state='active', counts=FrameCounts(processed=1, dropped=1)) == ['ok']
    assert node.finding('ok').text.startswith('2.0 masks a second')
    assert node.step(2, lost_in_transport=1) == ['lost_in_transport']
    assert '1 of 5 frames' in node.finding('lost_in_transport').text


def test_rare_observations_still_find_faults() -> None:
    """With diagnostics every minute the window is the minute."""
    node = Node()
    node.step_s = 60.0
    assert node.step(600) == ['ok']
    assert node.step(600, lost_in_transport=7) == ['lost_in_transport']
    assert '7 of 607 frames' in node.finding('lost_in_transport').text
    assert node.step(600) == ['ok']
    assert '10.0 masks a second' in node.finding('ok').text
