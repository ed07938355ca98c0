"""
Pairs folders: pictures beside masks of label ids.

``images/NAME.{jpg,png}``, ``masks/NAME.png`` (8-bit label ids, 255 = unlabelled) and optionally
``dataset.json``, which states the labels that are annotated at all. In a set that annotates only
lane markings, 0 means 'not a lane marking', not 'not road': losses and metrics ask
``PairsFolder.annotated`` which labels they may judge. Where there is a ``samples.jsonl``, what it
lists is the data set, and other files beside it are not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from seg_node.labels import UNLABELLED
from training.data.label_table import annotated_labels, covered_labels, LANE_NAMES, lookup_table
from training.data.listing import read_listing
from training.data.near_duplicates import distinct, read_small
from training.data.pair_files import find_pairs, Pair, refuse_without_soft_label
from training.data.pictures import read_picture
from training.data.soft_labels import check_statement, read_soft_label
from training.data.sources import SetConfig
from training.data.splits import choose_part, spread
from training.errors import DataError


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
    near_duplicates: int  # samples of the part that were left out, as the source asked
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
        part = choose_part(find_pairs(folder, source, listing), listing, source, folder)
        different = _leave_out_near_duplicates(part, source.skip_near_duplicates)
        pairs = spread(different, source.shots, folder)
        statement = _read_statement(folder)
        refuse_without_soft_label(pairs, source, folder)
        for soft in {pair.soft.parent for pair in pairs if pair.soft}:
            check_statement(soft, labels)
        return cls(
            folder,
            source,
            pairs,
            tuple(labels),
            annotated_labels(folder, source, statement, labels),
            covered_labels(folder, source, labels),
            source.licence or str(statement.get('licence', 'not stated')),
            len(part) - len(different),
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
        image = read_picture(path, cv2.IMREAD_COLOR)
        if image is None:
            raise DataError(f'{path} is not a readable picture: replace or remove it')
        return image

    def read_soft(self, index: int, size: tuple[int, int]) -> np.ndarray | None:
        """
        Return the teacher's probabilities, (H, W, classes) uint8; None where the source has none.

        :param size: height and width of the picture.
        :raises DataError: naming the file, when it does not fit the picture or the labels.
        """
        path = self.pairs[index].soft
        return None if path is None else read_soft_label(path, len(self.labels), size)

    def _read_mask(self, pair: Pair, size: tuple[int, ...]) -> np.ndarray:
        raw = read_picture(pair.mask, cv2.IMREAD_UNCHANGED)
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
            for path in filter(None, (pair.image, pair.mask, pair.soft)):
                inside = path.is_relative_to(self.folder)
                name = path.relative_to(self.folder) if inside else path.name
                digest.update(f'{name}\0'.encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def _leave_out_near_duplicates(pairs: tuple[Pair, ...], least: float) -> tuple[Pair, ...]:
    if not least:
        return pairs
    kept = distinct(read_small([pair.image for pair in pairs]), least)
    return tuple(pairs[index] for index in kept)


def _read_statement(folder: Path) -> dict[str, Any]:
    path = folder / 'dataset.json'
    if not path.is_file():
        return {}
    try:
        statement = json.loads(path.read_text(encoding='utf-8'))
    except (ValueError, RecursionError) as error:
        raise DataError(f'{path} is not valid JSON ({error}): mend or remove it') from error
    if not isinstance(statement, dict):
        raise DataError(f'{path} does not hold a JSON object: mend or remove it')
    return statement
