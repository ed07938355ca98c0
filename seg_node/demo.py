"""
The main job from end to end: pictures, replay, DDS, node, masks, with figures.

The node and the replay run as processes of their own, as on a robot; this one listens.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
import contextlib
from dataclasses import dataclass
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import cv2
from seg_node.atomic_files import write_bytes, write_text
from seg_node.dds_profile import use_large_images_profile
from seg_node.demo_road import write_pairs
from seg_node.errors import SegNodeError
from seg_node.segment_output import encode, OverlayVideo
from seg_node.segment_summary import LaneIou
from seg_node.sources import is_pairs_folder, open_source

if TYPE_CHECKING:
    from seg_node.demo_listener import DemoListener

#: Frames of the shared CARLA drive that the shipped model never saw in training.
_HELD_OUT = 100
_DRAWN_FRAMES = 150
_START_TIMEOUT_S = 60.0
_SETTLE_S = 3.0  # without a mask after the end of the replay: no more will come


class DemoError(SegNodeError):
    """The demo cannot run, or one of its processes failed."""


@dataclass(frozen=True)
class Drive:
    """What is played, and how."""

    source: Path  # a bag, a video, a folder of pictures or a pairs folder
    out: Path  # for logs and results
    rate_hz: float | None = None  # None for as recorded
    topic: str | None = None  # of a bag with several
    bundle: Path | None = None  # None for the one that ships


def make_input(folder: Path, drawn: bool) -> Path:
    """
    Make an input where none is given: real CARLA frames beside the checkout, else a drawing.

    :param folder: empty; the pairs folder is made in it.
    :param drawn: draw one, whatever there is.
    """
    made = folder / 'drive'
    carla = Path('../shared/data/carla_town_a')
    if drawn or not is_pairs_folder(carla):
        return write_pairs(made, _DRAWN_FRAMES)
    for name in ('images', 'masks'):
        (made / name).mkdir(parents=True)
        for path in sorted((carla / name).iterdir())[-_HELD_OUT:]:
            (made / name / path.name).symlink_to(path.resolve())
    return made


def run(drive: Drive) -> dict:
    """
    Play a drive through the node and collect what comes out.

    :return: the summary that is printed.
    :raises DemoError: when a process fails or no mask comes.
    """
    with open_source(drive.source, drive.topic) as opened:
        rate_hz = drive.rate_hz or opened.rate_hz or (None if opened.kind == 'bag' else 15.0)
    from seg_node.demo_listener import DemoListener

    has_truth = is_pairs_folder(drive.source)
    with contextlib.ExitStack() as stack:
        parameters = ['-p', f'bundle:={drive.bundle}'] if drive.bundle else []
        node = stack.enter_context(
            _process(['seg_node.node', '--ros-args', *parameters], drive.out / 'node.log')
        )
        listener = stack.enter_context(contextlib.closing(DemoListener(has_truth)))
        _wait_until(listener.node_is_active, node, drive.out / 'node.log')
        replay = stack.enter_context(
            _process(_replay_command(drive, rate_hz), drive.out / 'replay.log')
        )
        video = OverlayVideo(drive.out / 'overlay.mp4', rate_hz or 15.0)
        stack.push(video.close)
        _watch(node, replay, listener, video, drive.out)
        summary = listener.summary()
    write_bytes(drive.out / 'overlay.jpg', encode('.jpg', listener.last_overlay))
    if has_truth:
        summary['lane_iou'] = _lane_iou(listener.masks_by_frame(), drive.source)
    return summary


def _replay_command(drive: Drive, rate_hz: float | None) -> list[str]:
    command = ['seg_node.replay', str(drive.source), '--topic', 'image', '--stamp', 'now']
    command += ['--camera-info']
    if rate_hz:
        command += ['--rate', str(rate_hz)]
    if drive.topic:
        command += ['--bag-topic', drive.topic]
    return command


def _watch(
    node: subprocess.Popen,
    replay: subprocess.Popen,
    listener: 'DemoListener',
    video: OverlayVideo,
    out: Path,
) -> None:
    """Show progress and write the video until all masks are there."""
    show = _LiveLine()
    while replay.poll() is None or not listener.settled():
        if node.poll() is not None:
            raise DemoError(f'the node ended: {_last_line(out / "node.log")}')
        if replay.poll():
            raise DemoError(f'the replay failed: {_last_line(out / "replay.log")}')
        if replay.poll() is not None and listener.silent_s() > _SETTLE_S:
            break
        for picture in listener.take_overlays():
            video.write(picture)
        show.line(listener.live_line())
        time.sleep(0.05)
    show.end()


class _LiveLine:
    """One line that changes on a terminal; elsewhere a line every few seconds."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._printed_s = 0.0

    def line(self, text: str) -> None:
        if self._terminal:
            print(f'\r{text}', end='', file=sys.stderr, flush=True)
        elif time.monotonic() - self._printed_s > 3.0:
            self._printed_s = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._terminal:
            print(file=sys.stderr)


