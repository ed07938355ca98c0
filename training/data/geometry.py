"""Geometric augmentation: picture and mask through one transform, onto the network's canvas."""

from dataclasses import dataclass

import cv2
import numpy as np
from seg_node.labels import UNLABELLED
from seg_node.preprocess import InputSpec, place, Placement, resize_image
from training.errors import ConfigError
from training.settings import check_range


@dataclass(frozen=True)
class GeometryConfig:
    """
    How far a picture may be moved; lengths are shares of the canvas, angles degrees.

    :param crop: probability of taking only a rectangle of the picture, before all else; zoom and
        shift cut too, but keep the format.
    :param crop_share: least share of height and of width that is taken.
    :param scale: range of zoom about the letterboxed size, drawn log-uniformly.
    :param aspect: most that width grows against height, and the reverse.
    :param warp: probability of perspective and rotation.
    """

    flip: float = 0.5
    crop: float = 0.0
    crop_share: float = 0.6
    scale: tuple[float, float] = (0.65, 1.8)
    aspect: float = 1.25
    shift: tuple[float, float] = (0.15, 0.2)  # across, down
    warp: float = 0.5
    perspective: float = 0.12
    rotation_deg: float = 6.0

    def __post_init__(self) -> None:
        """
        Refuse what moves no picture.

        :raises ConfigError: naming the flag.
        """
        prefix = 'augment.geometry.'
        check_range(self, ('flip', 'crop', 'warp'), 0, 1, prefix)
        check_range(self, ('crop_share',), 0.01, 1, prefix)
        check_range(self, ('scale',), 0.01, 100, prefix)
        check_range(self, ('aspect',), 1, 100, prefix)
        check_range(self, ('shift', 'rotation_deg'), 0, prefix=prefix)
        check_range(self, ('perspective',), 0, 0.49, prefix)  # from 0.5 on corners may meet
        if self.scale[0] > self.scale[1]:
            raise ConfigError(
                f'--{prefix}scale is {list(self.scale)}: give the smaller number first'
            )


@dataclass(frozen=True)
class Movement:
    """
    One way from a picture onto the canvas, the same for all that lies on the picture.

    :param cut: rows and columns of the picture that are taken.
    :param flip: left and right change places.
    :param size: width and height of what is taken, in pixels of the canvas.
    :param corner: left and top of it on the canvas.
    :param warp: 3x3 homography of the canvas after that; None for none.
    """

    spec: InputSpec
    cut: tuple[slice, slice]
    flip: bool
    size: tuple[int, int]
    corner: tuple[int, int]
    warp: np.ndarray | None

    def picture(self, image: np.ndarray) -> np.ndarray:
        """
        Move a picture, (H, W, 3) uint8.

        The resize is the node's own (area averaging when it shrinks); what lies outside the
        picture is black, as the node pads.
        """
        return self._place(resize_image(self._take(image), *self.size), 0, cv2.INTER_LINEAR)

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """Move label ids, (H, W) uint8, without making new ones; outside is unlabelled."""
        small = cv2.resize(self._take(mask), self.size, interpolation=cv2.INTER_NEAREST_EXACT)
        return self._place(small, UNLABELLED, cv2.INTER_NEAREST)

    def soft(self, soft: np.ndarray) -> np.ndarray:
        """Move probabilities, (H, W, classes) uint8, as a picture is moved; outside is 0."""
        planes = [
            self._place(resize_image(np.ascontiguousarray(plane), *self.size), 0, cv2.INTER_LINEAR)
            for plane in self._take(soft).transpose(2, 0, 1)
        ]
        return np.stack(planes, axis=2)

    def _take(self, plane: np.ndarray) -> np.ndarray:
        plane = plane[self.cut]
        return np.ascontiguousarray(plane[:, ::-1] if self.flip else plane)

    def _place(self, plane: np.ndarray, fill: int, interpolation: int) -> np.ndarray:
        left, top = self.corner
        if self.warp is None:
            return _paste(plane, self.spec, left, top, fill)
        matrix = self.warp @ np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], float)
        size = (self.spec.width, self.spec.height)
        return cv2.warpPerspective(
            plane, matrix, size, flags=interpolation, borderValue=(fill,) * 3
        )


def draw_movement(
    size: tuple[int, ...], config: GeometryConfig, spec: InputSpec, rng: np.random.Generator
) -> Movement:
    """
    Draw one way from a picture onto the canvas.

    :param size: height and width of the picture.
    """
    cut = (slice(0, size[0]), slice(0, size[1]))
    if config.crop and rng.random() < config.crop:
        cut = _draw_cut(size, config.crop_share, rng)
    flip = bool(rng.random() < config.flip)
    taken = (cut[0].stop - cut[0].start, cut[1].stop - cut[1].start)
    width, height = _draw_size(place(taken, spec), config, rng)
    left = round((spec.width - width) / 2 + _spread(rng, config.shift[0]) * spec.width)
    top = round((spec.height - height) / 2 + _spread(rng, config.shift[1]) * spec.height)
    warp = None if rng.random() >= config.warp else _draw_warp(config, spec, rng)
    return Movement(spec, cut, flip, (width, height), (left, top), warp)


def _draw_cut(
    size: tuple[int, ...], least: float, rng: np.random.Generator
) -> tuple[slice, slice]:
    """Take a rectangle, each side by itself: other lenses, other formats, no bonnet, no sky."""
    cut = []
    for length in size[:2]:
        kept = max(1, round(length * rng.uniform(least, 1)))
        start = int(rng.integers(0, length - kept + 1))
        cut.append(slice(start, start + kept))
    return cut[0], cut[1]


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
    rows = _seen(top, plane.shape[0], spec.height)
    columns = _seen(left, plane.shape[1], spec.width)
    canvas[rows, columns] = plane[
        rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ]
    return canvas


def _seen(start: int, length: int, side: int) -> slice:
    """Return what of a stretch lies on a canvas of so many pixels; nothing, where it is beside."""
    return slice(min(max(0, start), side), max(0, min(side, start + length)))
