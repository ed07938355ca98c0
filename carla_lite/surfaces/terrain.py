"""Ground beside the roads: a grid that is finer near them."""

from carla_lite.materials import Material
from carla_lite.mesh import joined, Layer, Mesh, quads
from carla_lite.roads.ground import Ground
from carla_lite.surfaces.footprint import Footprint, lifted, REACH_M
from carla_lite.surfaces.plan import Plan
from carla_lite.surfaces.verges import COMMON, VERGE_M
from carla_lite.tags import Tag
import numpy as np

_CELLS_M = (20.0, 10.0, 5.0, 2.5, 1.25)
_WITHIN = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 4)] * 2), axis=-1).reshape(-1, 2)
_OTHERS = {
    'city': ((Tag.TERRAIN, Material.GRASS), (Tag.GROUND, Material.ASPHALT)),
    'suburb': ((Tag.TERRAIN, Material.SOIL), (Tag.GROUND, Material.ASPHALT)),
    'highway': ((Tag.TERRAIN, Material.SOIL), (Tag.GROUND, Material.GRAVEL)),
    'country': ((Tag.TERRAIN, Material.SOIL), (Tag.GROUND, Material.GRAVEL)),
}


def terrain_of(
    paved: Footprint, covered: Footprint, ground: Ground, setting: str, scale: float, plan: Plan
) -> Mesh:
    """
    Return the ground from the pavement to 60 m beside it.

    :param covered: the pavement with its verges.
    """
    rng = np.random.default_rng([plan.style.seed, 305])
    parts = []
    size = _CELLS_M[0] * scale
    columns = np.arange(paved.low[0], paved.high[0], size)
    rows = np.arange(paved.low[1], paved.high[1], size)
    places = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2) + size / 2
    places = places[paved.clearance(places) < (REACH_M + 10) * scale]
    least = _CELLS_M[-1] * scale
    fields = _Patchwork(rng, scale)
    for level, metres in enumerate(_CELLS_M):
        size = metres * scale
        apart = paved.clearance(places) > size * 0.72
        wanted = apart
        if metres < VERGE_M / 2:  # the smallest ones only mend what the verges leave open
            around = (places[:, None] + _WITHIN * size).reshape(-1, 2)
            bare = covered.clearance(around).reshape(len(places), -1).max(axis=1, initial=0) > 0
            wanted = bare if size <= least else bare & apart
        cells = _cells(places[wanted], size, ground, setting, fields)
        if size <= least:  # these lie under the pavement's edge: they are drawn before it
            cells.anchor[:, 2] -= 3 * plan.sunk_m
        parts.append(cells)
        if level + 1 < len(_CELLS_M):
            quarter = size / 4 * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
            places = (places[~apart][:, None] + quarter).reshape(-1, 2)
    return joined(parts)


def _cells(
    places: np.ndarray, size: float, ground: Ground, setting: str, fields: '_Patchwork'
) -> Mesh:
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * size / 2
    corners = lifted((places[:, None] + signs).reshape(-1, 2), ground).reshape(-1, 4, 3)
    kinds = [COMMON[setting], *_OTHERS.get(setting, ())]
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
