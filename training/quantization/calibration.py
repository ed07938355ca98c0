"""Frames that show the layers what values they will see: from the target domain, of all kinds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from seg_node.frame import Frame
from seg_node.preprocess import InputSpec, preprocess
from training.data.pairs import PairsFolder
from training.data.sources import SetConfig
from training.engine_figures import name_of_set
from training.errors import DataError
from training.evaluation.bands import evenly
from training.evaluation.groups import groups_of
from training.quantize_config import MIN_FRAMES

#: Facts of ``samples.jsonl`` that make frames different for a network.
_FACTS = ('weather', 'light')
#: Pictures of a set that are looked at to find dark and bright ones.
_LOOKED_AT = 400
#: Kind of frames that a set says nothing of, while it does of others.
NOT_TOLD = 'not told'
_QUARTERS = ('darkest quarter', 'second quarter', 'third quarter', 'brightest quarter')


@dataclass(frozen=True)
class Calibration:
    """
    Calibration frames as the network gets them.

    :param batches: uint8 (1, H, W, 3) BGR each.
    :param kinds: of each of them.
    :param sets: where they are from.
    """

    batches: tuple[np.ndarray, ...]
    kinds: tuple[str, ...]
    sets: tuple[str, ...]

    @property
    def strata(self) -> dict[str, int]:
        """Return how many of each kind there are, in the order of their coming."""
        return dict(Counter(self.kinds))

    @property
    def sha256(self) -> str:
        """Return one hash over all frames, in order."""
        digest = hashlib.sha256()
        for batch in self.batches:
            digest.update(batch.tobytes())
        return digest.hexdigest()

    def some(self, count: int) -> 'Calibration':
        """Return no more than so many of the frames, spread evenly."""
        chosen = evenly(len(self.batches), count)
        return replace(
            self,
            batches=tuple(self.batches[index] for index in chosen),
            kinds=tuple(self.kinds[index] for index in chosen),
        )

    def facts(self) -> dict[str, Any]:
        """Return what a bundle states of it."""
        return {
            'sets': list(self.sets),
            'frames': len(self.batches),
            'sha256': self.sha256,
            'strata': self.strata,
        }


def open_sets(
    sets: Sequence[SetConfig], data_root: Path, labels: tuple[str, ...]
) -> list[PairsFolder]:
    """
    Open sets whose pictures alone are wanted: nobody need say what their masks annotate.

    :raises DataError: when one cannot be read.
    """
    return [
        PairsFolder.open(replace(item, annotated=item.annotated or labels), data_root, labels)
        for item in sets
    ]


def check_enough(folders: Sequence[PairsFolder]) -> None:
    """
    Refuse sets that cannot be calibrated on.

    :raises DataError: when they hold too few frames.
    """
    total = sum(map(len, folders))
    if total < MIN_FRAMES:
        raise DataError(
            f'{", ".join(name_of_set(folder) for folder in folders)}: {total} frames are too few '
            f'to calibrate on, {MIN_FRAMES} are the least: name a larger set with --data'
        )


def calibration_of(folders: Sequence[PairsFolder], count: int, spec: InputSpec) -> Calibration:
    """
    Choose frames in equal shares of every kind, each kind's spread evenly over its drives.

    :param count: frames in all; fewer where the sets do not hold so many.
    :raises DataError: when there are too few to calibrate on.
    """
    check_enough(folders)
    strata: dict[str, _Members] = {}
    for folder in folders:
        for name, members in _strata(folder):
            strata.setdefault(name, []).extend(members)
    sizes = [len(members) for members in strata.values()]
    shares = _shares(sizes, min(count, sum(sizes)))
    batches, kinds = [], []
    for (name, members), share in zip(strata.items(), shares, strict=True):
        for index in evenly(len(members), share):
            folder, picture = members[index]
            batches.append(preprocess(Frame(folder.read_image(picture)), spec)[0])
            kinds.append(name)
    return Calibration(tuple(batches), tuple(kinds), tuple(map(name_of_set, folders)))


_Members = list[tuple[PairsFolder, int]]


def _strata(folder: PairsFolder) -> list[tuple[str, _Members]]:
    """Return the pictures of a set by kind; a set that states no kinds, by brightness."""
    groups = groups_of(folder)
    values: dict[int, list[str]] = {}
    for fact in _FACTS:
        for value, indices in groups.get(fact, {}).items():
            for index in indices:
                values.setdefault(index, []).append(value)
    kinds: dict[str, _Members] = {}
    for index in range(len(folder)):
        kinds.setdefault(', '.join(values.get(index, [])), []).append((folder, index))
    if list(kinds) == ['']:
        kinds = _by_brightness(folder)
    return [
        (f'{folder.source.path}: {name or NOT_TOLD}', members) for name, members in kinds.items()
    ]


def _by_brightness(folder: PairsFolder) -> dict[str, _Members]:
    indices = evenly(len(folder), _LOOKED_AT)
    brightness = [_brightness(folder.pairs[index].image, folder, index) for index in indices]
    order = [indices[place] for place in np.argsort(brightness, kind='stable').tolist()]
    parts = np.array_split(np.array(order), len(_QUARTERS))
    return {
        name: [(folder, index) for index in sorted(part.tolist())]
        for name, part in zip(_QUARTERS, parts, strict=True)
        if len(part)
    }


def _brightness(path: Path, folder: PairsFolder, index: int) -> float:
    small = cv2.imread(str(path), cv2.IMREAD_REDUCED_GRAYSCALE_8)
    return float((folder.read_image(index) if small is None else small).mean())


def _shares(sizes: Sequence[int], count: int) -> list[int]:
    """Divide ``count`` evenly; what a small stratum cannot give, the others do."""
    shares = [0] * len(sizes)
    while count:
        open_ones = [place for place, size in enumerate(sizes) if shares[place] < size]
        for place in open_ones[:count]:
            shares[place] += 1
        count -= min(count, len(open_ones))
    return shares
