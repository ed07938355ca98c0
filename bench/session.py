"""One measurement: a camera plays to a node, the listener hears what comes out."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, ExitStack
from dataclasses import dataclass, field
import json
from pathlib import Path
import time
from typing import Any

from bench.listener import Arrival, Listener, MaskLog
from bench.node_report import FrameStages, NodeReport
from bench.processes import Process

#: Left out of percentiles (never out of drops): caches fill, the processor speeds up.
WARM_UP_S = 1.0


@dataclass(frozen=True)
class CameraSettings:
    """What the camera sends."""

    width: int = 1280
    height: int = 720
    rate_hz: float = 30.0
    frames: int = 900
    in_step: bool = False  # each frame waits for the mask of the one before


@dataclass(frozen=True)
class Subject:
    """A node that is measured."""

    name: str
    process: Process
    description: str = ''  # model and engine, as it says itself

    @property
    def image_topic(self) -> str:
        """Its own, so that it rests while another node is measured."""
        return f'/bench/{self.name}/image'

    @property
    def mask_topic(self) -> str:
        """Where its masks come out."""
        return f'/{self.name}/mask'

    @property
    def latency_topic(self) -> str:
        """Where seg_node reports each frame; empty for others."""
        return '/seg_node/latency' if self.name == 'seg_node' else ''


@dataclass
class Run:
    """What came of one camera."""

    sent: dict[str, Any]  # bench.camera.Sent
    arrivals: list[Arrival]
    cpu_s: float  # processor time of the node during the run
    seconds: float
    stages: list[FrameStages] = field(default_factory=list)  # of seg_node
    counters: dict[str, int] = field(default_factory=dict)  # of seg_node, during the run

    @property
    def drops(self) -> int:
        """Frames sent that never became a mask here, for whatever reason."""
        return self.sent['frames'] - len(self.arrivals)

    @property
    def ages_ms(self) -> list[float]:
        """Age of each mask on arrival, after the warm-up."""
        return [item.age_ms for item in self.arrivals if self._counts(item.stamp_ns)]

    def stage_ms(self, *names: str) -> list[float]:
        """Sum of stages for each frame, after the warm-up."""
        frames = [frame for frame in self.stages if self._counts(frame.stamp_ns)]
        return [sum(frame.times_ms[name] for name in names) for frame in frames]

    def _counts(self, stamp_ns: int) -> bool:
        seconds = self.sent['frames'] / self.sent['rate_hz']
        warm_up_s = min(WARM_UP_S, seconds / 5)
        return stamp_ns - self.sent['first_stamp_ns'] >= warm_up_s * 1e9


@contextmanager
def start_node(
    domain_id: int, logs: Path, parameters: dict[str, Any], cores: Collection[int] = ()
) -> Iterator[Subject]:
    """
    Start seg_node and wait until it is active.

    :param cores: numbers of the only cores it may use; empty for all.
    """
    arguments = ['--ros-args', '-r', 'image:=/bench/seg_node/image']
    for name, value in parameters.items():
        arguments += ['-p', f'{name}:={value}']
    log = logs / 'seg_node.log'
    with Process('seg_node.node', arguments, domain_id, log, cores) as process:
        process.wait_for_log('active: waiting for images')
        _, _, said = process.log.read_text().partition('configured: ')
        yield Subject('seg_node', process, said.splitlines()[0])


@contextmanager
def start_yardstick(domain_id: int, logs: Path, bundle: Path, threads: int) -> Iterator[Subject]:
    """Start the yardstick and wait until it is ready."""
    arguments = [str(bundle), '--threads', str(threads)]
    arguments += ['--ros-args', '-r', 'image:=/bench/yardstick/image']
    log = logs / 'yardstick.log'
    with Process('bench.yardstick_node', arguments, domain_id, log) as process:
        process.wait_for_log('ready')
        yield Subject('yardstick', process, 'eager torch')


class Session:
    """Measures subjects, one camera after the other, with one listener on one DDS domain."""

    def __init__(self, listener: Listener, domain_id: int, logs: Path) -> None:
        """Make a session; the listener is not closed by it."""
        self._listener, self._domain_id, self._logs = listener, domain_id, logs

    def measure(
        self, subject: Subject, camera: CameraSettings, watch: Callable[[int], None] | None = None
    ) -> Run:
        """
        Let a camera play to a subject.

        :param watch: called now and then with the number of masks so far.
        :raises BenchError: when a process ends, or what comes out are no masks.
        """
        with ExitStack() as stack:
            masks = MaskLog(self._listener, subject.mask_topic)
            stack.callback(masks.close)
            masks.wait_for_publisher()
            report = None
            if subject.latency_topic:
                report = NodeReport(self._listener, subject.latency_topic)
                stack.callback(report.close)
                report.wait_for_listeners()
            before = report.counters() if report else {}
            cpu_s, start_s = subject.process.cpu_s(), time.monotonic()
            sent = self._play(subject, camera, masks, watch or (lambda _: None))
            run = Run(
                sent,
                masks.arrivals,
                cpu_s=subject.process.cpu_s() - cpu_s,
                seconds=time.monotonic() - start_s,
            )
            subject.process.check_alive()
            masks.check(camera.width, camera.height)
            if report:
                after = report.counters()
                run.counters = {name: after[name] - before[name] for name in after}
                run.stages = report.stages()
        return run

    def _play(
        self,
        subject: Subject,
        camera: CameraSettings,
        masks: MaskLog,
        watch: Callable[[int], None],
    ) -> dict[str, Any]:
        arguments = [f'--topic={subject.image_topic}', f'--frames={camera.frames}']
        arguments += [f'--width={camera.width}', f'--height={camera.height}']
        arguments.append(
            f'--in-step-with={subject.mask_topic}'
            if camera.in_step
            else f'--rate={camera.rate_hz}'
        )
        log = self._logs / 'camera.log'
        with Process('bench.camera', arguments, self._domain_id, log) as process:
            while not process.has_output(0.1):
                subject.process.check_alive()
                watch(len(masks.arrivals))
            sent: dict[str, Any] = json.loads(process.read_line())
            masks.wait_until_quiet(sent['frames'])
            watch(len(masks.arrivals))
        return sent
