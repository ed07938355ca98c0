"""
Take kerb lines out of masks: ``python -m bench.kerb_lines PAIRS OUT``.

Some of CARLA's kerb meshes are tagged RoadLine, so that a mask made from its tags marks kerbs
too. Paint is brighter than the ground on both of its sides; a kerb line is the edge between two
surfaces. Labelled pixels around which no such ridge is seen become unlabelled (255), so that
metrics leave them out, whatever was predicted there.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
import shutil
import sys

from bench.errors import BenchError
from bench.missing import not_written
import cv2
import numpy as np
from seg_node.atomic_files import write_bytes, write_text
from seg_node.errors import SegNodeError
from seg_node.labels import LANE_MARKING, UNLABELLED

_REACH_PX = 9  # beside a line, where the ground is looked for
_WIDEST_PX = 6.0  # a kerb's line; what is wider is paint
_AROUND_PX = 21  # a stretch of line that is judged together
_LEAST_RIDGE = 5.0  # grey levels by which paint outshines the brighter of its two sides


def without_kerbs(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """
    Return the mask with what is no ridge unlabelled.

    :param image: (H, W, 3) uint8 BGR.
    :param mask: (H, W) uint8 label ids.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    lane = (mask == LANE_MARKING).astype(np.float32)
    ridge = _ridge(grey, 1 - cv2.dilate(lane, np.ones((3, 3), np.uint8)))
    total = cv2.boxFilter(ridge * lane, -1, (_AROUND_PX, _AROUND_PX), normalize=False)
    count = cv2.boxFilter(lane, -1, (_AROUND_PX, _AROUND_PX), normalize=False)
    inside = cv2.distanceTransform(lane.astype(np.uint8), cv2.DIST_L2, 3)
    thin = cv2.dilate(inside, np.ones((_REACH_PX, _REACH_PX), np.uint8)) < _WIDEST_PX / 2
    kerb = (lane > 0) & thin & (total / np.maximum(count, 1) < _LEAST_RIDGE)
    return np.where(kerb, UNLABELLED, mask).astype(np.uint8)


def _ridge(grey: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Return by how much each pixel outshines the ground on both sides, the better way round."""
    best = np.full(grey.shape, -255.0, np.float32)
    for axis in (0, 1):
        sides = []
        for sign in (-1, 1):
            weights, values = np.zeros_like(grey), np.zeros_like(grey)
            for step in range(1, _REACH_PX + 1):
                weights += np.roll(ground, sign * step, axis)
                values += np.roll(grey * ground, sign * step, axis)
            sides.append(np.where(weights > 0, values / np.maximum(weights, 1e-6), 255.0))
        best = np.maximum(best, grey - np.maximum(*sides))
    return best


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog='python -m bench.kerb_lines', description=__doc__)
    parser.add_argument('source', type=Path, help='pairs folder')
    parser.add_argument('out', type=Path, help='where the changed copy goes')
    options = parser.parse_args(arguments)
    try:
        masks, share = _copy_without(options.source, options.out)
    except OSError as error:
        print(f'error: {not_written(error, options.out, "name another OUT")}', file=sys.stderr)
        return 2
    except SegNodeError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(f'{masks} masks, {100 * share:.1f} % of the lane pixels unlabelled: {options.out}')
    return 0


def _copy_without(source: Path, out: Path) -> tuple[int, float]:
    """Write the changed copy; return the masks and which share of the lane pixels went."""
    images = sorted((source / 'images').glob('*'))
    if not images:
        raise BenchError(f'{source} is no pairs folder: it has no images/')
    kept = removed = 0
    for path in images:
        mask_path = source / 'masks' / f'{path.stem}.png'
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        mask = cv2.imread(str(mask_path), cv2.IMREAD_UNCHANGED) if mask_path.is_file() else None
        if image is None or mask is None or mask.shape != image.shape[:2]:
            raise BenchError(
                f'{mask_path} is no mask of {path}: take both out of the pairs folder, or fetch '
                'them again'
            )
        changed = without_kerbs(image, mask)
        kept += int((changed == LANE_MARKING).sum())
        removed += int((changed != mask).sum())
        encoded = cv2.imencode('.png', changed)[1].tobytes()
        write_bytes(out / 'masks' / f'{path.stem}.png', encoded)
        (out / 'images').mkdir(exist_ok=True)
        shutil.copyfile(path, out / 'images' / path.name)
    write_text(out / 'dataset.json', '{"annotated": ["lane_marking"]}\n')
    return len(images), removed / max(kept + removed, 1)


if __name__ == '__main__':
    sys.exit(main())
