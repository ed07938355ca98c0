"""
Make the recorded bags of the tests: ``python -m bench.record_bags``.

Short drives through towns of carla_lite, rendered here without a server: a day, a rainy night, a
junction, a camera with odd encodings, one with gaps and one whose stamps go back. bags.json beside
them says what is in each, what the node must do with it, and how well the shipped model does.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
import hashlib
from importlib.metadata import version
import json
from pathlib import Path
import sys
import tempfile
from typing import Any

from bench import ROOT
from bench.bag_messages import IMAGE, TRUTH, write_bag
from bench.bag_recordings import RECORDINGS, takes
from bench.missing import not_written
import cv2
import numpy as np
from seg_node.atomic_files import put_folder, write_text
from seg_node.bundle import default_bundle_path, ModelBundle
from seg_node.errors import SegNodeError
from seg_node.segment_summary import LaneIou
from seg_node.segmenter import Segmenter
from seg_node.sources.bag import BagSource

MANIFEST = 'bags.json'
#: Below the measured IoU: decoders, engines and processors differ a little.
_MARGIN = 0.05


def record(name: str, folder: Path) -> dict[str, Any]:
    """
    Make one bag anew.

    :param folder: where its folder goes; one that is there is replaced as a whole.
    :return: its entry in the manifest, without what is measured.
    """
    recording = RECORDINGS[name]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix='.making-') as made:
        bag = Path(made, name)  # the data file inside is named after its folder
        facts = write_bag(bag, takes(recording), recording.drive.fov_deg, recording.storage)
        put_folder(bag, folder / name)
    files = sorted((folder / name).iterdir())
    return {
        'about': recording.about,
        'storage': recording.storage,
        **facts,
        'frames': recording.frames,
        'encodings': recording.encodings,
        'answered': recording.frames - sum(recording.rejected.values()),
        'rejected': recording.rejected,
        'drive': asdict(recording.drive),
        'files': {file.name: _file_facts(file) for file in files},
    }


def measure(bag: Path, segmenter: Segmenter) -> LaneIou:
    """Compare a model's masks of a bag's frames with the truth of the same stamps."""
    iou = LaneIou()
    with BagSource(bag, f'{TRUTH}/compressed') as labels:
        truth = {frame.stamp_ns: frame.image for _, frame in labels}
    with BagSource(bag, image_topic(bag)) as images:
        for _, frame in images:  # without those that the node rejects
            mask = segmenter.segment(frame, with_confidence=False).mask
            iou.add(mask.labels, truth[frame.stamp_ns])
    return iou


def image_topic(bag: Path) -> str:
    """Return the topic of a bag's pictures."""
    return IMAGE if RECORDINGS[bag.name].how == 'odd' else f'{IMAGE}/compressed'


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        _make(options)
    except OSError as error:
        print(f'error: {not_written(error, options.out)}', file=sys.stderr)
        return 2
    except (SegNodeError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    return 0


def _make(options: argparse.Namespace) -> None:
    path = options.out / MANIFEST
    manifest = json.loads(path.read_text()) if path.is_file() else {}
    bags: dict[str, Any] = manifest.get('bags', {})
    for name in [] if options.measure else options.only or RECORDINGS:
        print(f'{name}: recording', file=sys.stderr)
        bags[name] = record(name, options.out)
    bundle = ModelBundle.load(default_bundle_path())
    segmenter = Segmenter.load(bundle, 'onnxruntime', 'fp32')
    for name, facts in bags.items():
        value = measure(options.out / name, segmenter).value
        facts['lane_iou'] = round(value, 3)
        facts['lane_iou_floor'] = round(max(0.0, value - _MARGIN), 3)
        size = sum(file['bytes'] for file in facts['files'].values())
        print(f'{name}: {facts["frames"]} frames, {size >> 10} KiB, lane IoU {value:.3f}')
    segmenter.close()
    weights = bundle.manifest.files[0]
    content = {
        'made_by': 'python -m bench.record_bags',
        'versions': {
            'numpy': np.__version__, 'opencv': cv2.__version__, 'rosbags': version('rosbags')
        },
        'measured_with': {'bundle': bundle.manifest.name, 'sha256': weights.sha256},
        'bags': {name: bags[name] for name in RECORDINGS if name in bags},
    }  # fmt: skip
    write_text(path, json.dumps(content, indent=2) + '\n')


def _file_facts(file: Path) -> dict[str, Any]:
    content = file.read_bytes()
    return {'bytes': len(content), 'sha256': hashlib.sha256(content).hexdigest()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m bench.record_bags',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--out', type=Path, default=ROOT / 'test' / 'bags', metavar='DIR')
    parser.add_argument(
        '--only', action='append', choices=list(RECORDINGS), metavar='BAG',
        help=f'make these only, of {", ".join(RECORDINGS)}; may be repeated',
    )  # fmt: skip
    parser.add_argument(
        '--measure', action='store_true', help='make none: measure the shipped model on them again'
    )
    return parser


if __name__ == '__main__':
    sys.exit(main())
