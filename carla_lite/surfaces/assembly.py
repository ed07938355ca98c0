"""Puts a town's surface together, road by road."""

from collections.abc import Iterator

from carla_lite.materials import Material
from carla_lite.mesh import joined, Layer, Mesh
from carla_lite.roads.ground import Ground
from carla_lite.roads.network import Network, Road
from carla_lite.surfaces.bands import Band, bands_of, Level, sections_of
from carla_lite.surfaces.junctions import area_of
from carla_lite.surfaces.marks import distant_marks_of, guide_lines_of, marks_of
from carla_lite.surfaces.pavement import pavement_of
from carla_lite.surfaces.style import Style
from carla_lite.surfaces.terrain import Footprint, terrain_of, verges_of
import numpy as np


def build(network: Network, ground: Ground, style: Style) -> tuple[Mesh, list[np.ndarray]]:
    """Return the mesh and the crosswalks' corners."""
    scale, setting = network.scale, network.setting
    anchors = {j.number: _middle(network, j.number, j.outline, ground) for j in network.junctions}
    outlined = {j.number for j in network.junctions if len(j.outline)}
    parts = [
        area_of(j.outline, anchors[j.number], ground) for j in network.junctions if len(j.outline)
    ]
    sections = []
    for road in network.roads:
        inside = road.junction in anchors
        rng = np.random.default_rng([style.seed, 302, road.number])
        for bands in _bands(road, style, scale, anchors.get(road.junction)):
            if not inside:
                sections.append(bands)
            for band in bands:
                if not (band.level == 'road' and road.junction in outlined):
                    parts.append(pavement_of(band, style, Material.ASPHALT))
                if band.level == 'road':
                    parts.append(_paint(band, style, rng, inside))
    mesh = joined(parts)
    near = np.isin(mesh.layer, (Layer.ROAD, Layer.SIDEWALK)) & (mesh.near_m == 0)
    footprint = Footprint(mesh.corners[near], scale)
    verges = [verges_of(bands, footprint, ground, setting) for bands in sections]
    terrain = terrain_of(footprint, ground, setting, scale, style.seed)
    return joined([terrain, *verges, mesh]), []


def _paint(band: Band, style: Style, rng: np.random.Generator, inside: bool) -> Mesh:
    if inside:
        return guide_lines_of(band) if band.fine and style.guide_lines else joined([])
    return marks_of(band, style, rng) if band.fine else distant_marks_of(band, style)


def _bands(
    road: Road, style: Style, scale: float, anchor: np.ndarray | None
) -> Iterator[list[Band]]:
    """Yield the bands of each section, fine ones and coarse ones."""
    lift = style.kerb_lift_m * scale
    lifts: dict[Level, float] = {'sidewalk': lift, 'median': lift}
    for section, end in sections_of(road):
        for fine in (True, False):
            bands = bands_of(
                road, section, end, lifts=lifts, scale=scale, fine=fine, anchor=anchor
            )
            if bands:
                yield bands


def _middle(network: Network, number: int, outline: np.ndarray, ground: Ground) -> np.ndarray:
    """Return (3,) the middle of a junction."""
    if len(outline):
        middle = outline.mean(axis=0)
        return np.array([*middle, np.asarray(ground.heights(middle[None]))[0]])
    ways = [road for road in network.roads if road.junction == number]
    ends = [
        road.points(np.array([0.0, road.length / 2, road.length]), np.zeros(1)) for road in ways
    ]
    return np.concatenate(ends).mean(axis=0) if ends else np.zeros(3)
