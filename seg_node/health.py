"""
Say why masks are late or missing: from what the node observes to sentences with a remedy.

Silence without a reason is what users of image nodes suffer most, so every known cause has a rule
here, each tried against the real fault in the tests. Nothing in this module knows ROS.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from seg_node.worker import FrameCounts

#: Without a frame for this long the input counts as silent.
SILENT_AFTER_S = 2.0
#: Rules on rates look at the observations of this many seconds.
WINDOW_S = 5.0

LARGE_IMAGES_REMEDY = (
    'set FASTRTPS_DEFAULT_PROFILES_FILE (FASTDDS_DEFAULT_PROFILES_FILE from Kilted on) to '
    "share/seg_node/config/fastdds_large_images.xml in the camera's process, or "
    'reliability:=reliable here'
)


class Level(IntEnum):
    """As in diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2


@dataclass(frozen=True)
class Finding:
    """One thing to know, with the remedy in the same sentence."""

    level: Level
    cause: str  # short and stable, for machines
    text: str


@dataclass(frozen=True)
class Observation:
    """What the node sees at one moment."""

    time_s: float  # monotonic
    node: str = 'seg_node'
    state: str = 'active'  # of the lifecycle
    topic: str = 'image'
    publishers: int = 1
    publishers_of_other_types: tuple[str, ...] = ()
    other_image_topics: tuple[str, ...] = ()
    incompatible_policy: str = ''  # QoS policy of a publisher that cannot be matched
    arrived: int = 0  # frames that came in, wanted or not
    lost_in_transport: int = 0  # as the middleware counts them
    ignored: int = 0  # came while inactive, or while nobody subscribed to a result
    counts: FrameCounts = field(default_factory=FrameCounts)
    rejections: dict[str, int] = field(default_factory=dict)
    work_ms_p50: float = float('nan')  # on the worker's thread, a frame
    max_age_s: float = 0.0
    listeners: int = 1
    use_sim_time: bool = False
    clock_running: bool = True
    model_error: str = ''  # why the model last asked for could not be loaded
    model_loaded: bool = False  # another one is there and runs


