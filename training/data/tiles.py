"""Sheets of small pictures with a caption each, for people to look at."""

from collections.abc import Sequence
import math

import cv2
import numpy as np
from seg_node.frame import Frame, Mask
from seg_node.labels import LANE_LABELS, palette_bgr, UNLABELLED
from seg_node.overlay import draw_overlay
from seg_node.preprocess import resize_image
from training.data.label_table import LANE_NAMES

TILE_WIDTH = 320
_CAPTION_HEIGHT = 18
_OPACITY = 0.35
_UNLABELLED_BGR = (200, 0, 200)


def paint_mask(
    picture: np.ndarray, mask: np.ndarray, labels: Sequence[str] = LANE_NAMES
) -> np.ndarray:
    """
    Return a picture with its mask drawn over, what is unlabelled in magenta.

    :param picture: (H, W, 3) uint8 BGR; stays as it is.
    :param mask: (H, W) uint8 ids of ``labels``; 0 is not drawn.
    """
    palette = palette_bgr(LANE_LABELS)
    others = [index for index, name in enumerate(labels) if name not in LANE_NAMES]
    for place, index in enumerate(others):
        hue = np.array([[[180 * place // len(others), 220, 255]]], np.uint8)
        palette[index] = cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0]
    for index, name in enumerate(labels):
        if name in LANE_NAMES:
            palette[index] = LANE_LABELS[LANE_NAMES.index(name)].color[::-1]
    palette[UNLABELLED] = _UNLABELLED_BGR
    return draw_overlay(Frame(picture), Mask(mask, None), palette, _OPACITY)


def make_tile(
    picture: np.ndarray, caption: str, color: tuple[int, int, int] = (255, 255, 255)
) -> np.ndarray:
    """
    Return a picture at the width of a tile, with a line of text above it.

    :param picture: (H, W, 3) uint8 BGR.
    :param color: of the text, BGR.
    """
    height = max(1, round(picture.shape[0] * TILE_WIDTH / picture.shape[1]))
    tile = np.zeros((height + _CAPTION_HEIGHT, TILE_WIDTH, 3), np.uint8)
    tile[_CAPTION_HEIGHT:] = resize_image(picture, TILE_WIDTH, height)
    cv2.putText(tile, caption, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.36, color, 1, cv2.LINE_AA)
    return tile


def arrange(tiles: Sequence[np.ndarray]) -> np.ndarray:
    """Return a sheet of tiles, row by row, about as wide as it is high (uint8 BGR)."""
    height = max(tile.shape[0] for tile in tiles)
    columns = math.ceil(math.sqrt(len(tiles) * height / TILE_WIDTH))
    rows = math.ceil(len(tiles) / columns)
    sheet = np.zeros((rows * height, columns * TILE_WIDTH, 3), np.uint8)
    for place, tile in enumerate(tiles):
        top, left = place // columns * height, place % columns * TILE_WIDTH
        sheet[top : top + tile.shape[0], left : left + TILE_WIDTH] = tile
    return sheet


def encode_sheet(tiles: Sequence[np.ndarray]) -> bytes:
    """Return a sheet of tiles as a JPEG file."""
    quality = (cv2.IMWRITE_JPEG_QUALITY, 85)
    return cv2.imencode('.jpg', arrange(tiles), quality)[1].tobytes()
