"""One picture of many samples with their masks drawn over, to look whether all is well."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from seg_node.atomic_files import write_bytes
from training.collection.errors import CollectError
from training.data.tiles import encode_sheet, make_tile, paint_mask

CONTACT_SHEET = 'contact_sheet.jpg'


def write_contact_sheet(folder: Path, lines: Sequence[Mapping[str, Any]], count: int) -> Path:
    """
    Write the sheet: samples at even distances through the collection, each with a caption.

    :param folder: the pairs folder.
    :param lines: of its samples, at least one.
    :param count: pictures at most.
    """
    chosen = np.linspace(0, len(lines) - 1, min(count, len(lines))).round().astype(int)
    tiles = [_tile(folder, lines[index]) for index in chosen.tolist()]
    path = folder / CONTACT_SHEET
    write_bytes(path, encode_sheet(tiles))
    return path


def _tile(folder: Path, line: Mapping[str, Any]) -> np.ndarray:
    image = cv2.imread(str(folder / line['image']), cv2.IMREAD_COLOR)
    labels = cv2.imread(str(folder / line['mask']), cv2.IMREAD_UNCHANGED)
    if image is None or labels is None:
        raise CollectError(f'{folder}: the files of {line["name"]} were changed or removed')
    picture = paint_mask(image, labels)
    words = (line['name'], line['town'], line['weather'], line['time'], line['split'])
    caption = ' '.join(word for word in words if word and word != 'preset')
    color = (255, 255, 255) if line['split'] == 'train' else (80, 200, 255)
    return make_tile(picture, caption, color)
