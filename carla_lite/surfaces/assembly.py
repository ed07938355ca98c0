"""Puts a town's surface together, road by road."""

from collections.abc import Iterator

from carla_lite.materials import Material
from carla_lite.mesh import joined, Layer, Mesh
from carla_lite.roads.ground import Ground
from carla_lite.roads.network import Network, Road
from carla_lite.surfaces.bands import Band, bands_of, Level, sections_of
from carla_lite.surfaces.bridges import bridges_of
from carla_lite.surfaces.dirt import dirt_of
from carla_lite.surfaces.footprint import Footprint
from carla_lite.surfaces.hall import hall_floor_of
from carla_lite.surfaces.junctions import area_of, corner_of
from carla_lite.surfaces.marks import distant_marks_of, ghosts_of, marks_of
from carla_lite.surfaces.pavement import pavement_of
from carla_lite.surfaces.signs_on_road import crosswalk_corners, painted_of, turns_of
from carla_lite.surfaces.style import Style
from carla_lite.surfaces.terrain import terrain_of
from carla_lite.surfaces.verges import corner_verge, verges_of
import numpy as np


def build(network: Network, ground: Ground, style: Style) -> tuple[Mesh, list[np.ndarray]]:
    """Return the mesh and the crosswalks' corners."""
    scale, setting = network.scale, network.setting
    outlined = [junction for junction in network.junctions if len(junction.outline)]
    plan = _Plan(network, style, ground, frozenset(junction.number for junction in outlined))
    parts = []
    for junction in outlined:
        anchor = plan.anchors[junction.number]
        parts.append(area_of(junction.outline, anchor, ground, plan.paving))
        parts += [corner_of(corner, ground, style, scale) for corner in junction.corners]
    sections, crosswalks = [], []
    for road in network.roads:
        rng = np.random.default_rng([style.seed, 302, road.number])
        for bands in _bands(road, plan, scale):
            parts += [_band(band, plan, rng) for band in bands]
            parts.append(bridges_of(bands))
            if road.junction not in plan.outlined:
                sections.append(bands)
            crosswalks += _crosswalks(road, bands)
    mesh = joined(parts)
    pavement = _on_the_ground(mesh, ground, scale)
    paved = Footprint(pavement, scale)
    if setting == 'hall':
        return joined([hall_floor_of(paved, pavement, style, scale), mesh]), crosswalks
    strips = [verges_of(bands, paved, ground, setting) for bands in sections]
    for junction in outlined:
        middle = plan.anchors[junction.number][:2]
        strips += [
            corner_verge(corner, middle, paved, ground, network) for corner in junction.corners
        ]
    verges = joined(strips)
    covered = Footprint(np.concatenate([pavement, verges.corners]), scale)
    terrain = terrain_of(paved, covered, ground, setting, scale, style.seed)
    return joined([terrain, verges, mesh]), crosswalks


def _on_the_ground(mesh: Mesh, ground: Ground, scale: float) -> np.ndarray:
    """Return the corners of fine pavement that is no bridge's, (n, 4, 3)."""
    chosen = np.isin(mesh.layer, (Layer.ROAD, Layer.SIDEWALK)) & (mesh.near_m == 0)
    corners = mesh.corners[chosen]
    middle = corners.mean(axis=1)
    return corners[middle[:, 2] - ground.heights(middle) < 1.5 * scale]


class _Plan:
    """
    What all roads of a town need to know.

    :param outlined: numbers of junctions whose asphalt is one area.
    """

    def __init__(
        self, network: Network, style: Style, ground: Ground, outlined: frozenset[int]
    ) -> None:
        self.style, self.outlined = style, outlined
        self.turns = turns_of(network)
        self.paving = (Material.ASPHALT, (style.asphalt_tint,) * 3)
        if network.setting == 'hall':
            self.paving = (style.track_material, style.track_colour)
        self.lifts = _lifts(network, style)
        # One anchor for all of a junction's area: what stands on its far side must come later.
        down = np.array([0.0, 0.0, _is_hilly(network) * 25.0 * network.scale])
        self.anchors = {
            junction.number: _middle(network, junction.number, junction.outline, ground) - down
            for junction in network.junctions
        }


def _band(band: Band, plan: _Plan, rng: np.random.Generator) -> Mesh:
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
        parts += [marks_of(band, style, rng), painted_of(band, style, plan.turns, rng)]
    else:
        parts.append(distant_marks_of(band, style))
    return joined(parts)


def _lifts(network: Network, style: Style) -> dict[Level, float]:
    lift = style.kerb_lift_m * network.scale
    kerbed = network.setting in ('city', 'suburb')
    lifts: dict[Level, float] = {
        'road': 0.0,
        'sidewalk': lift,
        'verge': lift if kerbed else 0.0,
    }
    if not style.painted_median:
        lifts['median'] = lift
    return lifts


def _bands(road: Road, plan: _Plan, scale: float) -> Iterator[list[Band]]:
    """Yield the bands of each section, fine ones and coarse ones."""
    anchor = plan.anchors.get(road.junction)
    apron = plan.style.apron_m * scale if anchor is None else 0.0
    for section, end in sections_of(road):
        for fine in (True, False):
            bands = bands_of(
                road,
                section,
                end,
                lifts=plan.lifts,
                apron_m=apron,
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


def _is_hilly(network: Network) -> bool:
    heights = {cubic.a for road in network.roads for cubic in road.elevation}
    return max(heights, default=0.0) - min(heights, default=0.0) > 0.5 * network.scale


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
