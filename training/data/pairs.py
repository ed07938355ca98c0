"""
Pairs folders: pictures beside masks of label ids.

``images/NAME.{jpg,png}``, ``masks/NAME.png`` (8-bit label ids, 255 = unlabelled) and optionally
``dataset.json``, which states the labels that are annotated at all. In a set that annotates only
lane markings, 0 means 'not a lane marking', not 'not road': losses and metrics ask
``PairsFolder.annotated`` which labels they may judge. Where there is a ``samples.jsonl``, what it
lists is the data set, and other files beside it are not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from seg_node.labels import UNLABELLED
from training.data.label_table import annotated_labels, covered_labels, LANE_NAMES, lookup_table
from training.data.listing import Listing, read_listing, SAMPLES
from training.data.sources import SetConfig
from training.errors import DataError

_SUFFIXES = ('.jpg', '.jpeg', '.png')


@dataclass(frozen=True)
class Pair:
    """One picture and its mask, on disk."""

    name: str
    image: Path
    mask: Path


@dataclass(frozen=True)
class PairsFolder:
    """The samples of one source, found complete."""

    folder: Path
    source: SetConfig
    pairs: tuple[Pair, ...]
    labels: tuple[str, ...]  # of the run, by id
    annotated: np.ndarray  # (classes,) bool: the labels that this set can judge
    covers: np.ndarray  # (classes, classes) bool: id in the masks, labels that it may stand for
    licence: str
    _lookup: np.ndarray  # (256,) int16: id on disk to our id, -1 where it has no meaning

    @classmethod
    def open(
        cls, source: SetConfig, data_root: Path, labels: Sequence[str] = LANE_NAMES
    ) -> 'PairsFolder':
        """
        Find the samples of a source; the pictures themselves are read later.

        :param labels: of the run, by id; masks are translated to these ids.
        :raises DataError: for a missing folder, a picture without mask or the reverse, labels
            that nobody stated, or a split that leaves nothing.
        """
        folder = data_root / source.path
        if not folder.is_dir():
            raise DataError(f'no data set at {folder}: name its folder with --data_root or path')
        listing = read_listing(folder)
        pairs = _split(_find_pairs(folder, source, listing), listing, source, folder)
        pairs = _spread(pairs, source.shots, folder)
        statement = _read_statement(folder)
        return cls(
            folder,
            source,
            pairs,
            tuple(labels),
            annotated_labels(folder, source, statement, labels),
            covered_labels(folder, source, labels),
            source.licence or str(statement.get('licence', 'not stated')),
            lookup_table(folder, source, statement, labels),
        )

    def __len__(self) -> int:
        return len(self.pairs)

    def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """
        Return picture (H, W, 3) uint8 BGR and mask (H, W) uint8 of our label ids.

        :raises DataError: naming the file, when it is unreadable, of another size than its
            picture, or holds ids that are neither labels nor 255.
        """
        image = self.read_image(index)
        return image, self._read_mask(self.pairs[index], image.shape[:2])

    def read_image(self, index: int) -> np.ndarray:
        """
        Return the picture alone, (H, W, 3) uint8 BGR.

        :raises DataError: when it is unreadable.
        """
        path = self.pairs[index].image
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise DataError(f'{path} is not a readable picture: replace or remove it')
        return image

    def _read_mask(self, pair: Pair, size: tuple[int, ...]) -> np.ndarray:
        raw = cv2.imread(str(pair.mask), cv2.IMREAD_UNCHANGED)
        if raw is None or raw.dtype != np.uint8 or raw.ndim != 2:
            raise DataError(f'{pair.mask} is not an 8-bit single-channel PNG of label ids')
        if raw.shape != size:
            raise DataError(
                f'{pair.mask} is {raw.shape[1]}x{raw.shape[0]} but its picture is '
                f'{size[1]}x{size[0]}: a mask must have the size of its picture'
            )
        mask = self._lookup[raw]
        if mask.min() < 0:
            unknown = sorted(set(raw[mask < 0].tolist()))
            raise DataError(
                f'{pair.mask} holds label ids {unknown}, known are '
                f'0-{len(self.labels) - 1} and {UNLABELLED}: state a remap for this source'
            )
        return mask.astype(np.uint8)

    def sha256(self) -> str:
        """Return one hash over names and contents of all files used, in order."""
        digest = hashlib.sha256()
        for pair in self.pairs:
            for path in (pair.image, pair.mask):
                digest.update(f'{path.relative_to(self.folder)}\0'.encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def _find_pairs(folder: Path, source: SetConfig, listing: Listing | None) -> list[Pair]:
    masks = {path.stem: path for path in _pictures(folder / source.masks)}
    images = {path.stem: path for path in _pictures(folder / source.images)}
    if listing is not None:
        masks, images = (
            {name: path for name, path in paths.items() if name in listing}
            for paths in (masks, images)
        )
        if lost := sorted(set(listing) - set(images) - set(masks)):
            raise DataError(f'{folder}: {lost[0]} is listed in {SAMPLES} and not there')
    for names, kind, others in ((images, 'mask', masks), (masks, 'picture', images)):
        if lonely := sorted(set(names) - set(others)):
            raise DataError(
                f'{folder}: {lonely[0]} has no {kind} (and {len(lonely) - 1} more): '
                'every picture needs a mask of the same name'
            )
    return [Pair(name, images[name], masks[name]) for name in sorted(images)]


def _pictures(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise DataError(f'{folder} is missing: a pairs folder has images/ and masks/')
    return (path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)


def _split(
    pairs: list[Pair], listing: Listing | None, source: SetConfig, folder: Path
) -> tuple[Pair, ...]:
    """Cut in driving order: neighbours are near-duplicates, so a random split would leak."""
    border = len(pairs) - source.hold_out
    if source.part == 'all':
        return tuple(pairs)
    if listing is not None and not source.hold_out:
        wanted = {'train': 'train', 'held_out': 'validation'}[source.part]
        pairs = [pair for pair in pairs if listing[pair.name].get('split') == wanted]
    elif source.part == 'train':
        pairs = pairs[: max(0, border - source.gap)]
    else:
        pairs = pairs[max(0, border) :]
    if not pairs:
        raise DataError(
            f'{folder}: part {source.part} is empty with hold_out {source.hold_out} and '
            f'gap {source.gap}: lower them'
        )
    return tuple(pairs)


def _spread(pairs: tuple[Pair, ...], shots: int, folder: Path) -> tuple[Pair, ...]:
    """Take some samples, evenly spread: the first ones of a drive all show the same street."""
    if not 0 <= shots <= len(pairs):
        raise DataError(
            f'{folder}: shots is {shots} and the part has {len(pairs)} samples: use 1 to '
            f'{len(pairs)}, or 0 for all'
        )
    if not shots:
        return pairs
    chosen = ((np.arange(shots) + 0.5) * len(pairs) / shots).astype(int)
    return tuple(pairs[index] for index in chosen.tolist())


def _read_statement(folder: Path) -> dict[str, Any]:
    path = folder / 'dataset.json'
    if not path.is_file():
        return {}
    try:
        statement = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise DataError(f'{path} is not valid JSON ({error}): mend or remove it') from error
    if not isinstance(statement, dict):
        raise DataError(f'{path} does not hold a JSON object: mend or remove it')
    return statement
