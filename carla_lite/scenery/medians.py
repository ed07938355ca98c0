"""What stands on the strip between the directions."""

from carla_lite.materials import Material
from carla_lite.mesh import Mesh
from carla_lite.scenery import palettes
from carla_lite.scenery.along import guard_rail, hedge_mesh, posts, rail_fence, slab
from carla_lite.scenery.furniture import bollard_mesh
from carla_lite.scenery.parts import Finish
from carla_lite.scenery.site import Site
from carla_lite.scenery.stock import Stock
from carla_lite.scenery.waysides import Wayside
from carla_lite.tags import Tag
import numpy as np

_END_M = 4.0


def furnish_median(site: Site, stock: Stock, side: Wayside) -> None:
    """Put barriers, hedges, trees or bollards on the middle strip; called for both sides."""
    if side.sign > 0 or not len(side.off_bridges(side.s)):
        return
    for start, end in _stretches(side):
        width = float(np.min(np.interp([start, end], side.s, side.median)))
        if site.network.setting == 'highway':
            _barrier(site, side, (start, end))
        elif width > 0.9:
            _green(site, stock, side, (start, end), width)
        elif site.rng.random() < 0.5:
            s = np.arange(start, end, float(site.rng.uniform(2.5, 8)))
            site.put(_middle(side, s), (0.2, 0.2), bollard_mesh(), clear_m=None)


def median_barrier(path: np.ndarray, road_side: int, rng: np.random.Generator) -> Mesh:
    """Return a concrete wall, a guard rail or wires along a line."""
    kind = int(rng.integers(3))
    if kind == 0:
        colour = palettes.drawn(rng, palettes.CONCRETES)
        return slab(path, -0.1, 0.85, 0.3, Finish(Tag.WALLS, Material.WALL, colour, 0.0, 250.0))
    if kind == 1:
        return guard_rail(path, road_side)
    wire = Finish(Tag.GUARD_RAIL, Material.METAL, (165, 168, 170), 0.0, 200.0)
    return rail_fence(path, wire, (0.5, 0.65, 0.8), 0.9)


def _stretches(side: Wayside) -> list[tuple[float, float]]:
    """Return s from, to where the strip is wide enough to stand on."""
    wide = np.concatenate([[False], side.median >= 0.28, [False]])
    turns = np.flatnonzero(np.diff(wide.astype(int)))
    spans = [
        (float(side.s[a]) + _END_M, float(side.s[b - 1]) - _END_M)
        for a, b in zip(turns[::2], turns[1::2], strict=True)
    ]
    return [(start, end) for start, end in spans if end - start > 6]


def _middle(side: Wayside, s: np.ndarray) -> np.ndarray:
    """Return spots on the reference line, which is the strip's middle."""
    yaw = side.road.yaw(s) + 90.0
    return np.column_stack([side.road.points(s, np.zeros(len(s))), yaw])


def _barrier(site: Site, side: Wayside, span: tuple[float, float]) -> None:
    path = _middle(side, np.linspace(*span, max(2, int((span[1] - span[0]) / 4))))[:, :3]
    for run in site.off_lanes(path):
        site.add(median_barrier(run, 1, site.rng))


def _green(
    site: Site, stock: Stock, side: Wayside, span: tuple[float, float], width: float
) -> None:
    rng = site.rng
    kind = int(rng.integers(4))
    if kind == 0:
        s = np.arange(*span, float(rng.uniform(8, 18)))
        site.put(_middle(side, s), (0.5, 0.5), stock.street_tree, clear_m=None, turn=180.0)
    elif kind == 1:
        path = _middle(side, np.linspace(*span, int(span[1] - span[0]) + 1))[:, :3]
        site.add(hedge_mesh(path, float(rng.uniform(0.5, 1.1)), rng))
    elif kind == 2:
        path = _middle(side, np.linspace(*span, max(2, int((span[1] - span[0]) / 2.5))))[:, :3]
        iron = Finish(Tag.FENCES, Material.METAL, (60, 62, 60), 0.0, 120.0)
        site.add(rail_fence(path, iron, (0.25, 0.95), 1.0))
        site.add(posts(path, 1.0, 0.06, iron.between(0.0, 60.0)))
