"""Rendered road pictures with exact masks: data for tests of training."""

import json
from pathlib import Path

import cv2
import numpy as np
from seg_node.labels import LANE_MARKING, ROAD


def render_road(rng: np.random.Generator, height: int = 64, width: int = 128) -> tuple:
    """Return picture (H, W, 3) uint8 BGR and mask (H, W) uint8: sky, road, two white lines."""
    image = np.full((height, width, 3), (210, 160, 90), np.uint8)
    mask = np.zeros((height, width), np.uint8)
    middle = int(rng.integers(width // 3, 2 * width // 3))
    road = np.array([[middle, height // 3], [width + 40, height], [-40, height]])
    cv2.fillPoly(image, [road], (80, 80, 80))
    cv2.fillPoly(mask, [road], ROAD)
    for foot in rng.integers(0, width, 2).tolist():
        for plane, value in ((image, (250, 250, 250)), (mask, (LANE_MARKING,))):
            cv2.line(plane, (middle, height // 3), (foot, height), value, 3)
    noise = rng.normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), mask


def write_pairs(folder: Path, count: int, annotated: tuple[str, ...] = ()) -> Path:
    """Write a pairs folder of rendered roads, with ``dataset.json`` when labels are named."""
    rng = np.random.default_rng(count)
    for name in ('images', 'masks'):
        (folder / name).mkdir(parents=True)
    for index in range(count):
        image, mask = render_road(rng)
        cv2.imwrite(str(folder / 'images' / f'{index:04}.png'), image)
        cv2.imwrite(str(folder / 'masks' / f'{index:04}.png'), mask)
    if annotated:
        statement = {'annotated': annotated, 'licence': 'rendered for tests'}
        (folder / 'dataset.json').write_text(json.dumps(statement))
    return folder
