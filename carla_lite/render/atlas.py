"""All materials' grain in one picture, so that one look-up textures a whole view."""

from carla_lite.materials import Material
from carla_lite.render.grain import draw_grain, TILE_M, TILE_PX
import cv2
import numpy as np

_LEVELS = 6
_PAD = 1


class Atlas:
    """
    Tiles of all materials side by side, each halved again below it.

    :param seed: of the grain.
    """

    def __init__(self, seed: int) -> None:
        side = TILE_PX + 2 * _PAD
        sizes = [TILE_PX >> level for level in range(_LEVELS)]
        tops = np.cumsum([0] + [size + 2 * _PAD for size in sizes])
        self._picture = np.full((int(tops[-1]), side * len(Material)), 128, np.uint8)
        for material in Material:
            tile = 128.0 * draw_grain(material, np.random.default_rng([seed, material, 5]))
            for size, top in zip(sizes, tops[:-1], strict=True):
                level = cv2.resize(tile, (size, size), interpolation=cv2.INTER_AREA)
                framed = cv2.copyMakeBorder(level, _PAD, _PAD, _PAD, _PAD, cv2.BORDER_WRAP)
                left = material * side
                self._picture[top : top + size + 2, left : left + size + 2] = framed
        self._size = np.array(sizes, np.float32)
        self._top = tops[:-1].astype(np.float32) + _PAD - 0.5
        self._left = np.arange(len(Material), dtype=np.float32) * side + _PAD - 0.5
        self._per_m = np.array([1.0 / TILE_M[material] for material in Material], np.float32)

    def sample(
        self, material: np.ndarray, u_m: np.ndarray, v_m: np.ndarray, pixel_m: np.ndarray
    ) -> np.ndarray:
        """
        Return the grain of each pixel, (H, W) uint8, 128 for a factor of one.

        :param material: (H, W) uint8.
        :param u_m: (H, W) float32 place on the surface in metres, ``v_m`` the other way.
        :param pixel_m: (H, W) float32 metres that the pixel covers; chooses how fine a tile.
        """
        per_m = np.take(self._per_m, material)
        texels = pixel_m * per_m * TILE_PX
        # A float's exponent is the floor of its base-two logarithm, a hundred times cheaper.
        exponent = (np.maximum(texels * 0.75, 1.0).view(np.int32) >> 23) - 127
        level = np.minimum(exponent, _LEVELS - 1)
        size = np.take(self._size, level)
        u, v = u_m * per_m, v_m * per_m
        u = (u - np.floor(u)) * size + np.take(self._left, material)
        v = (v - np.floor(v)) * size + np.take(self._top, level)
        return cv2.remap(self._picture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