class HealthMonitor:
    """Keeps the observations of the last seconds and draws conclusions from them."""

    def __init__(self) -> None:
        self._history: deque[Observation] = deque()
        self._last_arrival_s: float | None = None
        self._matched_since_s: float | None = None

    def assess(self, now: Observation) -> list[Finding]:
        """
        Add an observation and return what is worth saying, the worst first.

        One finding of level OK is returned when nothing is wrong.
        """
        before = self._remember(now)
        findings = [*_model(now), *self._input(now, before), *_frames(now, before)]
        findings.sort(key=lambda finding: -finding.level)
        return findings or [Finding(Level.OK, 'ok', _all_well(now, before))]

    def _remember(self, now: Observation) -> Observation:
        latest = self._history[-1] if self._history else now
        if now.arrived < latest.arrived or now.counts.received < latest.counts.received:
            self._history.clear()  # configured again: all counters began anew
        if now.arrived > latest.arrived:
            self._last_arrival_s = now.time_s
        if now.publishers == 0 or now.state != 'active':
            self._matched_since_s = None
        elif self._matched_since_s is None:
            self._matched_since_s = now.time_s
        self._history.append(now)
        # Two stay however old: with rare observations the window is the time between them.
        while len(self._history) > 2 and now.time_s - self._history[0].time_s > WINDOW_S:
            self._history.popleft()
        return self._history[0]

    def _input(self, now: Observation, before: Observation) -> Iterator[Finding]:
        if now.state != 'active':
            return
        if now.incompatible_policy:
            yield Finding(
                Level.ERROR if now.arrived == before.arrived else Level.WARN,
                'incompatible_qos',
                f'a publisher on {now.topic} offers an incompatible QoS, policy '
                f'{now.incompatible_policy}: set reliability:=best_effort, which matches every '
                'publisher, or change it there',
            )
        elif now.publishers_of_other_types:
            yield Finding(
                Level.WARN if now.publishers else Level.ERROR,
                'wrong_type',
                f'{now.topic} carries {", ".join(now.publishers_of_other_types)}: set '
                'image_transport:=compressed for CompressedImage, raw for Image, or remap image',
            )
        elif now.publishers == 0:
            others = ', '.join(now.other_image_topics) or 'none'
            yield Finding(
                Level.ERROR,
                'no_publisher',
                f'no publisher on {now.topic}: start the camera or remap image '
                f'(image topics there are: {others})',
            )
        if now.use_sim_time and not now.clock_running:
            yield Finding(
                Level.ERROR,
                'clock_not_running',
                'use_sim_time is true and nothing publishes /clock: start the simulator or the '
                'bag with its clock (ros2 bag play --clock), or set use_sim_time to false',
            )
        yield from self._transport(now, before)

    def _transport(self, now: Observation, before: Observation) -> Iterator[Finding]:
        lost = now.lost_in_transport - before.lost_in_transport
        arrived = now.arrived - before.arrived
        if lost > 0:
            yield Finding(
                Level.WARN,
                'lost_in_transport',
                f'{lost} of {lost + arrived} frames on {now.topic} were lost in transport: '
                f'{LARGE_IMAGES_REMEDY}',
            )
        if now.publishers == 0 or self._matched_since_s is None:
            return
        if self._last_arrival_s is None or self._last_arrival_s < self._matched_since_s:
            silent_s = now.time_s - self._matched_since_s
            if silent_s > SILENT_AFTER_S and not now.incompatible_policy:
                yield Finding(
                    Level.ERROR,
                    'nothing_arrives',
                    f'a publisher on {now.topic} is matched since {silent_s:.0f} s and no frame '
                    f'arrived: it is silent, or its frames are lost in transport; for the latter '
                    f'{LARGE_IMAGES_REMEDY}',
                )
        elif (silent_s := now.time_s - self._last_arrival_s) > SILENT_AFTER_S:
            yield Finding(
                Level.WARN,
                'input_stopped',
                f'no frame on {now.topic} for {silent_s:.0f} s: its publisher is there and silent',
            )


def _model(now: Observation) -> Iterator[Finding]:
    if now.model_error:
        level = Level.WARN if now.model_loaded else Level.ERROR
        yield Finding(level, 'model_failed', now.model_error)
    remedy = {
        'unconfigured': f'ros2 lifecycle set {now.node} configure',
        'inactive': f'ros2 lifecycle set {now.node} activate',
    }
    if now.state != 'active':
        yield Finding(
            Level.WARN,
            'not_activated',
            f'the node is {now.state}, not active: {remedy.get(now.state, "start it again")}',
        )


def _frames(now: Observation, before: Observation) -> Iterator[Finding]:
    for reason, count in now.rejections.items():
        if count > before.rejections.get(reason, 0):
            yield Finding(Level.WARN, 'rejected', f'{count} frames rejected: {reason}')
    if (stale := now.counts.stale - before.counts.stale) > 0:
        yield Finding(
            Level.WARN,
            'stale',
            f'{stale} frames refused, older than max_age_s = {now.max_age_s:g} s by their stamp: '
            'the camera is late, or its clock is not this one (use_sim_time?)',
        )
    dropped = now.counts.dropped - before.counts.dropped
    processed = now.counts.processed - before.counts.processed
    if dropped > 1 and dropped > 0.05 * (dropped + processed):
        yield Finding(
            Level.WARN,
            'too_slow',
            f'{now.work_ms_p50:.0f} ms a frame is slower than the input: {dropped} of '
            f'{dropped + processed} frames dropped for newer ones; use precision:=auto, more '
            'threads or a smaller model, or lower the camera rate',
        )


def _all_well(now: Observation, before: Observation) -> str:
    if now.listeners == 0:
        return 'idle: nobody subscribes to a result, so nothing is computed'
    seconds = now.time_s - before.time_s
    processed = now.counts.processed - before.counts.processed
    rate_hz = processed / seconds if seconds > 0 else 0.0
    return f'{rate_hz:.1f} masks a second, {now.work_ms_p50:.1f} ms each'
