"""One picture of many samples with their masks drawn over, to look whether all is well."""

from collections.abc import Mapping, Sequence
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from seg_node.atomic_files import write_bytes
from seg_node.frame import Frame, Mask
from seg_node.labels import LANE_LABELS, palette_bgr, UNLABELLED
from seg_node.overlay import draw_overlay
from seg_node.preprocess import resize_image
from training.collection.errors import CollectError

CONTACT_SHEET = 'contact_sheet.jpg'
_TILE_WIDTH = 320
_CAPTION_HEIGHT = 18
_OPACITY = 0.35
_UNLABELLED_BGR = (200, 0, 200)


def write_contact_sheet(folder: Path, lines: Sequence[Mapping[str, Any]], count: int) -> Path:
    """
    Write the sheet: samples at even distances through the collection, each with a caption.

    :param folder: the pairs folder.
    :param lines: of its samples, at least one.
    :param count: pictures at most.
    """
    chosen = np.linspace(0, len(lines) - 1, min(count, len(lines))).round().astype(int)
    tiles = [_tile(folder, lines[index]) for index in chosen.tolist()]
    height = max(tile.shape[0] for tile in tiles)
    columns = math.ceil(math.sqrt(len(tiles) * height / _TILE_WIDTH))
    rows = math.ceil(len(tiles) / columns)
    sheet = np.zeros((rows * height, columns * _TILE_WIDTH, 3), np.uint8)
    for place, tile in enumerate(tiles):
        top, left = place // columns * height, place % columns * _TILE_WIDTH
        sheet[top : top + tile.shape[0], left : left + _TILE_WIDTH] = tile
    path = folder / CONTACT_SHEET
    write_bytes(path, cv2.imencode('.jpg', sheet, (cv2.IMWRITE_JPEG_QUALITY, 85))[1].tobytes())
    return path


def _tile(folder: Path, line: Mapping[str, Any]) -> np.ndarray:
    image = cv2.imread(str(folder / line['image']), cv2.IMREAD_COLOR)
    labels = cv2.imread(str(folder / line['mask']), cv2.IMREAD_UNCHANGED)
    if image is None or labels is None:
        raise CollectError(f'{folder}: the files of {line["name"]} were changed or removed')
    palette = palette_bgr(LANE_LABELS)
    palette[UNLABELLED] = _UNLABELLED_BGR
    picture = draw_overlay(Frame(image), Mask(labels, None), palette, _OPACITY)
    height = max(1, round(image.shape[0] * _TILE_WIDTH / image.shape[1]))
    tile = np.zeros((height + _CAPTION_HEIGHT, _TILE_WIDTH, 3), np.uint8)
    tile[_CAPTION_HEIGHT:] = resize_image(picture, _TILE_WIDTH, height)
    words = (line['name'], line['town'], line['weather'], line['time'], line['split'])
    caption = ' '.join(word for word in words if word and word != 'preset')
    color = (255, 255, 255) if line['split'] == 'train' else (80, 200, 255)
    cv2.putText(tile, caption, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.36, color, 1, cv2.LINE_AA)
    return tile
