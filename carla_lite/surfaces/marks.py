"""Lane markings: lines on lanes' edges, whole, dashed or double, worn off in places."""

from collections.abc import Iterator

from carla_lite.materials import Material
from carla_lite.mesh import joined, Layer, Mesh
from carla_lite.roads.network import Mark
from carla_lite.surfaces.bands import Band
from carla_lite.surfaces.style import Style
from carla_lite.tags import Tag
import numpy as np

_PAINTS = {
    ('white', False): Material.WHITE_PAINT,
    ('yellow', False): Material.YELLOW_PAINT,
    ('white', True): Material.WHITE_TAPE,
    ('yellow', True): Material.YELLOW_TAPE,
}

_OVERLAP_M = 0.05


def paint_of(colour: str, scale: float) -> Material:
    """Return the paint of a colour: tape on a track of small robots."""
    return _PAINTS[colour, scale < 0.5]


def marks_of(band: Band, style: Style, rng: np.random.Generator) -> Mesh:
    """Return the markings of a carriageway's lanes."""
    parts = []
    crossed = _crossed(band)
    for mark, line, outward in _lines(band):
        line = _inside(band, line, mark.width_m)
        holes = np.concatenate([crossed, _gone_stretches(band, style, rng)])
        if band.scale < 0.5:  # tape is laid by hand
            line = line + rng.normal(0.0, 0.02 * band.scale, len(line))
        tint = int(rng.integers(205, 256))
        for offset, dashed in strokes(mark, style.double_gap_m * band.scale):
            spans = dashes(band, mark) if dashed else band.stations[[0, -1]][None]
            shapes = along(band, line + outward * offset, _without(spans, holes), mark.width_m)
            paint = paint_of(mark.colour, band.scale)
            parts.append(band.lay(*shapes, Tag.ROAD_LINES, paint, Layer.PAINT, colour=(tint,) * 3))
    return joined(parts)


def ghosts_of(band: Band, style: Style, rng: np.random.Generator) -> Mesh:
    """Return what removed markings left beside the new ones: darker or scratched bright."""
    parts = []
    for mark, line, _ in _lines(band):
        if rng.random() > style.ghosts * 3:
            continue
        moved = line + rng.choice([-1, 1]) * style.shift_ghosts_m * band.scale
        spans = dashes(band, mark) if 'broken' in mark.kind else band.stations[[0, -1]][None]
        first, last = band.stations[[0, -1]]
        begin, long = rng.uniform(first, last), rng.uniform(10, 50) * band.scale
        outside = np.array([[first - 1, begin], [begin + long, last + 1]])
        shapes = along(band, moved, _without(spans, outside), mark.width_m)
        material, shade = (
            (Material.ASPHALT, 150) if rng.random() < 0.6 else (Material.CONCRETE, 200)
        )
        parts.append(
            band.lay(
                *shapes,
                Tag.ROADS,
                material,
                Layer.DIRT,
                colour=(shade,) * 3,
                far_m=70.0 * band.scale,
            )
        )
    return joined(parts)


def kerb_lines_of(band: Band, style: Style) -> Mesh:
    """Return thin lines along kerbs that have no other marking beside them."""
    if not style.kerb_line_m or not style.kerb_lift_m:
        return joined([])
    spans = _without(band.stations[[0, -1]][None], _crossed(band))
    wide, inward = style.kerb_line_wide_m * band.scale, style.kerb_line_m * band.scale
    parts = []
    for raised, edge, side in zip(
        band.raised_beside, (band.right, band.left), (1, -1), strict=True
    ):
        near = [np.abs(line - edge).min() < inward + 0.6 for _, line, _ in _lines(band)]
        if raised and not any(near):
            shapes = along(band, edge + side * inward, spans, wide)
            paint = paint_of('white', band.scale)
            parts.append(band.lay(*shapes, Tag.ROAD_LINES, paint, Layer.PAINT))
    return joined(parts)


def distant_marks_of(band: Band, style: Style) -> Mesh:
    """Return the markings as they look from afar: dashes run together into a thinner line."""
    parts = []
    whole = _without(band.stations[[0, -1]][None], _crossed(band))
    for mark, line, outward in _lines(band):
        line = _inside(band, line, mark.width_m)
        share = mark.dash_m / (mark.dash_m + mark.gap_m)
        for offset, dashed in strokes(mark, style.double_gap_m * band.scale):
            width = mark.width_m * (share if dashed else 1.0)
            shapes = along(band, line + outward * offset, whole, width)
            paint = paint_of(mark.colour, band.scale)
            far_m = 250.0 * band.scale
            parts.append(band.lay(*shapes, Tag.ROAD_LINES, paint, Layer.PAINT, far_m=far_m))
    return joined(parts)


