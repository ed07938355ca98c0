"""
What lies on asphalt and is no marking: seams, cracks, patches, covers, tyre marks, leaves.

Many are thin, bright or both and run along the road: a network has to tell them from markings.
"""

from collections.abc import Callable, Iterator

from carla_lite.materials import Material
from carla_lite.mesh import joined, Layer, Mesh
from carla_lite.surfaces.bands import Band
from carla_lite.surfaces.polygons import oriented_boxes, polyline_quads
from carla_lite.surfaces.soiled import Place, Spot
from carla_lite.surfaces.style import Style
import numpy as np

_DOZEN = np.linspace(0, 2 * np.pi, 12, endpoint=False)


def dirt_of(band: Band, style: Style, rng: np.random.Generator, share: float = 1.0) -> Mesh:
    """
    Return a carriageway's dirt.

    :param share: of the style's densities.
    """
    place = Place(band, rng, share)
    spots = [spot for make in _KINDS for spot in make(place, style)]
    return joined([place.laid(spot) for spot in spots if len(spot.polygons)])


def _wheel_paths(place: Place, style: Style) -> Iterator[Spot]:
    """Lanes are polished or soiled where wheels run, and oily between."""
    if not style.wheel_paths:
        return
    band, width = place.band, 0.55 * place.scale
    tracks, middles = [], []
    for lane in band.lanes:
        if lane.kind == 'driving':
            centre = band.road.lane_edges(band.section, lane.number, band.stations).mean(axis=1)
            for offset in (-0.8, 0.8):
                line = centre + offset * place.scale
                tracks.append(band.ribbon(line - width / 2, line + width / 2))
            middles.append(band.ribbon(centre - width / 2, centre + width / 2))
    if tracks:
        yield Spot(
            np.concatenate(tracks), style.track_material, _tinted(style, style.wheel_paths), 60.0
        )
        yield Spot(
            np.concatenate(middles), style.track_material, _tinted(style, style.oil_strip), 60.0
        )


def _seams(place: Place, style: Style) -> Iterator[Spot]:
    """Joints between paved strips, sealed with tar or with something brighter than the road."""
    kinds = (
        (style.seams, Material.TAR, (190, 256)),
        (style.bright_joints, Material.CONCRETE, (150, 256)),
        (style.bright_joints / 2, Material.WALL, (90, 190)),
    )
    for density, material, shades in kinds:
        count = place.count(density)
        s = place.rng.uniform(place.begin, place.end, count)
        share, long = place.rng.uniform(0.03, 0.97, count), place.metres(8, 70, count)
        strips = place.lengthways(s, share, long, place.metres(0.02, 0.09, count))
        yield Spot(strips, material, int(place.rng.integers(*shades)), 60.0)
    count = place.count(style.seams * 2)
    s = place.rng.uniform(place.begin, place.end, count)
    yield Spot(_across(place, s, place.metres(0.02, 0.07, count)), Material.TAR, 230, 45.0)
    if style.slab_m and place.is_open:
        s = np.arange(place.begin, place.end, style.slab_m * place.scale)[1:]
        width = np.full(len(s), 0.025 * place.scale)
        yield Spot(_across(place, s, width), Material.TAR, 255, 45.0)


def _cracks(place: Place, style: Style) -> Iterator[Spot]:
    kinds = (
        (style.cracks, Material.TAR, (0.008, 0.03), 220),
        (style.cracks / 3, Material.TAR, (0.04, 0.11), 255),  # sealed
        (style.light_cracks, Material.CONCRETE, (0.015, 0.06), 235),
    )
    for density, material, (thin, thick), shade in kinds:
        lines = [_wander(place) for _ in range(place.count(density))]
        quads = [
            polyline_quads(line, place.rng.uniform(thin, thick) * place.scale) for line in lines
        ]
        if quads:
            yield Spot(np.concatenate(quads), material, shade, 40.0)


def _patches(place: Place, style: Style) -> Iterator[Spot]:
    count = place.count(style.patches)
    middle = place.somewhere(count)
    long, wide = place.metres(0.6, 5.0, count), place.metres(0.5, 2.6, count)
    turn = np.where(place.rng.random(count) < 0.8, 0.0, place.rng.uniform(-0.5, 0.5, count))
    shade = place.rng.integers(150, 256, (count, 1))
    over = place.rng.random(count) < 0.35  # newer than the paint
    boxes = oriented_boxes(middle, long, wide, turn)
    yield Spot(boxes[~over], Material.PATCH, shade[~over], 80.0)
    yield Spot(boxes[over], Material.PATCH, shade[over], 80.0, Layer.LITTER)
    framed = boxes[~over][place.rng.random((~over).sum()) < 0.6]
    rims = [polyline_quads(np.vstack([box, box[:1]]), 0.05 * place.scale) for box in framed]
    if rims:
        grey = int(place.rng.integers(160, 256))
        material = Material.TAR if place.rng.random() < 0.7 else Material.CONCRETE
        yield Spot(np.concatenate(rims), material, grey, 50.0)


def _trenches(place: Place, style: Style) -> Iterator[Spot]:
    count = place.count(style.trenches)
    s = place.rng.uniform(place.begin, place.end, count)
    shade = int(place.rng.integers(150, 256))
    across = place.rng.random(count) < 0.5
    wide = place.metres(0.5, 1.4, count)
    yield Spot(_across(place, s[across], wide[across]), Material.PATCH, shade, 80.0)
    share, long = place.rng.uniform(0.1, 0.9, count), place.metres(8, 45, count)
    strips = place.lengthways(s[~across], share[~across], long[~across], wide[~across])
    yield Spot(strips, Material.PATCH, shade, 80.0)


