"""The demo in the simulator: carla_lite, carla_camera, DDS, node, masks, measured as they come."""

from collections.abc import Sequence
import contextlib
from dataclasses import dataclass, field
import math
from pathlib import Path
import re
from typing import Any, TYPE_CHECKING

from seg_node.atomic_files import write_bytes
from seg_node.demo.figures import Figures, head_lines, times_text
from seg_node.demo.model import Model
from seg_node.demo.playback import START_TIMEOUT_S
from seg_node.demo.process import Child, running
from seg_node.demo.route import Leg
from seg_node.demo.sheet import draw_sheet
from seg_node.demo.truth import LegTruth, pooled, WeatherResult
from seg_node.demo.watch import watch
from seg_node.segment_output import encode, OverlayVideo

if TYPE_CHECKING:
    from seg_node.demo.camera_listener import CameraListener

_CAMERA = '/carla/hero/front'
_WIDTH, _HEIGHT, _PITCH_DEG = 640, 360, -5.0
_READY = re.compile(r' ready on \S+:(\d+)\s*$', re.MULTILINE)
_SIMULATOR_TIMEOUT_S = 120.0  # a town is built before the port opens
#: The camera waits for whoever listens; on a busy machine the last of them is matched while it
#: drives already, which is not measured.
_WAIT_FOR_SUBSCRIBERS_S = 20.0
_WARM_UP_S = 1.0
_SETTLE_S = 2.0  # without a mask after the end of the leg: no more will come


@dataclass(frozen=True)
class Simulation:
    """A drive through towns and weathers."""

    legs: Sequence[Leg]
    out: Path  # for logs and results
    rate_hz: float = 10.0
    seed: int = 0
    model: Model = field(default_factory=Model)


def run_simulation(simulation: Simulation) -> dict[str, Any]:
    """
    Drive through all legs, the node's masks beside the truth.

    The simulator waits for its camera, and the camera for the time of day: nothing runs ahead of
    the node by more than the rate says.

    :return: the summary that is printed.
    :raises SegNodeError: when a process fails or no mask comes.
    """
    out = simulation.out
    figures, results = [], []
    with contextlib.ExitStack() as stack:
        # All at once: towns are built while the node tries its engines.
        node = stack.enter_context(running('node', _node(simulation), out / 'node.log'))
        simulators = [
            stack.enter_context(
                running('simulator', _simulator(leg, simulation), out / f'simulator_{number}.log')
            )
            for number, leg in enumerate(simulation.legs, 1)
        ]
        video = OverlayVideo(out / 'overlay.mp4', simulation.rate_hz)
        stack.push(video.close)
        for number, (leg, simulator) in enumerate(
            zip(simulation.legs, simulators, strict=True), 1
        ):
            drive = _LegDrive(simulation, leg, node, simulator, out / f'camera_{number}.log')
            figures.append(drive.run(video))
            results += drive.results
            simulator.stop()
    pairs = [(_caption(result), result.pair) for result in results if result.pair is not None]
    if pairs:
        write_bytes(out / 'overlay.jpg', encode('.jpg', draw_sheet(pairs)))
    return _summary(Figures.pooled(figures), results)


def _node(simulation: Simulation) -> list[str]:
    command = ['seg_node.node', '--ros-args', '-r', f'image:={_CAMERA}/image']
    command += ['-p', 'use_sim_time:=true', '-p', 'diagnostics_period_s:=0.5']
    return command + simulation.model.arguments


def _simulator(leg: Leg, simulation: Simulation) -> list[str]:
    command = ['carla_lite', '--port', '0', '--town', leg.town, '--seed', str(simulation.seed)]
    return [*command, '--rate', f'{simulation.rate_hz:g}']


