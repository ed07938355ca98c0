"""Asphalt, gutters, sidewalks, medians and their kerbs."""

from carla_lite.materials import Material
from carla_lite.mesh import joined, Layer, Mesh, quads
from carla_lite.surfaces.bands import Band
from carla_lite.surfaces.style import Style
from carla_lite.tags import Tag
import numpy as np

_TOPS = {
    'sidewalk': (Tag.SIDEWALKS, Material.SIDEWALK, Layer.SIDEWALK),
    'median': (Tag.SIDEWALKS, Material.CONCRETE, Layer.SIDEWALK),
    'verge': (Tag.TERRAIN, Material.GRASS, Layer.TERRAIN),
}


def pavement_of(band: Band, style: Style, material: Material) -> Mesh:
    """
    Return what a band is paved with.

    :param material: of the carriageway.
    """
    if band.level == 'road':
        return _carriageway(band, style, material)
    tag, stuff, layer = _TOPS[band.level]
    if band.level == 'median' and style.grass_median:
        tag, stuff = Tag.TERRAIN, Material.GRASS
    right, left = band.right, band.left
    parts = []
    if band.lift:
        for side in (0, 1):
            stones, inner = _kerb(band, style, side)
            parts.append(stones)
            right, left = (inner, left) if side == 0 else (right, inner)
    parts.append(band.drape(band.ribbon(right, left), tag, stuff, layer))
    return joined(parts)


def _carriageway(band: Band, style: Style, material: Material) -> Mesh:
    right, left = band.right, band.left
    parts = [band.drape(band.ribbon(right, left), Tag.ROADS, material, Layer.ROAD)]
    if band.fine and style.gutter_m:
        width = style.gutter_m * band.scale
        for beside, edge, inner in (
            (band.beside[0], right, np.minimum(right + width, left)),
            (band.beside[1], left, np.maximum(left - width, right)),
        ):
            if beside in ('sidewalk', 'median') and style.kerb_lift_m:
                strip = band.ribbon(np.minimum(edge, inner), np.maximum(edge, inner))
                parts.append(band.drape(strip, Tag.ROADS, Material.CONCRETE, Layer.DIRT))
    if band.fine:
        parts += _lane_shades(band, style)
    return joined(parts)


def _lane_shades(band: Band, style: Style) -> list[Mesh]:
    """Return lanes whose surface differs from the carriageway's."""
    parts = []
    for lane in band.lanes:
        look = None
        if lane.kind == 'shoulder' and style.shoulder_gravel:
            look = (Material.GRAVEL, (255, 255, 255))
        elif lane.kind == 'parking' and style.parking_shade < 255:
            look = (Material.PATCH, (style.parking_shade,) * 3)
        elif lane.kind == 'biking' and style.bike_colour:
            look = (Material.LACQUER, style.bike_colour)
        if look:
            edges = band.road.lane_edges(band.section, lane.number, band.stations)
            strip = band.ribbon(edges.min(axis=1), edges.max(axis=1))
            parts.append(band.drape(strip, Tag.ROADS, look[0], Layer.DIRT, colour=look[1]))
    return parts


def _kerb(band: Band, style: Style, side: int) -> tuple[Mesh, np.ndarray]:
    """Return the stones along one side, and t of their inner edge at the stations."""
    edge, other = (band.right, band.left) if side == 0 else (band.left, band.right)
    neighbour = band.beside[side]
    if neighbour in ('sidewalk', 'median'):
        return joined([]), edge
    stones = _stone_colours(band, style)
    face = _face(band, edge, stones)
    if neighbour != 'road':
        return face, edge
    width = np.minimum(style.kerb_top_m * band.scale, np.abs(other - edge) / 3)
    inner = edge + (1, -1)[side] * width
    strip = band.ribbon(np.minimum(edge, inner), np.maximum(edge, inner))
    lid = band.drape(strip, Tag.SIDEWALKS, Material.KERB, Layer.SIDEWALK, colour=stones)
    return joined([face, lid]), inner


def _face(band: Band, edge: np.ndarray, stones: np.ndarray) -> Mesh:
    top = band.points(band.stations, edge)
    foot = top - (0.0, 0.0, band.lift)
    near, far = band.distances
    return quads(
        np.stack([foot[:-1], foot[1:], top[1:], top[:-1]], axis=1),
        Tag.SIDEWALKS,
        Material.KERB,
        Layer.SIDEWALK,
        anchor=band.anchors,
        colour=stones,
        near_m=near,
        far_m=far,
    )


def _stone_colours(band: Band, style: Style) -> np.ndarray:
    """Return (n, 3) tints, one a cell."""
    colours = np.array(style.kerb_colours, np.uint8)
    if not style.kerb_stone_m:
        return np.broadcast_to(colours[0], (len(band.stations) - 1, 3))
    middles = (band.stations[:-1] + band.stations[1:]) / 2
    return colours[(middles / (style.kerb_stone_m * band.scale)).astype(int) % len(colours)]
