"""What travels through the package: a Frame comes in, a Mask goes out."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

PixelFormat = Literal['bgr', 'rgb', 'bgra', 'rgba', 'gray']

#: Channels of each pixel format; ``gray`` pictures have two dimensions.
CHANNELS: dict[str, int] = {'bgr': 3, 'rgb': 3, 'bgra': 4, 'rgba': 4, 'gray': 1}


@dataclass(frozen=True)
class Frame:
    """
    One camera picture, in the pixel format it arrived in.

    It is not converted on arrival: the network sees a much smaller picture, so channels are
    swapped after the resize, on as many pixels fewer.
    """

    image: np.ndarray  # (H, W, 3 or 4) or (H, W) for gray, uint8; may be a read-only view
    pixel_format: PixelFormat = 'bgr'
    stamp_ns: int = 0  # the sensor's clock: wall or simulation time
    frame_id: str = ''

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.shape[0], self.image.shape[1]


@dataclass(frozen=True)
class Mask:
    """Label ids for every pixel of a frame, at the frame's size."""

    labels: np.ndarray  # (H, W) uint8, ids of the bundle's label table
    confidence: np.ndarray | None  # (H, W) uint8, 255 = certain; None when nobody asked
    stamp_ns: int = 0
    frame_id: str = ''
