"""A bent lens, made of a wider straight one: picture and labels through the same map."""

from dataclasses import dataclass
import math

import cv2
import numpy as np
from training.collection.camera import CameraConfig
from training.errors import ConfigError

_WIDEST_DEG = 150.0
_NEWTON_STEPS = 50
_FARTHEST = 10.0  # tangent of an angle beyond any use


@dataclass(frozen=True)
class Lens:
    """What the simulator has to render for a camera, and how the camera's picture comes of it."""

    width: int  # to render
    height: int
    fov_deg: float
    k: tuple[float, ...]  # 3x3 by rows, of the picture that comes out
    #: Columns and rows in the rendered picture, each (H, W) float32; None: as rendered.
    _map: tuple[np.ndarray, np.ndarray] | None

    @classmethod
    def of(cls, camera: CameraConfig) -> 'Lens':
        """
        Find a straight camera that sees all that the bent one sees, as finely in the middle.

        :raises ConfigError: when there is none.
        """
        width, height = camera.width, camera.height
        focal_px = width / (2 * math.tan(math.radians(camera.fov_deg) / 2))
        k = (focal_px, 0.0, width / 2, 0.0, focal_px, height / 2, 0.0, 0.0, 1.0)
        if not any(camera.lens):
            return cls(width, height, camera.fov_deg, k, None)
        rays = _rays(camera, focal_px)
        reach = np.abs(rays).max(axis=(0, 1))
        fov_deg = 2 * math.degrees(math.atan(reach[0]))
        if not np.isfinite(reach).all() or fov_deg > _WIDEST_DEG:
            raise ConfigError(
                f'--cameras: {camera.name} with lens {list(camera.lens)} would need a rendered '
                f'picture wider than {_WIDEST_DEG:g} degrees: use less of it, or a smaller fov_deg'
            )
        # One pixel more on each side, so that interpolation at the rim has neighbours.
        columns = 2 * math.ceil(focal_px * reach[0] + 1)
        rows = 2 * math.ceil(focal_px * reach[1] + 1)
        places = rays * focal_px + (columns / 2 - 0.5, rows / 2 - 0.5)
        wide_deg = 2 * math.degrees(math.atan(columns / 2 / focal_px))
        return cls(columns, rows, wide_deg, k, _planes(places))

    def bend_image(self, rendered: np.ndarray) -> np.ndarray:
        """Return the camera's picture of the rendered one, (H, W, channels) uint8."""
        if self._map is None:
            return rendered
        return cv2.remap(rendered, *self._map, cv2.INTER_LINEAR)

    def bend_labels(self, rendered: np.ndarray) -> np.ndarray:
        """Return the camera's labels of the rendered ones, (H, W) uint8; none are mixed."""
        if self._map is None:
            return rendered
        return cv2.remap(rendered, *self._map, cv2.INTER_NEAREST)


def _planes(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    columns, rows = (np.ascontiguousarray(places[..., i], np.float32) for i in (0, 1))
    return columns, rows


def _rays(camera: CameraConfig, focal_px: float) -> np.ndarray:
    """Return (H, W, 2) float64: where each pixel's straight ray meets the plane at distance 1."""
    # Pixel centres are half a pixel from the corner that the principal point is counted from.
    x = (np.arange(camera.width) + 0.5 - camera.width / 2) / focal_px
    y = (np.arange(camera.height) + 0.5 - camera.height / 2) / focal_px
    bent = np.stack(np.meshgrid(x, y), axis=-1)
    radius = np.hypot(bent[..., 0], bent[..., 1])
    straight = _straighten(radius, camera.lens)
    if not np.allclose(_bend(straight, camera.lens), radius, atol=0.1 / focal_px):
        raise ConfigError(
            f'--cameras: lens {list(camera.lens)} of {camera.name} folds the picture over at its '
            'rim: use less of it, or a smaller fov_deg'
        )
    return bent * (straight / np.maximum(radius, 1e-12))[..., None]


def _bend(radius: np.ndarray, lens: tuple[float, float]) -> np.ndarray:
    return radius * (1 + lens[0] * radius**2 + lens[1] * radius**4)


def _straighten(bent: np.ndarray, lens: tuple[float, float]) -> np.ndarray:
    """Invert :func:`_bend` by Newton's method; where it has no inverse the result is wrong."""
    radius = bent.copy()
    for _ in range(_NEWTON_STEPS):
        slope = 1 + 3 * lens[0] * radius**2 + 5 * lens[1] * radius**4
        radius -= (_bend(radius, lens) - bent) / np.where(slope > 0.05, slope, 0.05)
        radius = np.clip(radius, 0.0, _FARTHEST)
    return radius
