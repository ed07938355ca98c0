"""The worst pictures of a set: what the models said beside the truth."""

from collections.abc import Sequence
import colorsys
from pathlib import Path

import cv2
import numpy as np
from seg_node.atomic_files import write_bytes
from seg_node.frame import Frame, Mask
from seg_node.labels import Label, LANE_LABELS, palette_bgr
from seg_node.overlay import draw_overlay
from seg_node.preprocess import resize_image
from training.data.pairs import PairsFolder
from training.evaluation.counts import main_label, SegmentationCounts
from training.evaluation.figures import letter
from training.evaluation.models import MaskSource

_TILE_WIDTH = 360
_CAPTION_HEIGHT = 20
_COLORS = {label.name: label.color for label in LANE_LABELS}


def worst_of(counts: SegmentationCounts, count: int) -> list[tuple[int, float]]:
    """
    Return pictures with the lowest IoU of the label that the set is about, worst first.

    :param counts: whose only leading axis is pictures.
    :return: index and IoU of each.
    """
    ious = counts.iou(main_label(counts.labels, counts.annotated))
    order = np.argsort(ious, kind='stable')[:count]
    return [(index, float(ious[index])) for index in order.tolist()]


def write_overlays(
    model: MaskSource, folder: PairsFolder, counts: SegmentationCounts, output: Path, worst: int
) -> None:
    """Write prediction beside truth for the worst pictures, one file each."""
    palette = palette_of(folder.labels)
    for rank, (index, iou) in enumerate(worst_of(counts, worst)):
        image, truth = folder.read(index)
        frame = Frame(image)
        masks = model.mask(frame), Mask(truth, None)
        shown = [draw_overlay(frame, mask, palette) for mask in masks]
        path = output / f'{rank:02}_{folder.pairs[index].name}_iou{iou:.2f}.jpg'
        _write_jpeg(path, np.hstack(shown), 95)


def write_sheet(
    models: Sequence[MaskSource],
    folders: Sequence[PairsFolder],
    counts: Sequence[SegmentationCounts],
    path: Path,
    worst: int,
) -> Path:
    """
    Write one picture of the worst frames of the first model: each model, then the truth.

    :param folders: the set, for each model with its labels.
    :param counts: of each model; the only leading axis is pictures.
    """
    rows = []
    for index, _ in worst_of(counts[0], worst):
        frame = Frame(folders[0].read_image(index))
        tiles = []
        for number, (model, folder, count) in enumerate(zip(models, folders, counts, strict=True)):
            iou = float(count[index].iou(main_label(count.labels, count.annotated)))
            caption = f'{letter(number)}: IoU {iou:.2f}'
            picture = draw_overlay(frame, model.mask(frame), palette_of(folder.labels))
            tiles.append(_tile(picture, caption))
        truth = Mask(folders[0].read(index)[1], None)
        picture = draw_overlay(frame, truth, palette_of(folders[0].labels))
        tiles.append(_tile(picture, f'truth: {folders[0].pairs[index].name}'))
        rows.append(np.hstack(tiles))
    _write_jpeg(path, np.vstack(rows), 88)
    return path


def _write_jpeg(path: Path, picture: np.ndarray, quality: int) -> None:
    # OpenCV's own writing says nothing where there is no room
    write_bytes(
        path, cv2.imencode('.jpg', picture, (cv2.IMWRITE_JPEG_QUALITY, quality))[1].tobytes()
    )


def palette_of(labels: Sequence[str]) -> np.ndarray:
    """Return colours by label id, (256, 3) uint8 BGR: our own for our labels, else a hue each."""
    table = []
    for place, name in enumerate(labels):
        hue = colorsys.hsv_to_rgb(place / len(labels), 0.8, 1.0)
        wheel = (round(hue[0] * 255), round(hue[1] * 255), round(hue[2] * 255))
        table.append(Label(place, name, _COLORS.get(name, wheel)))
    return palette_bgr(tuple(table))


def _tile(picture: np.ndarray, caption: str) -> np.ndarray:
    height = max(1, round(picture.shape[0] * _TILE_WIDTH / picture.shape[1]))
    tile = np.zeros((height + _CAPTION_HEIGHT, _TILE_WIDTH, 3), np.uint8)
    tile[_CAPTION_HEIGHT:] = resize_image(picture, _TILE_WIDTH, height)
    white = (255, 255, 255)
    cv2.putText(tile, caption, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, white, 1, cv2.LINE_AA)
    return tile
