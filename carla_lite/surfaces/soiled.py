"""Places on a carriageway and what may lie there."""

from dataclasses import dataclass

from carla_lite.materials import Material
from carla_lite.mesh import Layer, Mesh
from carla_lite.surfaces.bands import Band
from carla_lite.surfaces.polygons import polyline_quads
from carla_lite.tags import Tag
import numpy as np


@dataclass(frozen=True, eq=False)
class Spot:
    """
    Polygons of one kind.

    :param polygons: (n, k, 2) of s, t, k even.
    :param shade: tint or colour: a grey, a BGR, (n, 1) or (n, 3).
    :param far_m: drawn up to here, metres at scale 1.
    """

    polygons: np.ndarray
    material: Material
    shade: int | tuple[int, int, int] | np.ndarray
    far_m: float
    layer: Layer = Layer.DIRT


class Place:
    """
    A carriageway to be soiled.

    :param share: of the usual densities.
    """

    def __init__(self, band: Band, rng: np.random.Generator, share: float = 1.0) -> None:
        self.band, self.rng, self.scale = band, rng, band.scale
        self.begin, self.end = float(band.stations[0]), float(band.stations[-1])
        self.is_open = share >= 1.0  # no way through a junction, which others cross
        self.share = share * (self.end - self.begin) / (100.0 * band.scale)

    def count(self, density: float) -> int:
        """Return how many there are, of so many a hundred metres."""
        return int(self.rng.poisson(density * self.share))

    def somewhere(self, count: int) -> np.ndarray:
        """Return (n, 2) s, t on the carriageway."""
        s = self.rng.uniform(self.begin, self.end, count)
        right, left = self.band.edges(s)
        return np.stack([s, right + self.rng.uniform(0.03, 0.97, count) * (left - right)], axis=1)

    def metres(self, low: float, high: float, count: int) -> np.ndarray:
        """Return (n,) lengths."""
        return self.rng.uniform(low, high, count) * self.scale

    def lengthways(
        self, s: np.ndarray, share: np.ndarray, length: np.ndarray, width: np.ndarray
    ) -> np.ndarray:
        """
        Return strips that keep their place across the road, (n, 4, 2), cut as the road bends.

        :param share: (n,) where across: 0 right edge, 1 left edge.
        """
        parts = []
        for begin, where, long, wide in zip(s, share, length, width, strict=True):
            inner = self.band.stations[
                (self.band.stations > begin) & (self.band.stations < begin + long)
            ]
            along = np.concatenate([[begin], inner, [min(begin + long, self.end)]])
            right, left = self.band.edges(along)
            parts.append(
                polyline_quads(np.stack([along, right + where * (left - right)], axis=1), wide)
            )
        return np.concatenate(parts) if parts else np.zeros((0, 4, 2))

    def laid(self, spot: Spot) -> Mesh:
        """Return the mesh of a kind of dirt."""
        colour = np.broadcast_to(spot.shade, (len(spot.polygons), 3))
        return self.band.drape(
            spot.polygons,
            Tag.ROADS,
            spot.material,
            spot.layer,
            colour=colour,
            far_m=spot.far_m * self.scale,
        )