@contextlib.contextmanager
def _process(module_and_arguments: list[str], log: Path) -> Iterator[subprocess.Popen]:
    """Run a module as a process; it is asked to stop at the end, then made to."""
    with log.open('w') as file:
        process = subprocess.Popen(
            [sys.executable, '-m', *module_and_arguments], stdout=file, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until(ready: Callable[[], bool], node: subprocess.Popen, log: Path) -> None:
    end_s = time.monotonic() + _START_TIMEOUT_S
    while not ready():
        if node.poll() is not None or time.monotonic() > end_s:
            raise DemoError(f'the node did not become active: {_last_line(log)}')
        time.sleep(0.1)


def _last_line(log: Path) -> str:
    return (log.read_text().strip().splitlines() or ['it wrote no log'])[-1]


def _lane_iou(masks: dict, source: Path) -> float:
    """Compare masks, by their number in the drive, with the pairs folder's own."""
    iou = LaneIou()
    truths = sorted((source / 'masks').glob('*.png'))
    for number, labels in masks.items():
        if number < len(truths):
            truth = cv2.imread(str(truths[number]), cv2.IMREAD_UNCHANGED)
            if truth is not None:
                iou.add(labels, truth)
    return iou.value


def _as_text(summary: dict, out: Path) -> str:
    age, inference = summary['age_ms'], summary['inference_ms']
    lines = [
        f'model      {summary["model"]}',
        f'frames     {summary["sent"]} sent, {summary["masks"]} masks at '
        f'{summary["rate_hz"]:.1f} Hz, {summary["dropped"]} dropped for newer ones, '
        f'{summary["lost_in_transport"]} lost in transport',
        f'latency    camera stamp to mask published: p50 {age["p50"]:.1f} ms, '
        f'p95 {age["p95"]:.1f} ms, p99 {age["p99"]:.1f} ms',
        f'           of that inference: p50 {inference["p50"]:.1f} ms, '
        f'p99 {inference["p99"]:.1f} ms',
    ]
    if 'lane_iou' in summary:
        lines.append(f'lane IoU   {summary["lane_iou"]:.3f} against the truth of the input')
    lines.append(f'pictures   {out / "overlay.mp4"} and {out / "overlay.jpg"}')
    return '\n'.join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = _parser().parse_args(arguments)
    os.environ.setdefault('ROS_DOMAIN_ID', '42')
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    use_large_images_profile()
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix='seg_node_demo_') as made:
            source = options.input or make_input(Path(made), options.drawn)
            print(f'playing {source} through seg_node over DDS ...', file=sys.stderr)
            summary = run(Drive(source, options.out, options.rate, options.topic, options.bundle))
    except (SegNodeError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    write_text(options.out / 'summary.json', json.dumps(summary, indent=2) + '\n')
    print(json.dumps(summary, indent=2) if options.json else _as_text(summary, options.out))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python -m seg_node.demo', description=__doc__)
    parser.add_argument(
        'input', nargs='?', type=Path, help='bag, video, folder of pictures or pairs folder'
    )
    parser.add_argument(
        '--drawn', action='store_true', help='a drawn road, even where recorded pictures are there'
    )
    parser.add_argument('--out', type=Path, default=Path('out/demo'), metavar='DIR')
    parser.add_argument('--rate', type=float, metavar='HZ', help='default: as recorded')
    parser.add_argument('--topic', metavar='NAME', help='which image topic of a bag')
    parser.add_argument('--bundle', type=Path, metavar='DIR', help='default: the one that ships')
    parser.add_argument('--json', action='store_true', help='print the figures as JSON')
    return parser


if __name__ == '__main__':
    sys.exit(main())
