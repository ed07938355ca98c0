"""The ground's and the objects' own colours: albedo, grain, wear and stains, without any light."""

from functools import cache

from carla_lite.look import Look
from carla_lite.materials import Material, PAINTS
from carla_lite.mesh import Layer, Mesh
from carla_lite.render.atlas import Atlas
from carla_lite.render.noise import as_shares, fractal_noise, tiled
from carla_lite.render.surface_points import Points
import numpy as np

#: The table of lit colours is in bytes; light up to 1 / this is kept.
LIGHT_SCALE = 0.6
_WEAR_PX, _STAINS_PX = 512, 512
_WEAR_M, _STAINS_M, _PUDDLES_M = 2.5, 45.0, 9.0


#: Grain takes half a second to draw, so looks share some: another number in each keeps them apart.
_ATLASES, _TILES = 11, 7


class PaintShop:
    """
    Colours of one town.

    :param scale: of the town: wear and stains of a track are small.
    """

    def __init__(self, look: Look, scale: float) -> None:
        self._look, self._scale = look, scale
        self._atlas = _atlas(look.seed % _ATLASES)
        self._albedo = np.full((len(Material), 3), 255.0, np.float32)
        for material, bgr in look.albedo.items():
            self._albedo[material] = bgr
        self._wear, self._stains, self._puddles = _tiles(look.seed % _TILES)

    @property
    def wears(self) -> bool:
        """Whether any paint is worn."""
        return self._look.wear > 0

    def lit_colours(self, mesh: Mesh, light: np.ndarray, sky: np.ndarray) -> np.ndarray:
        """
        Return the table that the visibility buffer's numbers look up.

        :param light: (n, 3) light on each quad, about 1 on level ground; what is more than
            1 / :data:`LIGHT_SCALE` is cut.
        :param sky: (3,) BGR of number 0.
        :return: (n + 1, 4) uint8: BGR times :data:`LIGHT_SCALE`, and 255 where a quad is paint.
        """
        albedo = self._albedo[mesh.material] * (mesh.colour.astype(np.float32) / 255)
        paint = np.isin(mesh.material, PAINTS)
        if self._look.grime:
            albedo[paint] += self._look.grime * (self.ground() - albedo[paint])
        table = np.empty((len(mesh) + 1, 4), np.uint8)
        table[0] = (*np.clip(LIGHT_SCALE * sky, 0, 255), 0)
        table[1:, :3] = np.clip(LIGHT_SCALE * albedo * light, 0, 255)
        table[1:, 3] = 255 * paint
        return table

    @staticmethod
    def shining(mesh: Mesh) -> np.ndarray:
        """Return (n + 1, 3) float32 BGR that lamps give off by themselves; row 0 is the sky."""
        lamp = (mesh.material == Material.LAMP)[:, None]
        own = np.where(lamp, mesh.colour, 0).astype(np.float32)
        return np.concatenate([np.zeros((1, 3), np.float32), own])

    def grain(self, mesh: Mesh, normals: np.ndarray, numbers: np.ndarray, points: Points,
              focal_px: float) -> np.ndarray:  # fmt: skip
        """
        Return factors of the colours, (H, W) float32.

        :param normals: (n, 3) of the quads in the world.
        """
        level = np.abs(normals[:, 2]) > 0.6
        length = np.maximum(np.hypot(normals[:, 0], normals[:, 1]), 1e-6)
        along_x = np.where(level, 1.0, -normals[:, 1] / length)
        along_y = np.where(level, 0.0, normals[:, 0] / length)
        ux, uy, flat = (
            np.take(np.append(0.0, column).astype(np.float32), numbers)
            for column in (along_x, along_y, level)
        )
        material = np.take(np.append(np.uint8(Material.GLASS), mesh.material), numbers)
        u = points.x * ux + points.y * uy
        v = points.z + flat * (points.y - points.z)
        pixel_m = points.depth_m / np.float32(focal_px) / np.maximum(points.facing, 0.12)
        factor = self._atlas.sample(material, u, v, pixel_m).astype(np.float32)
        factor *= np.float32(self._look.texture / 128)
        factor += np.float32(1.0 - self._look.texture)
        if self._look.blotches:
            factor *= self._blotches(points, flat)
        return factor

    def worn(self, mesh: Mesh, numbers: np.ndarray, points: Points) -> np.ndarray:
        """Return how much of the paint is gone in each pixel, (H, W) float32 0..1."""
        spot = _hash(mesh.anchor + mesh.corners[:, 0])
        wear = self._look.wear * (0.3 + 1.4 * spot) * (mesh.layer == Layer.PAINT)
        threshold = np.take(np.append(0.0, wear).astype(np.float32), numbers)
        per_m = np.float32(_WEAR_PX / (_WEAR_M * self._scale))
        shares = tiled(self._wear, points.x * per_m, points.y * per_m).astype(np.float32) / 255
        gone = np.clip((threshold - shares) * 8 + 0.5, 0, 1) * (threshold > 0.005)
        far = np.clip(points.depth_m / (25.0 * self._scale), 0, 1)
        return gone + far * (0.8 * threshold - gone)  # afar the holes are too small to see

    def puddles(self, points: Points, share: float) -> np.ndarray:
        """Return where water stands, (H, W) float32 0..1, on about a share of the ground."""
        per_m = np.float32(_STAINS_PX / (_PUDDLES_M * self._scale))
        shares = tiled(self._puddles, points.x * per_m, points.y * per_m)
        return np.clip((shares - 1 + 0.6 * share) * 6, 0, 1)

    def ground(self) -> np.ndarray:
        """Return (3,) BGR of what shows where paint is gone."""
        mat = self._scale < 0.5
        return self._albedo[Material.MAT if mat else Material.ASPHALT]

    def _blotches(self, points: Points, flat: np.ndarray) -> np.ndarray:
        per_m = np.float32(_STAINS_PX / (_STAINS_M * self._scale))
        stains = tiled(self._stains, points.x * per_m, points.y * per_m)
        stains += tiled(self._stains, points.y * per_m * 5, points.x * per_m * 5) * 0.5
        return 1 + np.float32(self._look.blotches) * flat * np.clip(stains, -2, 2)


@cache
def _atlas(seed: int) -> Atlas:
    return Atlas(seed)


@cache
def _tiles(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return tiles of wear (uint8), of stains and of puddles (float32)."""
    rng = np.random.default_rng([seed, 23])
    wear = fractal_noise(rng, _WEAR_PX, 24.0) + 0.6 * fractal_noise(rng, _WEAR_PX, 3.0)
    stains = fractal_noise(rng, _STAINS_PX, 50.0)
    puddles = as_shares(fractal_noise(rng, _STAINS_PX, 60.0))
    return (255 * as_shares(wear)).astype(np.uint8), stains, puddles


def _hash(places: np.ndarray) -> np.ndarray:
    """Return (n,) 0..1 that depends on (n, 3) places only."""
    mixed = np.sin(places @ np.array([12.9898, 78.233, 37.719])) * 43758.5453
    return mixed - np.floor(mixed)
