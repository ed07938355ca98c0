"""Footbridges over roads, direction boards over carriageways, railings of bridges."""

from itertools import pairwise

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.pose import Pose
from carla_lite.scenery import palettes
from carla_lite.scenery.along import guard_rail, rail_fence, slab
from carla_lite.scenery.boards import gantry_mesh
from carla_lite.scenery.parts import box, Finish
from carla_lite.scenery.site import Site
from carla_lite.scenery.waysides import Wayside
from carla_lite.tags import Tag
import numpy as np

_HEADROOM_M = 5.2
_FOOT_M = 1.3  # from the road's edge to a gantry's post


def footbridges(site: Site, every_m: float) -> None:
    """
    Lead pedestrians over roads, on about one stretch in ``every_m`` metres of road.

    Their hard shadows lie across the lanes like broad marks.
    """
    for side in site.waysides:
        length = side.road.length
        if side.sign > 0 or length < 90 or side.road.bridges:
            continue
        if site.rng.random() > length / every_m:
            continue
        s = float(side.s[0] + length * site.rng.uniform(0.35, 0.65))
        span, right, left = _ends(site, side, s, 2.2)
        if site.is_clear(np.stack([right[:2], left[:2]]), 1.0).all():
            colour = palettes.drawn(site.rng, palettes.CONCRETES)
            yaw = float(side.road.yaw(np.array([s]))[0])
            foot = (right + left) / 2
            mesh = footbridge_mesh(span, float(site.rng.uniform(1.8, 4.0)), colour)
            site.add(mesh.moved(Pose(float(foot[0]), float(foot[1]), float(foot[2]), yaw=yaw)))


def gantries(site: Site, every_m: float) -> None:
    """Hang direction boards over carriageways, facing their traffic."""
    for side in site.waysides:
        count = int(side.road.length / every_m + site.rng.uniform(0, 1))
        for s in site.rng.uniform(0.15, 0.85, count) * side.road.length:
            lanes = int(np.interp(s, side.s, side.lanes))
            if lanes < 2:
                continue
            span, foot = _over_side(site, side, float(s))
            if span > 0 and site.is_clear(foot[None, :2], 0.4)[0]:
                x, y, z, yaw = (float(value) for value in foot)
                mesh = gantry_mesh(span, min(lanes, 3), site.rng)
                site.add(mesh.moved(Pose(x, y, z, yaw=yaw - 90.0)))


def bridge_railings(site: Site) -> None:
    """Put railings or guard rails along bridges, at the deck's own height."""
    for side in site.waysides:
        for start, end in side.road.bridges if side.edge.any() else ():
            s = np.linspace(start, end, max(2, int((end - start) / 3)))
            paths = site.off_lanes(side.spots(s, 0.05)[:, :3])
            for path in paths:
                site.add(_railing(site, path, side.sign))


def _railing(site: Site, path: np.ndarray, road_side: int) -> Mesh:
    if site.network.setting in ('highway', 'country'):
        return guard_rail(path, road_side)
    iron = Finish(Tag.FENCES, Material.METAL, (120, 125, 125), 0.0, 200.0)
    return rail_fence(path, iron, (0.3, 0.6, 1.05), 1.1)


def noise_wall(path: np.ndarray, rng: np.random.Generator) -> Mesh:
    """Return a high wall of boards or concrete along a highway."""
    colour = palettes.drawn(rng, palettes.CONCRETES + palettes.BOARDS)
    material = Material.WOOD if rng.random() < 0.4 else Material.WALL
    wall = Finish(Tag.WALLS, material, colour, 0.0, 300.0)
    return slab(path, -0.5, float(rng.uniform(2.0, 4.0)), 0.2, wall)


def footbridge_mesh(span_m: float, wide_m: float, colour: tuple[int, int, int]) -> Mesh:
    """Return a deck along y on two towers, with pale railings; its middle is over the origin."""
    stone = Finish(Tag.BRIDGE, Material.WALL, colour, 0.0, 350.0)
    rail = stone.but(Material.METAL, (190, 195, 198)).between(0.0, 150.0)
    deck, parts = _HEADROOM_M + 0.3, []
    count = max(1, round(span_m / 7))
    edges = np.linspace(-span_m / 2, span_m / 2, count + 1)
    for low, high in pairwise(edges):
        wide = high - low
        piece = [
            box((wide_m, wide, 0.6), (0, 0, deck), stone),
            _underside(wide_m, wide, deck - 0.3, stone),
        ]
        piece += [
            box((0.06, wide, 0.07), (x, 0, deck + z), rail)
            for x in (-wide_m / 2, wide_m / 2)
            for z in (0.5, 0.95, 1.4)
        ]
        parts.append(joined(piece).moved(Pose(y=float(low + high) / 2)))
    for y in (-span_m / 2, span_m / 2):
        tower = box((wide_m * 0.8, 0.7, deck + 0.6), (0, 0, deck / 2 - 0.3), stone)
        parts.append(tower.moved(Pose(y=float(y))))
    return joined(parts)


def _underside(length: float, wide: float, z: float, finish: Finish) -> Mesh:
    return box((length, wide, 0.02), (0, 0, z), finish)


def _other(site: Site, side: Wayside) -> Wayside:
    return next(o for o in site.waysides if o.road is side.road and o.sign != side.sign)


def _ends(
    site: Site, side: Wayside, s: float, out_m: float
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the distance across the road, and a place beyond each of its edges."""
    right = side.spots(s, out_m)[0, :3]
    left = _other(site, side).spots(s, out_m)[0, :3]
    return float(np.linalg.norm(right - left)), right, left


def _over_side(site: Site, side: Wayside, s: float) -> tuple[float, np.ndarray]:
    """Return how far a gantry reaches, to the strip in the middle, and its foot with a yaw."""
    foot = side.spots(s, _FOOT_M)[0]
    reach = abs(float(np.interp(s, side.s, side.edge))) + _FOOT_M
    if float(np.interp(s, side.s, side.median)) > 0.4:
        return reach, foot
    other = _other(site, side)
    strip = float(other.sidewalk_m(np.array([s]))[0])
    if np.interp(s, other.s, other.lanes) > 0 or strip < 1.2:
        return 0.0, foot  # nothing between the directions to stand on
    return reach + abs(float(np.interp(s, other.s, other.kerb))) + 0.6, foot
