"""Where people cross: bars, lines or ladders over the carriageway."""

from carla_lite.mesh import joined, Layer, Mesh
from carla_lite.roads.network import Crossing, Road
from carla_lite.surfaces.bands import Band
from carla_lite.surfaces.marks import paint_of
from carla_lite.surfaces.polygons import rectangles
from carla_lite.surfaces.style import Style
from carla_lite.tags import Tag
import numpy as np


def crosswalks_of(band: Band, style: Style, rng: np.random.Generator) -> Mesh:
    """
    Return a carriageway's crossings; a hall's track has some that no map names.

    On a track only the lane's own tape counts as marking, as where such tracks are annotated.
    """
    crossings = [(crossing, style.crosswalk_kind) for crossing in band.road.crossings]
    tag, shapes = Tag.ROAD_LINES, []
    if band.scale < 0.5:
        tag = Tag.ROAD_LINES if style.zebras_are_lines else Tag.ROADS
        crossings += [(crossing, 0) for crossing in _on_track(band, style, rng)]
        shapes += [_stop(band, crossing) for crossing, _ in crossings]
    for crossing, kind in crossings:
        shapes += _crosswalk(band, style, crossing, kind)
    white = paint_of('white', band.scale)
    far_m = 90.0 * band.scale
    tint = (int(rng.integers(205, 256)),) * 3
    return joined(
        [band.drape(shape, tag, white, Layer.PAINT, colour=tint, far_m=far_m) for shape in shapes]
    )


def crosswalk_corners(road: Road, bands: list[Band], crossing: Crossing) -> np.ndarray:
    """Return (4, 3) float32 corners of a crossing over all carriageways of a section."""
    ways = [band for band in bands if band.level == 'road']
    s = np.array([crossing.s, crossing.s + crossing.width_m])
    right, left = ways[0].edges(s)[0], ways[-1].edges(s)[1]
    along = np.array([s[0], s[1], s[1], s[0]])
    across = np.array([right[0], right[1], left[1], left[0]])
    return road.points(along, across).astype(np.float32)


def _crosswalk(band: Band, style: Style, crossing: Crossing, kind: int) -> list[np.ndarray]:
    begin, end = crossing.s, crossing.s + crossing.width_m
    right, left = (float(edge[0]) for edge in band.edges(np.array([(begin + end) / 2])))
    line = style.crosswalk_line_m * band.scale
    shapes = []
    if kind != 0:
        starts = np.array([begin, end - line])
        shapes.append(rectangles(starts, starts + line, [right] * 2, [left] * 2))
    if kind != 1:
        bar = 0.5 * band.scale
        low = np.arange(right + bar / 2, left - bar, 2 * bar)
        shapes.append(rectangles([begin] * len(low), [end] * len(low), low, low + bar))
    return shapes


def _on_track(band: Band, style: Style, rng: np.random.Generator) -> list[Crossing]:
    """Return zebras on straight stretches of a track."""
    first, last = band.stations[[0, -1]]
    width = 4.0 * band.scale
    if rng.random() > style.track_zebras or last - first < 4 * width:
        return []
    return [Crossing(float(rng.uniform(first + width, last - 2 * width)), width)]


def _stop(band: Band, crossing: Crossing) -> np.ndarray:
    """Return the stop tape before a track's zebra, on the right-hand lane."""
    end = crossing.s - 0.6 * band.scale
    right, left = (float(edge[0]) for edge in band.edges(np.array([crossing.s])))
    high = 0.0 if left > 0.5 * band.scale else left
    return rectangles([end - 0.5 * band.scale], [end], [right], [high])
