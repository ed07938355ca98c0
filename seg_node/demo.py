"""
The main job from end to end: pictures, replay, DDS, node, masks, with figures.

The node and the replay run as processes of their own, as on a robot; this one listens.
"""

import argparse
from collections.abc import Sequence
import contextlib
import json
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import time

import cv2
from seg_node.atomic_files import write_bytes, write_text
from seg_node.dds_profile import use_large_images_profile
from seg_node.demo_road import write_pairs
from seg_node.errors import SegNodeError
from seg_node.segment_output import encode, OverlayVideo
from seg_node.segment_summary import LaneIou
from seg_node.sources import is_pairs_folder, open_source

#: Frames of the shared CARLA drive that the shipped model never saw in training.
_HELD_OUT = 100
_DRAWN_FRAMES = 150
_START_TIMEOUT_S = 60.0


class DemoError(SegNodeError):
    """The demo cannot run, or one of its processes failed."""


def choose_input(given: Path | None, drawn: bool, out: Path) -> Path:
    """
    Return the input: what was given, else real CARLA frames beside the checkout, else a drawing.

    :param given: a bag, a video, a folder of pictures or a pairs folder.
    :param drawn: draw one, whatever there is.
    :param out: folder for what has to be made.
    """
    if given is not None:
        return given
    made = out / 'input'
    shutil.rmtree(made, ignore_errors=True)
    carla = Path('../shared/data/carla_town_a')
    if drawn or not is_pairs_folder(carla):
        return write_pairs(made, _DRAWN_FRAMES)
    for name in ('images', 'masks'):
        (made / name).mkdir(parents=True)
        for path in sorted((carla / name).iterdir())[-_HELD_OUT:]:
            (made / name / path.name).symlink_to(path.resolve())
    return made


def run(source: Path, out: Path, rate_hz: float | None, bundle: Path | None) -> dict:
    """
    Play an input through the node and collect what comes out.

    :return: the summary that is printed.
    :raises DemoError: when a process fails or no mask comes.
    """
    with open_source(source) as opened:
        kind, length = opened.kind, opened.length
        rate_hz = rate_hz or opened.rate_hz or (15.0 if kind == 'folder' else None)
    from seg_node.demo_listener import DemoListener

    with contextlib.ExitStack() as stack:
        node_log = stack.enter_context((out / 'node.log').open('w'))
        parameters = ['-p', f'bundle:={bundle}'] if bundle else []
        node = stack.enter_context(
            _process('seg_node.node', ['--ros-args', *parameters], node_log)
        )
        listener = stack.enter_context(contextlib.closing(DemoListener()))
        show = _LiveLine()
        video = OverlayVideo(out / 'overlay.mp4', rate_hz or 15.0)
        stack.push(video.close)
        _wait_until(listener.node_is_active, node, out / 'node.log')
        pace = ['--rate', str(rate_hz)] if rate_hz else []
        options = [str(source), '--topic', 'image', '--stamp', 'now', '--camera-info', *pace]
        replay = stack.enter_context(_process('seg_node.replay', options, subprocess.DEVNULL))
        while replay.poll() is None or not listener.settled():
            if node.poll() is not None:
                raise DemoError(f'the node ended: see {out / "node.log"}')
            if replay.poll() is not None and listener.silent_s() > 3:
                break
            for picture in listener.take_overlays():
                video.write(picture)
            show.line(listener.live_line(length))
            time.sleep(0.05)
        show.end()
        summary = listener.summary()
        overlay = listener.last_overlay
    if overlay is not None:
        write_bytes(out / 'overlay.jpg', encode('.jpg', overlay))
    if is_pairs_folder(source):
        summary['lane_iou'] = _lane_iou(listener.masks_by_frame(), source)
    return summary


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
def _process(module: str, arguments: list[str], log):
    """Run a module as a process; it is asked to stop at the end, then made to."""
    process = subprocess.Popen(
        [sys.executable, '-m', module, *arguments], stdout=log, stderr=subprocess.STDOUT
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


def _wait_until(ready, node: subprocess.Popen, log: Path) -> None:
    end_s = time.monotonic() + _START_TIMEOUT_S
    while not ready():
        if node.poll() is not None or time.monotonic() > end_s:
            lines = log.read_text().strip().splitlines() or ['it wrote no log']
            raise DemoError(f'the node did not become active: {lines[-1]}')
        time.sleep(0.1)


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
    parser = argparse.ArgumentParser(prog='python -m seg_node.demo', description=__doc__)
    parser.add_argument(
        'input', nargs='?', type=Path, help='bag, video, folder of pictures or pairs folder'
    )
    parser.add_argument(
        '--drawn', action='store_true', help='a drawn road, even where recorded pictures are there'
    )
    parser.add_argument('--out', type=Path, default=Path('out/demo'), metavar='DIR')
    parser.add_argument('--rate', type=float, metavar='HZ', help='default: as recorded')
    parser.add_argument('--bundle', type=Path, metavar='DIR', help='default: the one that ships')
    parser.add_argument('--json', action='store_true', help='print the figures as JSON')
    options = parser.parse_args(arguments)
    os.environ.setdefault('ROS_DOMAIN_ID', '42')
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    use_large_images_profile()
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        source = choose_input(options.input, options.drawn, options.out)
        print(f'playing {source} through seg_node over DDS ...', file=sys.stderr)
        summary = run(source, options.out, options.rate, options.bundle)
    except (SegNodeError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    write_text(options.out / 'summary.json', json.dumps(summary, indent=2) + '\n')
    print(json.dumps(summary, indent=2) if options.json else _as_text(summary, options.out))
    return 0


if __name__ == '__main__':
    sys.exit(main())
