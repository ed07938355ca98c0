"""
A drawn road with exact labels: the demo's input where there are no recorded pictures.

A pinhole camera over a flat, gently curving road; every picture and its mask come from the same
projection of the ground, so the labels are right by construction.
"""

from pathlib import Path

import cv2
import numpy as np
from seg_node.atomic_files import write_bytes
from seg_node.labels import BACKGROUND, LANE_MARKING, ROAD

WIDTH, HEIGHT = 640, 360
_HORIZON_ROW, _FOCAL_PX, _CAMERA_HEIGHT_M = 150, 420.0, 1.4
_LANE_WIDTH_M, _LINE_WIDTH_M, _HALF_ROAD_M = 3.5, 0.16, 5.6
_DASH_M, _GAP_M, _SPEED_M = 3.0, 4.5, 0.6  # speed: metres a frame


def draw_road(index: int) -> tuple[np.ndarray, np.ndarray]:
    """
    Draw one frame of a drive.

    :param index: of the frame; the same index gives the same picture.
    :return: picture (H, W, 3) uint8 BGR and label ids (H, W) uint8.
    """
    forward_m, sideways_m = _ground(index)
    along_m = forward_m + index * _SPEED_M
    on_ground = forward_m > 0
    road = on_ground & (np.abs(sideways_m) < _HALF_ROAD_M)
    edges = np.abs(np.abs(sideways_m) - _LANE_WIDTH_M) < _LINE_WIDTH_M / 2
    dashes = (np.abs(sideways_m) < _LINE_WIDTH_M / 2) & (along_m % (_DASH_M + _GAP_M) < _DASH_M)
    paint = road & (edges | dashes) & (forward_m < 60)
    labels = np.full((HEIGHT, WIDTH), BACKGROUND, np.uint8)
    labels[road], labels[paint] = ROAD, LANE_MARKING
    picture = _paint(on_ground, road, paint, along_m, sideways_m, index)
    return picture, labels


def write_pairs(folder: Path, frames: int) -> Path:
    """Write a drive as a pairs folder (``images/`` and ``masks/``) and return it."""
    for index in range(frames):
        picture, labels = draw_road(index)
        for name, content in (('images', picture), ('masks', labels)):
            encoded = cv2.imencode('.png', content)[1].tobytes()
            write_bytes(folder / name / f'{index:04d}.png', encoded)
    return folder


def _ground(index: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where each pixel meets the ground, in metres: forward (0 above it), sideways."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    below = rows - _HORIZON_ROW
    forward_m = np.where(below > 0.5, _FOCAL_PX * _CAMERA_HEIGHT_M / np.maximum(below, 0.5), 0)
    curvature = 0.004 * np.sin(index / 40)
    sideways_m = (columns - WIDTH / 2) * forward_m / _FOCAL_PX
    return forward_m, sideways_m - 1.7 - curvature * forward_m**2 / 2


def _paint(
    on_ground: np.ndarray,
    road: np.ndarray,
    paint: np.ndarray,
    along_m: np.ndarray,
    sideways_m: np.ndarray,
    index: int,
) -> np.ndarray:
    picture = np.empty((HEIGHT, WIDTH, 3), np.float32)
    picture[:] = (205, 185, 160)  # sky
    picture[on_ground] = (70, 110, 90)
    picture[road] = (92, 92, 95)
    texture = np.sin(along_m * 5.1) * np.sin(sideways_m * 7.3) + np.sin(along_m * 0.7)
    picture[on_ground] += 5 * texture[on_ground, None]
    picture[paint] = (215, 220, 222)
    picture += 4 * np.random.default_rng(index).standard_normal(picture.shape, np.float32)
    return cv2.GaussianBlur(np.clip(picture, 0, 255).astype(np.uint8), (3, 3), 0)