def strokes(mark: Mark, gap_m: float) -> list[tuple[float, bool]]:
    """
    Return the lines that a mark consists of: how far outward each lies, and whether it is dashed.

    A double mark's kinds read from the inner to the outer line (ASAM OpenDRIVE 1.4).
    """
    kinds = mark.kind.split()
    apart = (mark.width_m + gap_m) / 2
    places = (0.0,) if len(kinds) == 1 else (-apart, apart)
    return [(place, kind == 'broken') for place, kind in zip(places, kinds, strict=True)]


def dashes(band: Band, mark: Mark) -> np.ndarray:
    """Return (n, 2) s where each dash begins and ends; their phase runs on along the road."""
    period = mark.dash_m + mark.gap_m
    start, stop = band.stations[[0, -1]]
    begin = np.arange(np.floor(start / period), np.ceil(stop / period)) * period
    spans = np.stack([begin, begin + mark.dash_m], axis=1).clip(start, stop)
    return spans[spans[:, 1] - spans[:, 0] > 1e-6]


def along(
    band: Band, line: np.ndarray, spans: np.ndarray, width_m: float
) -> tuple[np.ndarray, np.ndarray]:
    """
    Return (n, 4, 2) pieces of a line, cut where cells end so that they follow its bends.

    Pieces overlap a little, or the cuts would show as gaps.

    :param line: t at the stations; ``spans``: (m, 2) s from, to.
    :return: the pieces, and (n,) the cell of each.
    """
    inner = band.stations[1:-1]
    cut = inner[((inner[:, None] > spans[:, 0]) & (inner[:, None] < spans[:, 1])).any(axis=1)]
    begin = np.sort(np.concatenate([spans[:, 0], cut]))
    end = np.sort(np.concatenate([spans[:, 1], cut]))
    cell = np.searchsorted(band.stations, (begin + end) / 2) - 1
    more = _OVERLAP_M * band.scale
    begin, end = begin - more * np.isin(begin, cut), end + more * np.isin(end, cut)
    half = width_m / 2
    first, last = np.interp(begin, band.stations, line), np.interp(end, band.stations, line)
    corners = [(begin, first - half), (end, last - half), (end, last + half)]
    corners.append((begin, first + half))
    return np.stack([np.stack(corner, axis=1) for corner in corners], axis=1), cell


def _lines(band: Band) -> Iterator[tuple[Mark, np.ndarray, int]]:
    """Yield each mark on the band, its t at the stations, and which way is outward."""
    numbers = {lane.number for lane in band.lanes}
    if band.section.middle.kind != 'none' and numbers & {1, -1}:
        # of the middle line, the left one is named first
        yield band.section.middle, np.zeros_like(band.stations), -1
    for lane in band.section.lanes:
        # a median's outer mark lies on the carriageway beside it
        outer = lane.number + (1 if lane.number > 0 else -1)
        if lane.mark.kind != 'none' and numbers & {lane.number, outer}:
            edges = band.road.lane_edges(band.section, lane.number, band.stations)
            yield lane.mark, edges[:, 1], 1 if lane.number > 0 else -1


def _inside(band: Band, line: np.ndarray, width_m: float) -> np.ndarray:
    """Return a line moved off the band's edge, where half of it would miss the asphalt."""
    margin = width_m / 2
    return np.clip(line, np.minimum(band.right + margin, band.left), band.left - margin)


def _gone_stretches(band: Band, style: Style, rng: np.random.Generator) -> np.ndarray:
    """Return (n, 2) s from, to where a mark is gone."""
    length = band.stations[-1] - band.stations[0]
    count = rng.poisson(style.missing * length / (20 * band.scale)) if style.missing else 0
    begin = rng.uniform(band.stations[0], band.stations[-1], count)
    return np.stack([begin, begin + rng.uniform(6, 34, count) * band.scale], axis=1)


def _crossed(band: Band) -> np.ndarray:
    """Return (n, 2) s from, to where pedestrians cross: lines end before them."""
    length = band.road.length
    room = 5.0 * band.scale
    return np.array(
        [
            (
                -1.0 if crossing.s < room else crossing.s,
                length + 1.0
                if crossing.s + crossing.width_m > length - room
                else crossing.s + crossing.width_m,
            )
            for crossing in band.road.crossings
        ]
    ).reshape(-1, 2)


def _without(spans: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Return (n, 2) what is left of spans, which do not overlap, outside of holes."""
    for low, high in holes:
        before = np.stack([spans[:, 0], np.minimum(spans[:, 1], low)], axis=1)
        after = np.stack([np.maximum(spans[:, 0], high), spans[:, 1]], axis=1)
        spans = np.concatenate([before, after])
        spans = spans[spans[:, 1] - spans[:, 0] > 1e-6]
    return spans
