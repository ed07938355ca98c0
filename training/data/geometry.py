"""Geometric augmentation: picture and mask through one transform, onto the network's canvas."""

from dataclasses import dataclass

import cv2
import numpy as np
from seg_node.labels import UNLABELLED
from seg_node.preprocess import InputSpec, place, Placement, resize_image


@dataclass(frozen=True)
class GeometryConfig:
    """
    How far a picture may be moved; lengths are shares of the canvas, angles degrees.

    :param scale: range of zoom about the letterboxed size, drawn log-uniformly.
    :param aspect: most that width grows against height, and the reverse.
    :param warp: probability of perspective and rotation.
    """

    flip: float = 0.5
    scale: tuple[float, float] = (0.65, 1.8)
    aspect: float = 1.25
    shift: tuple[float, float] = (0.15, 0.2)  # across, down
    warp: float = 0.5
    perspective: float = 0.12
    rotation_deg: float = 6.0


def warp_pair(
    image: np.ndarray,
    mask: np.ndarray,
    config: GeometryConfig,
    spec: InputSpec,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """
    Return picture and mask at the input's size.

    The resize is the node's own (area averaging when it shrinks); what lies outside the picture
    is black, as the node pads, and unlabelled.

    :param image: (H, W, 3) uint8; (H, W) uint8 ``mask`` with it.
    """
    if rng.random() < config.flip:
        image, mask = image[:, ::-1], mask[:, ::-1]
    width, height = _draw_size(place(image.shape[:2], spec), config, rng)
    image = resize_image(np.ascontiguousarray(image), width, height)
    mask = cv2.resize(
        np.ascontiguousarray(mask), (width, height), interpolation=cv2.INTER_NEAREST_EXACT
    )
    left = round((spec.width - width) / 2 + _spread(rng, config.shift[0]) * spec.width)
    top = round((spec.height - height) / 2 + _spread(rng, config.shift[1]) * spec.height)
    if rng.random() >= config.warp:
        return _paste(image, spec, left, top, 0), _paste(mask, spec, left, top, UNLABELLED)
    matrix = _draw_warp(config, spec, rng) @ np.array(
        [[1, 0, left], [0, 1, top], [0, 0, 1]], float
    )
    size = (spec.width, spec.height)
    image = cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0))
    mask = cv2.warpPerspective(
        mask, matrix, size, flags=cv2.INTER_NEAREST, borderValue=(UNLABELLED,)
    )
    return image, mask


def _spread(rng: np.random.Generator, most: float) -> float:
    return float(rng.uniform(-most, most))


def _draw_size(
    placement: Placement, config: GeometryConfig, rng: np.random.Generator
) -> tuple[int, int]:
    scale = np.exp(rng.uniform(*np.log(config.scale)))
    stretch = np.exp(_spread(rng, np.log(config.aspect)) / 2)
    return (
        max(8, round(placement.width * scale * stretch)),
        max(8, round(placement.height * scale / stretch)),
    )


def _draw_warp(config: GeometryConfig, spec: InputSpec, rng: np.random.Generator) -> np.ndarray:
    """Return a 3x3 homography of the canvas: corners pulled about, then a rotation."""
    width, height = spec.width, spec.height
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    most = config.perspective
    pull = rng.uniform(-most, most, (4, 2)) * (width, height)
    homography = cv2.getPerspectiveTransform(corners, (corners + pull).astype(np.float32))
    rotation = np.eye(3)
    angle = _spread(rng, config.rotation_deg)
    rotation[:2] = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    return rotation @ homography


def _paste(plane: np.ndarray, spec: InputSpec, left: int, top: int, fill: int) -> np.ndarray:
    canvas = np.full((spec.height, spec.width, *plane.shape[2:]), fill, np.uint8)
    rows = slice(max(0, top), min(spec.height, top + plane.shape[0]))
    columns = slice(max(0, left), min(spec.width, left + plane.shape[1]))
    canvas[rows, columns] = plane[
        rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ]
    return canvas