class _LegDrive:
    """One leg: a camera in a simulator of its own, and a listener."""

    def __init__(
        self, simulation: Simulation, leg: Leg, node: Child, simulator: Child, log: Path
    ) -> None:
        self._simulation = simulation
        self._warm_up = math.ceil(_WARM_UP_S * max(0.0, simulation.rate_hz))
        self._driven = leg.starting_with(self._warm_up)
        self._node, self._simulator = node, simulator
        self._log = log
        self._truth = LegTruth(leg)
        self.results: list[WeatherResult] = []

    def run(self, video: OverlayVideo) -> Figures:
        """Drive to the end of the leg; the results are in ``results``."""
        from seg_node.demo.camera_listener import CameraListener

        simulator = self._simulator
        with contextlib.closing(CameraListener(_CAMERA)) as listener:
            self._node.wait_until(
                listener.node_is_active, 'did not become active', START_TIMEOUT_S
            )
            simulator.wait_until(
                lambda: _READY.search(simulator.log_text()) is not None,
                'did not start',
                _SIMULATOR_TIMEOUT_S,
            )
            with running('camera', self._camera(), self._log) as camera:
                watch(
                    lambda: self._goes_on(camera, listener),
                    lambda: self._step(listener, video),
                    lambda: self._live_line(listener),
                )
            # What was sent before we listened is missing at the beginning, never at the end.
            skip = max(0, listener.sent - self._driven.frames + self._warm_up)
            self.results = self._truth.results(skip)
            return listener.figures(skip)

    def _camera(self) -> list[str]:
        port = _READY.search(self._simulator.log_text())
        assert port is not None
        simulation, leg = self._simulation, self._driven
        parameters = {
            'port': port[1],
            'weather_schedule': leg.schedule_text,
            'frames': leg.frames,
            'rate_hz': float(simulation.rate_hz),
            'seed': simulation.seed,
            'width': _WIDTH,
            'height': _HEIGHT,
            'pitch_deg': _PITCH_DEG,
            'retry_s': 0.0,
            'wait_for_subscribers_s': _WAIT_FOR_SUBSCRIBERS_S,
        }
        command = ['seg_node.carla.camera_node', '--ros-args']
        for name, value in parameters.items():
            command += ['-p', f'{name}:={value}']
        return command

    def _goes_on(self, camera: Child, listener: 'CameraListener') -> bool:
        self._node.check_alive()
        if not camera.finished():
            self._simulator.check_alive()
            return True
        return not listener.settled() and listener.silent_s() < _SETTLE_S

    def _step(self, listener: 'CameraListener', video: OverlayVideo) -> None:
        for picture in listener.take_overlays():
            video.write(picture)
        for match in listener.take_matches():
            self._truth.add(match.number, match.frame, match.labels, match.truth)

    def _live_line(self, listener: 'CameraListener') -> str:
        weather = self._driven.schedule.at(max(0, listener.sent - 1))
        return f'{self._driven.town} {weather}: {listener.live_line()}'


def _summary(figures: Figures, results: Sequence[WeatherResult]) -> dict[str, Any]:
    summary = figures.as_dict(('transit_ms', 'inference_ms'))
    summary |= pooled(result.score for result in results).as_dict()
    return summary | {'weathers': [result.as_dict() for result in results]}


def _caption(result: WeatherResult) -> str:
    score = result.score.as_dict()
    return (
        f'{result.town} {result.weather}: IoU {score["lane_iou"]:.2f}, '
        f'F1 {score["lane_f1_3px"]:.2f}    mask | truth'
    )


def simulation_text(summary: dict[str, Any], out: Path) -> str:
    """Return a summary as people read it."""
    row = '{:<14}{:<18}{:>6}{:>10}{:>10}{:>9}'.format
    everything = summary | {'town': 'all', 'weather': ''}
    lines = [
        *head_lines(summary),
        f'latency    picture published to mask published, by the wall clock: '
        f'{times_text(summary["transit_ms"])}',
        f'           of that inference: {times_text(summary["inference_ms"])}',
        f'truth      {summary["measured"]} masks against the labels with the same stamp '
        '(all that CARLA tags as road lines)',
        '',
        row('town', 'weather', 'sent', 'measured', 'lane IoU', 'F1 3 px'),
        *(
            row(
                *(part[name] for name in ('town', 'weather', 'sent', 'measured')),
                *(f'{part[name]:.3f}' for name in ('lane_iou', 'lane_f1_3px')),
            )
            for part in (*summary['weathers'], everything)
        ),
        '',
        f'pictures   {out / "overlay.mp4"} and {out / "overlay.jpg"}',
    ]
    return '\n'.join(lines)
