"""What a data set really holds: every pair read, every problem listed, pixels counted."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from seg_node.labels import UNLABELLED
from training.data.listing import read_listing
from training.data.near_duplicates import distinct, small_gray
from training.data.pair_files import list_gaps
from training.data.pairs import PairsFolder
from training.data.sources import SetConfig
from training.errors import DataError


class Problem(NamedTuple):
    """One thing that the user has to mend."""

    source: str  # path of the data set
    name: str  # of the sample; empty for the whole set
    what: str


@dataclass
class Survey:
    """One source, read to the end."""

    folder: PairsFolder
    problems: list[Problem] = field(default_factory=list)
    #: (256,) pixels of each id over all samples
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    #: (256,) samples that show each id
    pictures: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    sizes: Counter[str] = field(default_factory=Counter)
    small: list[np.ndarray] = field(default_factory=list)  # grey, of every readable picture

    def summary(self, near_duplicate: float) -> dict[str, Any]:
        """
        Return what was counted.

        :param near_duplicate: grey levels below which a picture repeats the one before it.
        :return: ``share`` is of the labelled pixels, ``pictures`` of the samples.
        """
        labelled = max(1, int(self.pixels[:UNLABELLED].sum()))
        samples = len(self.folder)
        return {
            'path': self.folder.source.path,
            'part': self.folder.source.part,
            'samples': samples,
            'left_out': self.folder.near_duplicates,
            'near_duplicates': len(self.small) - len(distinct(self.small, near_duplicate)),
            'sizes': dict(self.sizes.most_common()),
            'classes': {
                name: {
                    'annotated': bool(self.folder.annotated[label]),
                    'share': round(int(self.pixels[label]) / labelled, 5),
                    'pictures': int(self.pictures[label]),
                }
                for label, name in enumerate(self.folder.labels)
            },
            'unlabelled': round(int(self.pixels[UNLABELLED]) / max(1, int(self.pixels.sum())), 5),
            'licence': self.folder.licence,
        }


def survey(folder: PairsFolder) -> Survey:
    """Read every pair of a source, on all cores."""
    result = Survey(folder)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(lambda index: _examine(folder, index), range(len(folder))):
            if isinstance(found, Problem):
                result.problems.append(found)
                continue
            counts, size, small = found
            result.pixels += counts
            result.pictures += counts > 0
            result.sizes[size] += 1
            result.small.append(small)
    return result


def list_missing(source: SetConfig, data_root: Path, error: DataError) -> list[Problem]:
    """
    Return all that is missing in a source that could not be opened.

    :param error: what opening said; it stands alone where no file is missing.
    """
    folder = data_root / source.path
    try:
        gaps = list_gaps(folder, source, read_listing(folder))
    except (DataError, OSError):
        gaps = []
    problems = [Problem(source.path, name, what) for name, what in gaps]
    return problems or [Problem(source.path, '', str(error))]


def find_leaks(
    train: Sequence[Survey], validation: Sequence[Survey], near_duplicate: float
) -> tuple[list[Problem], int]:
    """
    Look for validation samples that the training has seen.

    :return: the samples that are in both, and how many others are near-duplicates of a training
        sample.
    """
    seen = {pair.image.resolve() for each in train for pair in each.folder.pairs}
    same = [
        Problem(each.folder.source.path, pair.name, 'is trained on and validated on')
        for each in validation
        for pair in each.folder.pairs
        if pair.image.resolve() in seen
    ]
    known = [small for each in train for small in each.small]
    if not known:
        return same, 0
    stack = np.stack(known)
    near = sum(
        bool(np.abs(stack - small).mean(axis=(1, 2)).min() < near_duplicate)
        for each in validation
        for small in each.small
    )
    return same, max(0, near - len(same))


def _examine(folder: PairsFolder, index: int) -> Problem | tuple[np.ndarray, str, np.ndarray]:
    """Return pixels by id, size and small grey picture of a pair, or what is wrong with it."""
    pair = folder.pairs[index]
    try:
        for path in (pair.image, pair.mask, pair.soft):
            if path is not None and path.suffix != '.npz':  # whose end is read first
                _check_end(path)
        image, mask = folder.read(index)
        folder.read_soft(index, mask.shape)
    except DataError as error:
        return Problem(folder.source.path, pair.name, str(error))
    height, width = mask.shape
    counts = np.bincount(mask.reshape(-1), minlength=256)
    return counts, f'{width}x{height}', small_gray(image)


def _check_end(path: Path) -> None:
    """
    Refuse a file that was cut off: decoders fill what is missing with grey and say nothing.

    :raises DataError: naming the file.
    """
    ends = {'.png': b'IEND', '.jpg': b'\xff\xd9', '.jpeg': b'\xff\xd9'}
    with path.open('rb') as file:
        file.seek(max(0, path.stat().st_size - 64))
        if ends[path.suffix.lower()] not in file.read():
            raise DataError(f'{path} is cut off at its end: copy or make it again')
