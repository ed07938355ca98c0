"""Ground beside the roads: strips along them, and a grid that is finer near them."""

from carla_lite.materials import Material
from carla_lite.mesh import joined, Layer, Mesh, quads
from carla_lite.roads.ground import Ground
from carla_lite.surfaces.bands import Band
from carla_lite.surfaces.junctions import lifted
from carla_lite.tags import Tag
import cv2
import numpy as np

_REACH_M = 60.0
_VERGE_M = 8.0
_CELLS_M = (20.0, 10.0, 5.0, 2.5, 1.25)
_STUFF = {
    'city': (Tag.GROUND, Material.CONCRETE),
    'suburb': (Tag.TERRAIN, Material.GRASS),
    'highway': (Tag.TERRAIN, Material.GRASS),
    'country': (Tag.TERRAIN, Material.GRASS),
    'hall': (Tag.GROUND, Material.FLOOR),
}
_OTHERS = {
    'city': ((Tag.TERRAIN, Material.GRASS), (Tag.GROUND, Material.ASPHALT)),
    'suburb': ((Tag.TERRAIN, Material.SOIL), (Tag.GROUND, Material.ASPHALT)),
    'highway': ((Tag.TERRAIN, Material.SOIL), (Tag.GROUND, Material.GRAVEL)),
    'country': ((Tag.TERRAIN, Material.SOIL), (Tag.GROUND, Material.GRAVEL)),
}


class Footprint:
    """
    What is paved, as a picture from above: tells how far a place is from it.

    :param corners: (n, 4, 3) quads of the pavement.
    """

    def __init__(self, corners: np.ndarray, scale: float) -> None:
        self._pixel_m = 0.5 * scale
        margin = (_REACH_M + 25.0) * scale
        flat = corners[..., :2].reshape(-1, 2)
        self.low, self.high = flat.min(axis=0) - margin, flat.max(axis=0) + margin
        size = np.ceil((self.high - self.low) / self._pixel_m).astype(int)
        free = np.full((size[1], size[0]), 255, np.uint8)
        places = np.round((corners[..., :2] - self.low) / self._pixel_m * 8).astype(np.int32)
        for polygon in places:
            cv2.fillConvexPoly(free, polygon, 0, cv2.LINE_8, 3)
        self._metres = cv2.distanceTransform(free, cv2.DIST_L2, 5) * self._pixel_m

    def clearance(self, points: np.ndarray) -> np.ndarray:
        """Return (n,) metres from (n, 2) places to the pavement; 0 on it."""
        columns, rows = ((points - self.low) / self._pixel_m).astype(int).T
        height, width = self._metres.shape
        return self._metres[rows.clip(0, height - 1), columns.clip(0, width - 1)]


def terrain_of(
    paved: Footprint, covered: Footprint, ground: Ground, setting: str, scale: float, seed: int
) -> Mesh:
    """
    Return the ground from the pavement to 60 m beside it.

    :param covered: the pavement with its verges.
    """
    rng = np.random.default_rng([seed, 305])
    parts = []
    size = _CELLS_M[0] * scale
    columns = np.arange(paved.low[0], paved.high[0], size)
    rows = np.arange(paved.low[1], paved.high[1], size)
    places = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2) + size / 2
    places = places[paved.clearance(places) < (_REACH_M + 10) * scale]
    fields = _Patchwork(rng, scale)
    for level, metres in enumerate(_CELLS_M):
        size = metres * scale
        apart = paved.clearance(places) > size * 0.72
        wanted = apart
        if metres < _VERGE_M / 2:  # the smallest ones only mend what the verges leave open
            wanted = apart & (covered.clearance(places) > 0)
        parts.append(_cells(places[wanted], size, ground, setting, fields))
        if level + 1 < len(_CELLS_M):
            quarter = size / 4 * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
            places = (places[~apart][:, None] + quarter).reshape(-1, 2)
    return joined(parts)


def verges_of(bands: list[Band], footprint: Footprint, ground: Ground, setting: str) -> Mesh:
    """
    Return strips of ground along the outermost bands of a section, 8 m wide where there is room.

    :param bands: of one section, from right to left.
    """
    tag, stuff = _STUFF[setting]
    parts = []
    for band, edge, outward in ((bands[0], bands[0].right, -1), (bands[-1], bands[-1].left, 1)):
        if setting == 'hall':
            continue
        inner = band.points(band.stations, edge)
        width = _room(band, edge, outward, footprint)
        outer = band.points(band.stations, edge + outward * width)
        inner[:, 2] -= band.lift
        outer[:, 2] = ground.heights(outer)
        corners = np.stack([inner[:-1], inner[1:], outer[1:], outer[:-1]], axis=1)
        wide = np.minimum(width[:-1], width[1:]) > 0.2 * band.scale
        wide &= np.abs(inner[:-1, 2] - outer[:-1, 2]) < 2.5 * band.scale  # not off a bridge
        near, far = band.distances
        parts.append(quads(corners[wide], tag, stuff, Layer.TERRAIN, near_m=near, far_m=far))
    return joined(parts)


def _room(band: Band, edge: np.ndarray, outward: int, footprint: Footprint) -> np.ndarray:
    """Return (n,) how far from the band's edge the next pavement is, at most the verge's width."""
    shares = np.array([0.15, 0.3, 0.5, 0.75, 1.0]) * _VERGE_M * band.scale
    room = np.zeros(len(edge))
    free = np.ones(len(edge), bool)
    for reach in shares:
        places = band.points(band.stations, edge + outward * reach)[:, :2]
        free &= footprint.clearance(places) > 0.85 * reach - 0.8 * band.scale
        room[free] = reach
    return room


def _cells(
    places: np.ndarray, size: float, ground: Ground, setting: str, fields: '_Patchwork'
) -> Mesh:
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * size / 2
    corners = lifted((places[:, None] + signs).reshape(-1, 2), ground).reshape(-1, 4, 3)
    kinds = [_STUFF[setting], *_OTHERS.get(setting, ())]
    which = fields.kinds_at(places, len(kinds))
    far_m = 500.0 if size > 8 else 250.0
    return joined(
        [
            quads(corners[which == i], tag, stuff, Layer.TERRAIN, far_m=far_m)
            for i, (tag, stuff) in enumerate(kinds)
        ]
    )


class _Patchwork:
    """Which stuff lies where: mostly the first, the others in coherent fields."""

    def __init__(self, rng: np.random.Generator, scale: float) -> None:
        self._waves = rng.uniform(-0.05, 0.05, (3, 3, 2)) / scale
        self._phases = rng.uniform(0, 6.28, (3, 3))

    def kinds_at(self, places: np.ndarray, kinds: int) -> np.ndarray:
        """Return (n,) numbers from 0 to kinds - 1."""
        which = np.zeros(len(places), int)
        for kind in range(1, kinds):
            waves = np.sin(places @ self._waves[kind].T + self._phases[kind])
            which[waves.sum(axis=1) > 1.2] = kind
        return which
