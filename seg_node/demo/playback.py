"""The demo with pictures: files, replay, DDS, node, masks."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
from seg_node.atomic_files import write_bytes
from seg_node.demo.figures import head_lines, times_text
from seg_node.demo.model import Model
from seg_node.demo.process import running
from seg_node.demo.watch import watch
from seg_node.segment_output import encode, OverlayVideo
from seg_node.segment_summary import LaneIou
from seg_node.sources import is_pairs_folder, open_source

START_TIMEOUT_S = 60.0
_SETTLE_S = 3.0  # without a mask after the end of the replay: no more will come
_DEFAULT_RATE_HZ = 15.0


@dataclass(frozen=True)
class Replay:
    """What is played, and how."""

    source: Path  # a bag, a video, a folder of pictures or a pairs folder
    out: Path  # for logs and results
    rate_hz: float | None = None  # None for as recorded
    topic: str | None = None  # of a bag with several
    model: Model = field(default_factory=Model)


def run_replay(replay: Replay) -> dict[str, Any]:
    """
    Play pictures through the node and collect what comes out.

    :return: the summary that is printed.
    :raises SegNodeError: when a process fails or no mask comes.
    """
    with open_source(replay.source, replay.topic) as opened:
        default_hz = None if opened.kind == 'bag' else _DEFAULT_RATE_HZ
        rate_hz = replay.rate_hz or opened.rate_hz or default_hz
    from seg_node.demo.listener import DemoListener

    has_truth = is_pairs_folder(replay.source)
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        command = ['seg_node.node', '--ros-args', *replay.model.arguments]
        node = enter(running('node', command, replay.out / 'node.log'))
        listener = enter(contextlib.closing(DemoListener(keep_masks=has_truth)))
        node.wait_until(listener.node_is_active, 'did not become active', START_TIMEOUT_S)
        player = enter(running('replay', _command(replay, rate_hz), replay.out / 'replay.log'))
        video = OverlayVideo(replay.out / 'overlay.mp4', rate_hz or _DEFAULT_RATE_HZ)
        stack.push(video.close)

        def going_on() -> bool:
            node.check_alive()
            if not player.finished():
                return True
            return not listener.settled() and listener.silent_s() < _SETTLE_S

        def step() -> None:
            for picture in listener.take_overlays():
                video.write(picture)

        watch(going_on, step, listener.live_line)
        summary = listener.figures().as_dict(('age_ms', 'inference_ms'))
    write_bytes(replay.out / 'overlay.jpg', encode('.jpg', listener.last_overlay))
    if has_truth:
        summary['lane_iou'] = _lane_iou(listener.masks_by_frame(), replay.source)
    return summary


def replay_text(summary: dict[str, Any], out: Path) -> str:
    """Return a summary as people read it."""
    lines = [
        *head_lines(summary),
        f'latency    camera stamp to mask published: {times_text(summary["age_ms"])}',
        f'           of that inference: {times_text(summary["inference_ms"])}',
    ]
    if 'lane_iou' in summary:
        lines.append(f'lane IoU   {summary["lane_iou"]:.3f} against the truth of the input')
    lines.append(f'pictures   {out / "overlay.mp4"} and {out / "overlay.jpg"}')
    return '\n'.join(lines)


def _command(replay: Replay, rate_hz: float | None) -> list[str]:
    command = ['seg_node.replay', str(replay.source), '--topic', 'image', '--stamp', 'now']
    command += ['--camera-info']
    if rate_hz:
        command += ['--rate', str(rate_hz)]
    if replay.topic:
        command += ['--bag-topic', replay.topic]
    return command


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
