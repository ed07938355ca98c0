"""The demo's picture: for each weather the node's mask beside the truth."""

from collections.abc import Sequence

import cv2
import numpy as np
from seg_node.frame import Frame, Mask
from seg_node.labels import BACKGROUND, LANE_LABELS, palette_bgr, UNLABELLED
from seg_node.overlay import draw_overlay

_TILE_WIDTH = 320  # of one picture; a tile has two
_CAPTION_HEIGHT, _GAP = 26, 6
_COLUMNS = 2
_INK, _PAPER = (40, 40, 40), (255, 255, 255)
_PALETTE = palette_bgr(LANE_LABELS)


def draw_pair(frame: Frame, labels: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """
    Draw a mask over its picture, and the truth over the same picture beside it.

    :param labels: (H, W) uint8 label ids, at the picture's size.
    :param truth: likewise.
    :return: (h, 2 * 320, 3) uint8 BGR.
    """
    known = np.where(truth == UNLABELLED, BACKGROUND, truth).astype(np.uint8)
    height = round(frame.image.shape[0] * _TILE_WIDTH / frame.image.shape[1])
    halves = []
    for ids in (labels, known):
        mask = Mask(ids, None)
        overlay = draw_overlay(frame, mask, _PALETTE)
        halves.append(cv2.resize(overlay, (_TILE_WIDTH, height), interpolation=cv2.INTER_AREA))
    return np.hstack(halves)


def draw_sheet(pairs: Sequence[tuple[str, np.ndarray]]) -> np.ndarray:
    """
    Draw pairs with their captions in two columns.

    :param pairs: caption and picture, all of one size; at least one.
    :return: (H, W, 3) uint8 BGR.
    """
    tiles = [_with_caption(caption, picture) for caption, picture in pairs]
    columns = min(_COLUMNS, len(tiles))
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[first : first + columns]) for first in range(0, len(tiles), columns)]
    return np.vstack(rows)


def _with_caption(caption: str, picture: np.ndarray) -> np.ndarray:
    head = np.full((_CAPTION_HEIGHT, picture.shape[1], 3), _PAPER, np.uint8)
    cv2.putText(head, caption, (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
    tile = np.vstack([head, picture])
    return cv2.copyMakeBorder(tile, 0, _GAP, 0, _GAP, cv2.BORDER_CONSTANT, value=_PAPER)
