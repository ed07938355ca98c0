"""Asphalt, gutters, sidewalks, medians and their kerbs."""

from carla_lite.materials import Material
from carla_lite.mesh import joined, Layer, Mesh, quads
from carla_lite.surfaces.bands import Band
from carla_lite.surfaces.style import Paving, Style
from carla_lite.tags import Tag
import numpy as np

_TOPS = {
    'sidewalk': (Tag.SIDEWALKS, Material.SIDEWALK),
    'median': (Tag.SIDEWALKS, Material.CONCRETE),
    'verge': (Tag.TERRAIN, Material.GRASS),
}


def pavement_of(band: Band, style: Style, paving: Paving) -> Mesh:
    """
    Return what a band is paved with.

    :param paving: of the carriageway.
    """
    if band.level == 'road':
        return _carriageway(band, style, paving)
    tag, stuff = _TOPS[band.level]
    layer = Layer.SIDEWALK if band.lift or band.level != 'verge' else Layer.TERRAIN
    if band.level == 'median' and style.grass_median:
        tag, stuff = Tag.TERRAIN, Material.GRASS
    right, left = band.right, band.left
    parts = []
    if band.lift:
        for side in (0, 1):
            stones, inner = _kerb(band, style, side)
            parts.append(stones)
            right, left = (inner, left) if side == 0 else (right, inner)
    parts.append(band.pave((right, left), tag, stuff, layer))
    return joined(parts)


def _carriageway(band: Band, style: Style, paving: Paving) -> Mesh:
    right, left = band.right, band.left
    parts = [band.pave((right, left), Tag.ROADS, paving[0], Layer.ROAD, paving[1])]
    if band.fine and style.gutter_m:
        width = style.gutter_m * band.scale
        for raised, edge, inner in (
            (band.raised_beside[0], right, np.minimum(right + width, left)),
            (band.raised_beside[1], left, np.maximum(left - width, right)),
        ):
            if raised:
                strip = band.pave((edge, inner), Tag.ROADS, Material.CONCRETE, Layer.DIRT)
                parts.append(strip)
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
            lines = (edges[:, 0], edges[:, 1])
            parts.append(band.pave(lines, Tag.ROADS, look[0], Layer.DIRT, look[1]))
    return parts


def _kerb(band: Band, style: Style, side: int) -> tuple[Mesh, np.ndarray]:
    """Return the stones along one side, and t of their inner edge at the stations."""
    edge, other = (band.right, band.left) if side == 0 else (band.left, band.right)
    if band.raised_beside[side]:
        return joined([]), edge
    breaks, stones = _stones(band, style)
    face = _face(band, edge, breaks, stones)
    if band.beside[side] != 'road':
        return face, edge
    width = np.minimum(style.kerb_top_m * band.scale, np.abs(other - edge) / 3)
    inner = edge + (1, -1)[side] * width
    low, high = (np.interp(breaks, band.stations, line) for line in (edge, inner))
    corners = [(breaks[:-1], low[:-1]), (breaks[1:], low[1:])]
    corners += [(breaks[1:], high[1:]), (breaks[:-1], high[:-1])]
    strip = np.stack([np.stack(corner, axis=1) for corner in corners], axis=1)
    lid = band.drape(strip, Tag.SIDEWALKS, Material.KERB, Layer.SIDEWALK, colour=stones)
    return joined([face, lid]), inner


def _face(band: Band, edge: np.ndarray, breaks: np.ndarray, stones: np.ndarray) -> Mesh:
    top = band.points(breaks, np.interp(breaks, band.stations, edge))
    foot = top - np.array([0.0, 0.0, band.lift])
    cell = np.searchsorted(band.stations, (breaks[:-1] + breaks[1:]) / 2) - 1
    near, far = band.distances
    return quads(
        np.stack([foot[:-1], foot[1:], top[1:], top[:-1]], axis=1),
        Tag.SIDEWALKS,
        Material.KERB,
        Layer.SIDEWALK,
        anchor=band.anchors[cell],
        colour=stones,
        near_m=near,
        far_m=far,
    )


def _stones(band: Band, style: Style) -> tuple[np.ndarray, np.ndarray]:
    """Return (n + 1,) s where stones of another paint begin, and (n, 3) their tints."""
    colours = np.array(style.kerb_colours, np.uint8)
    stone = style.kerb_stone_m * band.scale
    if not stone or not band.fine:
        middle = colours.mean(axis=0).astype(np.uint8) if stone < 3 * band.scale else colours[0]
        return band.stations, np.broadcast_to(middle, (len(band.stations) - 1, 3))
    first, last = band.stations[[0, -1]]
    inner = np.arange(np.floor(first / stone) + 1, np.ceil(last / stone)) * stone
    breaks = np.unique(np.concatenate([band.stations, inner]).round(6))
    middles = (breaks[:-1] + breaks[1:]) / 2
    return breaks, colours[(middles / stone).astype(int) % len(colours)]
