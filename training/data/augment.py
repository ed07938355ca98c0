"""
Augmentation: make one town at one hour look like many roads, cameras and lights.

All of it is uint8 work in OpenCV and numpy, one picture at a time in the loader's process.
Measured on one core for a 512x288 sample with flip, zoom, warp, colour, blur, noise and JPEG all
on: 5.7 ms here, 52 ms (batches of 8) to 95 ms (single) for the same list in kornia on float
tensors. On two cores that would double the time of a training step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from seg_node.labels import UNLABELLED
from seg_node.preprocess import InputSpec
from training.data.geometry import draw_movement, GeometryConfig
from training.data.label_table import lane_id, LANE_NAMES
from training.data.photometric import (
    borrow_colors,
    cast_shadows,
    change_colors,
    change_paint,
    PhotometricConfig,
    spoil,
)
from training.settings import check_range


@dataclass(frozen=True)
class AugmentConfig:
    """All that is changed at random in a training sample."""

    geometry: GeometryConfig = field(default_factory=GeometryConfig)
    photometric: PhotometricConfig = field(default_factory=PhotometricConfig)
    cut_out: float = 0.3  # probability of covering a few rectangles
    borrow: float = 0.3  # probability of taking on the colours of another sample

    def __post_init__(self) -> None:
        """
        Refuse what is no probability.

        :raises ConfigError: naming the flag.
        """
        check_range(self, ('cut_out', 'borrow'), 0, 1, 'augment.')


class Sample(NamedTuple):
    """What a network learns from, all of one height and width."""

    image: np.ndarray  # (H, W, 3) uint8 BGR
    mask: np.ndarray  # (H, W) uint8 label ids
    soft: np.ndarray | None = None  # (H, W, classes) uint8, 255 times a teacher's probability


def augment(
    sample: Sample,
    config: AugmentConfig,
    spec: InputSpec,
    rng: np.random.Generator,
    other: np.ndarray | None = None,
    labels: Sequence[str] = LANE_NAMES,
) -> Sample:
    """
    Make one training sample; no label id comes out that did not go in, but 255 for unlabelled.

    :param sample: of any size; left as it is.
    :param rng: the only source of chance: the same state gives the same sample.
    :param other: picture to take colours from, (H, W, 3) uint8 BGR of any size.
    :param labels: names of the ids in the mask: only what is called lane marking is repainted.
    :return: the sample at height and width of ``spec``. Soft labels are 0 for all classes where
        the teacher has no say: outside the picture and under what covers it.
    """
    image = sample.image if other is None else borrow_colors(sample.image, other, rng)
    movement = draw_movement(image.shape[:2], config.geometry, spec, rng)
    image, mask = movement.picture(image), movement.mask(sample.mask)
    soft = None if sample.soft is None else movement.soft(sample.soft)
    image = change_paint(image, mask, lane_id(labels), config.photometric, rng)
    image = change_colors(image, config.photometric, rng)
    image = cast_shadows(image, config.photometric, rng)
    if rng.random() < config.cut_out:
        _cut_out(Sample(image, mask, soft), rng)
    return Sample(spoil(image, config.photometric, rng), mask, soft)


def _cut_out(sample: Sample, rng: np.random.Generator) -> None:
    """Cover rectangles in place, as wipers and bonnets do; nothing is asked of what is hidden."""
    height, width = sample.mask.shape
    for _ in range(rng.integers(1, 5)):
        w, h = (rng.uniform(0.04, 0.25, 2) * (width, height)).astype(int)
        x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
        color = tuple(map(int, rng.integers(0, 256, 3)))
        hidden = np.s_[y : y + h + 1, x : x + w + 1]
        sample.image[hidden] = color
        sample.mask[hidden] = UNLABELLED
        if sample.soft is not None:
            sample.soft[hidden] = 0
