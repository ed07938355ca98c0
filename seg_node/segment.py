"""Lane masks for files: a picture, a folder of them, a video or a bag. Needs no ROS."""

import argparse
from collections.abc import Sequence
import json
from pathlib import Path
import sys

import cv2
import numpy as np
from seg_node.atomic_files import write_text
from seg_node.bundle import default_bundle_path, ModelBundle
from seg_node.engines import ENGINE_NAMES, PRECISIONS
from seg_node.errors import SegNodeError
from seg_node.labels import palette_bgr
from seg_node.overlay import draw_overlay
from seg_node.paths import check_bundle, path_argument, place_of, resolved
from seg_node.progress import progress
from seg_node.segment_output import ResultWriter, writing
from seg_node.segment_summary import LaneIou, Summary
from seg_node.segmenter import Segmenter
from seg_node.sources import is_pairs_folder, open_source, Source

_MAX_THREADS = 256

_EPILOG = """\
what is written below --out:
  masks/NAME.png     label ids at the picture's size: 0 background, 1 lane marking, 2 road
  overlays/NAME.jpg  the labels painted over the picture (of a video: overlay.mp4)
  summary.json       frames, errors, latency of each stage, share of lane pixels, engine; it is
                     written last, so a folder without it holds an unfinished run

A pairs folder (images/ and masks/ of label ids, 255 unlabelled) is also measured: lane IoU.

examples:
  python -m seg_node.segment drive.mp4 --out out/drive
  python -m seg_node.segment photos/ --out out/photos --engine openvino --precision int8
  python -m seg_node.segment recording.mcap --topic /camera/image_raw --out out/recording --json
"""


def segment_files(segmenter: Segmenter, source: Source, out: Path, truth: Path | None) -> Summary:
    """
    Segment every frame of a source and write the results.

    :param segmenter: stays open.
    :param source: stays open.
    :param out: the folder for the results.
    :param truth: folder of masks to measure against, one PNG for each picture by name.
    :raises SegNodeError: when not one frame could be read, or nothing can be written.
    """
    summary = Summary(
        source=str(source.path),
        kind=source.kind,
        engine=segmenter.description,
        lane_iou=LaneIou() if truth else None,
    )
    errors: list[str] = []
    palette = palette_bgr(segmenter.bundle.manifest.labels)
    video_rate_hz = source.rate_hz if source.kind == 'video' else None
    with writing(out / 'summary.json'):
        out.joinpath('summary.json').unlink(missing_ok=True)
    with (
        ResultWriter(out, video_rate_hz) as writer,
        progress('segmenting', source.length) as advance,
    ):
        for name, frame in source:
            result = segmenter.segment(frame, with_confidence=False)
            labels = result.mask.labels
            writer.write(name, labels, draw_overlay(frame, result.mask, palette))
            summary.add(labels, result.times)
            if truth and summary.lane_iou is not None:
                errors += _compare(summary.lane_iou, labels, truth / f'{name}.png')
            advance()
    summary.errors = [*source.faults, *errors]
    if summary.frames == 0:
        first = summary.errors[0] if summary.errors else 'it is empty'
        raise SegNodeError(f'no frame could be read ({first}): check the input')
    _write_summary(summary, out / 'summary.json')
    return summary


def _write_summary(summary: Summary, path: Path) -> None:
    with writing(path):
        write_text(path, json.dumps(summary.as_dict(), indent=2) + '\n')


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        summary = _run(options)
    except SegNodeError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except OSError as error:
        place, reason = place_of(error, options.input), error.strerror or error
        print(f'error: {place} cannot be read ({reason}): check its permissions', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f'interrupted: the files in {options.out} are whole, but not all', file=sys.stderr)
        return 130
    print(json.dumps(summary.as_dict(), indent=2) if options.json else summary.as_text())
    return 0


def _run(options: argparse.Namespace) -> Summary:
    _check_options(options)
    truth = options.input / 'masks' if is_pairs_folder(options.input) else None
    with open_source(options.input, options.topic) as source:
        bundle = ModelBundle.load(options.bundle or default_bundle_path())
        segmenter = Segmenter.load(
            bundle, options.engine, options.precision, options.adapter, options.threads
        )
        try:
            return segment_files(segmenter, source, options.out, truth)
        finally:
            segmenter.close()


def _check_options(options: argparse.Namespace) -> None:
    out, source = resolved(options.out), resolved(options.input)
    if out == source or source in out.parents:
        raise SegNodeError(
            f'--out {options.out} lies in the input, whose pictures or masks it would replace: '
            'name another folder'
        )
    check_bundle(options.bundle)
    if not 0 <= options.threads <= _MAX_THREADS:
        raise SegNodeError(f'--threads {options.threads}: use 0 (one a core) to {_MAX_THREADS}')


def _compare(iou: LaneIou, labels: np.ndarray, path: Path) -> list[str]:
    """Count a mask against its truth; return what is wrong with the truth, if anything."""
    truth = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path.is_file() else None
    if truth is None:
        return [f'{path.name}: no such mask, left out of the IoU']
    if truth.shape != labels.shape or truth.dtype != np.uint8:
        return [f'{path.name}: {truth.dtype} {truth.shape} instead of uint8 {labels.shape}']
    iou.add(labels, truth)
    return []


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m seg_node.segment',
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'input', type=path_argument, metavar='INPUT', help='a picture, a folder, a video or a bag'
    )
    parser.add_argument(
        '--out', type=path_argument, required=True, metavar='DIR', help='folder for the results'
    )
    parser.add_argument(
        '--bundle',
        type=path_argument,
        metavar='DIR',
        help='the model (default: the one that ships)',
    )
    parser.add_argument(
        '--engine',
        choices=('auto', *ENGINE_NAMES),
        default='auto',
        help='auto measures what is installed once and takes the fastest (default)',
    )
    parser.add_argument('--precision', choices=('auto', *PRECISIONS), default='auto')
    parser.add_argument(
        '--adapter', default='', metavar='NAME', help="one of the bundle's adapters"
    )
    parser.add_argument(
        '--threads', type=int, default=0, metavar='N', help='0: one for each core (default)'
    )
    parser.add_argument('--topic', metavar='NAME', help='which image topic of a bag')
    parser.add_argument(
        '--json', action='store_true', help='print the summary as JSON instead of as text'
    )
    return parser


if __name__ == '__main__':
    sys.exit(main())
