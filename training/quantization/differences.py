"""Where int8 and fp32 do not agree, drawn: the frames whose lane pixels differ most."""

from pathlib import Path

import cv2
import numpy as np
from seg_node.atomic_files import replacing
from seg_node.frame import Frame, Mask
from seg_node.labels import LANE_MARKING
from seg_node.overlay import draw_overlay
from seg_node.preprocess import resize_image
from training.data.pairs import PairsFolder
from training.evaluation.bands import evenly
from training.evaluation.models import MaskSource
from training.evaluation.sheets import palette_of

_LOOKED_AT = 60
_ROWS = 5
_TILE_WIDTH, _CAPTION_HEIGHT = 420, 20
_GAINED, _LOST = (60, 60, 255), (255, 120, 40)  # BGR: lane in int8 alone, in fp32 alone


def write_differences(
    fp32: MaskSource, int8: MaskSource, folder: PairsFolder, path: Path
) -> list[str]:
    """
    Draw fp32, int8, and what differs, a row for each of the frames that differ most.

    :return: names of these frames, the worst first.
    """
    found: list[tuple[float, int, np.ndarray, np.ndarray]] = []
    for index in evenly(len(folder), _LOOKED_AT):
        frame = Frame(folder.read_image(index))
        masks = fp32.mask(frame).labels, int8.mask(frame).labels
        before, after = (mask == LANE_MARKING for mask in masks)
        differing = int(np.count_nonzero(before ^ after))
        share = differing / max(1, int(np.count_nonzero(before | after)))
        found.append((share, index, *masks))
        found = sorted(found, key=lambda one: -one[0])[:_ROWS]
    rows = [_row(folder, *one) for one in found]
    with replacing(path) as temporary:
        cv2.imwrite(str(temporary), np.vstack(rows), (cv2.IMWRITE_JPEG_QUALITY, 88))
    return [folder.pairs[index].name for _, index, *_ in found]


def _row(
    folder: PairsFolder, share: float, index: int, fp32: np.ndarray, int8: np.ndarray
) -> np.ndarray:
    frame, palette = Frame(folder.read_image(index)), palette_of(folder.labels)
    tiles = [
        _tile(draw_overlay(frame, Mask(labels, None), palette), caption)
        for labels, caption in ((fp32, f'fp32: {folder.pairs[index].name}'), (int8, 'int8'))
    ]
    dark = (frame.image // 3).astype(np.uint8)
    before, after = fp32 == LANE_MARKING, int8 == LANE_MARKING
    dark[after & ~before], dark[before & ~after] = _GAINED, _LOST
    tiles.append(_tile(dark, f'{share:.1%} of the lane differs: red int8 alone, blue fp32'))
    return np.hstack(tiles)


def _tile(picture: np.ndarray, caption: str) -> np.ndarray:
    height = max(1, round(picture.shape[0] * _TILE_WIDTH / picture.shape[1]))
    tile = np.zeros((height + _CAPTION_HEIGHT, _TILE_WIDTH, 3), np.uint8)
    tile[_CAPTION_HEIGHT:] = resize_image(picture, _TILE_WIDTH, height)
    white = (255, 255, 255)
    cv2.putText(tile, caption, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, white, 1, cv2.LINE_AA)
    return tile
