"""Puts a town's surface together, road by road."""

from collections.abc import Iterator

from carla_lite.mesh import joined, Layer, Mesh
from carla_lite.roads.ground import Ground
from carla_lite.roads.network import Network, Road
from carla_lite.surfaces.bands import Band, bands_of, sections_of
from carla_lite.surfaces.bridges import bridges_of
from carla_lite.surfaces.crossings import crosswalk_corners, crosswalks_of
from carla_lite.surfaces.dirt import dirt_of
from carla_lite.surfaces.footprint import Footprint
from carla_lite.surfaces.hall import hall_floor_of
from carla_lite.surfaces.junctions import area_of, corner_line_of, corner_of
from carla_lite.surfaces.marks import distant_marks_of, ghosts_of, kerb_lines_of, marks_of
from carla_lite.surfaces.pavement import pavement_of
from carla_lite.surfaces.plan import Plan
from carla_lite.surfaces.polygons import areas
from carla_lite.surfaces.signs_on_road import painted_of
from carla_lite.surfaces.style import Style
from carla_lite.surfaces.terrain import terrain_of
from carla_lite.surfaces.verges import corner_verge, verges_of
import numpy as np

_PAINTED_MEDIAN_M = 2.6
_EDGE_LINE_M = 0.3


def build(network: Network, ground: Ground, style: Style) -> tuple[Mesh, list[np.ndarray]]:
    """Return the mesh and the crosswalks' corners."""
    scale, setting = network.scale, network.setting
    outlined = [junction for junction in network.junctions if len(junction.outline)]
    plan = Plan(network, style)
    parts = []
    for junction in outlined:
        anchor, plane = plan.anchors[junction.number], plan.planes[junction.number]
        parts.append(area_of(junction.outline, anchor, plane, plan.paving))
        for corner in junction.corners:
            parts.append(corner_of(corner, plane, style, scale))
            parts.append(corner_line_of(corner, plane, style, anchor, scale))
    sections, crosswalks = [], []
    for road in network.roads:
        rng = np.random.default_rng([style.seed, 302, road.number])
        for bands in _bands(road, plan, scale):
            parts += [_band(band, plan, rng) for band in bands]
            parts.append(bridges_of(bands))
            if road.junction not in plan.outlined:
                sections.append(bands)
            crosswalks += _crosswalks(road, bands)
    mesh = _whole(joined(parts), scale)
    pavement = _on_the_ground(mesh, ground, scale)
    paved = Footprint(pavement, scale)
    if setting == 'hall':
        return joined([hall_floor_of(paved, pavement, style, scale), mesh]), crosswalks
    strips = [verges_of(bands, paved, ground, setting) for bands in sections]
    for junction in outlined:
        plane = plan.planes[junction.number]
        strips += [
            corner_verge(corner, plane, paved, ground, network) for corner in junction.corners
        ]
    verges = joined(strips)
    covered = Footprint(
        np.concatenate([pavement, verges.corners[verges.near_m == 0]]), scale, 0.25
    )
    terrain = terrain_of(paved, covered, ground, setting, scale, plan)
    return _whole(joined([terrain, verges, mesh]), scale), crosswalks


def _whole(mesh: Mesh, scale: float) -> Mesh:
    """Drop what is thinner than a hair, as where a sidewalk narrows to nothing."""
    corners = mesh.corners.astype(np.float64)
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    return mesh.rows(areas(corners) > 3e-4 * scale * longest)


def _on_the_ground(mesh: Mesh, ground: Ground, scale: float) -> np.ndarray:
    """Return the corners of fine pavement that is no bridge's, (n, 4, 3)."""
    chosen = np.isin(mesh.layer, (Layer.ROAD, Layer.SIDEWALK)) & (mesh.near_m == 0)
    corners = mesh.corners[chosen]
    middle = corners.mean(axis=1)
    return corners[middle[:, 2] - ground.heights(middle) < 1.5 * scale]


def _band(band: Band, plan: Plan, rng: np.random.Generator) -> Mesh:
    """Return all that belongs to a band."""
    style, junction = plan.style, band.road.junction
    parts = []
    if band.level != 'road' or junction not in plan.outlined:
        parts.append(pavement_of(band, style, plan.paving))
    if band.level != 'road':
        return joined(parts)
    if junction in plan.anchors:
        if band.fine:
            parts.append(dirt_of(band, style, rng, share=0.3))
            parts.append(marks_of(band, style, rng))
    elif band.fine:
        parts += [dirt_of(band, style, rng), ghosts_of(band, style, rng)]
        parts += [marks_of(band, style, rng), kerb_lines_of(band, style)]
        parts += [painted_of(band, style, plan.turns, rng), crosswalks_of(band, style, rng)]
    else:
        parts.append(distant_marks_of(band, style))
    return joined(parts)


def _bands(road: Road, plan: Plan, scale: float) -> Iterator[list[Band]]:
    """Yield the bands of each section, fine ones and coarse ones."""
    anchor = plan.anchors.get(road.junction)
    apron = plan.style.apron_m * scale if anchor is None else 0.0
    if road.junction in plan.outlined:  # its lines may lie on the edge: the outline is paved
        apron = _EDGE_LINE_M * scale
    painted = _PAINTED_MEDIAN_M * scale if plan.style.painted_median else 0.0
    for section, end in sections_of(road):
        for fine in (True, False):
            bands = bands_of(
                road,
                section,
                end,
                lifts=plan.lifts,
                apron_m=apron,
                painted_median_m=painted,
                scale=scale,
                fine=fine,
                anchor=anchor,
            )
            if bands:
                yield bands


def _crosswalks(road: Road, bands: list[Band]) -> list[np.ndarray]:
    fine = bands[0].fine
    first, last = bands[0].stations[[0, -1]]
    return [
        crosswalk_corners(road, bands, crossing)
        for crossing in road.crossings
        if fine and first <= crossing.s < last
    ]