def _covers(place: Place, style: Style) -> Iterator[Spot]:
    count = place.count(style.manholes)
    middle, radius = place.somewhere(count), place.metres(0.28, 0.4, count)
    grey = place.rng.integers(40, 110, (count, 1))
    yield Spot(_discs(middle, radius * 1.25, radius * 1.25), Material.PATCH, 190, 50.0)
    yield Spot(_discs(middle, radius, radius), Material.METAL, grey, 50.0)
    kerbs = place.band.raised_beside
    if any(kerbs):
        count = place.count(style.drains)
        s = place.rng.uniform(place.begin, place.end, count)
        right, left = place.band.edges(s)
        side = place.rng.random(count) < 0.5 if all(kerbs) else np.full(count, kerbs[0])
        t = np.where(side, right + 0.2 * place.scale, left - 0.2 * place.scale)
        size = np.full(count, place.scale)
        boxes = oriented_boxes(np.stack([s, t], axis=1), size * 0.5, size * 0.36)
        yield Spot(boxes, Material.METAL, 50, 40.0)


def _tyre_marks(place: Place, style: Style) -> Iterator[Spot]:
    """Pairs of faint dark curves; darker than the road, whatever its colour."""
    quads = []
    for _ in range(place.count(style.tyre_marks)):
        start = place.somewhere(1)[0]
        long, drift = float(place.metres(5, 28, 1)[0]), float(place.metres(-2.2, 2.2, 1)[0])
        along = np.linspace(0.0, 1.0, 9)
        line = np.stack([start[0] + along * long, start[1] + along**2 * drift], axis=1)
        width = 0.2 * place.scale * (1 - 0.5 * np.abs(along - 0.5))
        other = line + np.array([0.0, 1.5 * place.scale])
        quads += [polyline_quads(line, width), polyline_quads(other, width)]
    if quads:
        shade = int(place.rng.integers(130, 225))
        yield Spot(np.concatenate(quads), style.track_material, _tinted(style, shade), 70.0)


def _stains(place: Place, style: Style) -> Iterator[Spot]:
    count = place.count(style.oil)
    radius = place.metres(0.1, 0.6, count)
    discs = _discs(place.somewhere(count), radius * place.rng.uniform(1, 3, count), radius)
    shade = _tinted(style, place.rng.integers(120, 225, (count, 1)))
    yield Spot(discs, style.track_material, shade, 45.0)
    count = place.count(style.puddles)
    radius = place.metres(0.3, 1.4, count)
    discs = _discs(place.somewhere(count), radius * place.rng.uniform(1, 4, count), radius)
    yield Spot(discs, Material.WATER, (88, 80, 72), 80.0, Layer.LITTER)


def _leaves(place: Place, style: Style) -> Iterator[Spot]:
    heaps = place.count(style.leaves)
    if not heaps:
        return
    right, left = place.band.edges(np.array([(place.begin + place.end) / 2]))
    edge = np.where(place.rng.random(heaps) < 0.5, right, left)
    s = place.rng.uniform(place.begin, place.end, heaps)
    near_edge = np.stack([s, edge], axis=1)
    middle = np.where(place.rng.random((heaps, 1)) < 0.7, near_edge, place.somewhere(heaps))
    spread = place.rng.normal(0, 1, (heaps, 12, 2)) * (1.2 * place.scale, 0.5 * place.scale)
    places = (middle[:, None] + spread).reshape(-1, 2)
    size, turn = place.metres(0.06, 0.2, len(places)), place.rng.uniform(0, 3, len(places))
    boxes = oriented_boxes(places, size, size * 0.7, turn)
    shades = place.rng.integers(150, 256, (len(places), 1))
    yield Spot(boxes, Material.LEAVES, shades, 28.0, Layer.LITTER)


def _tinted(style: Style, shade: int | np.ndarray) -> np.ndarray:
    """Return what the bare surface looks like, darker or brighter."""
    return np.asarray(shade) * np.array(style.track_colour) // 255


def _across(place: Place, s: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return strips over the whole carriageway."""
    right, left = place.band.edges(s)
    middle = np.stack([s, (right + left) / 2], axis=1)
    return oriented_boxes(middle, width, left - right)


def _wander(place: Place) -> np.ndarray:
    """Return (n, 2) points of a crack."""
    count = int(place.rng.integers(5, 13))
    heading = place.rng.choice([0.0, np.pi / 2]) + place.rng.normal(0, 0.2)
    turns = heading + np.cumsum(place.rng.normal(0, 0.35, count)) * 0.6
    steps = place.metres(0.25, 1.0, count)[:, None]
    walk = np.cumsum(np.stack([np.cos(turns), np.sin(turns)], axis=1) * steps, axis=0)
    return place.somewhere(1) + walk


def _discs(middle: np.ndarray, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return (n, 12, 2) ellipses."""
    ring = np.stack([np.cos(_DOZEN), np.sin(_DOZEN)], axis=1)
    return middle[:, None] + ring * np.stack([along, across], axis=1)[:, None]


_KINDS: tuple[Callable[[Place, Style], Iterator[Spot]], ...] = (
    _wheel_paths,
    _patches,
    _trenches,
    _seams,
    _stains,
    _tyre_marks,
    _cracks,
    _covers,
    _leaves,
)
