"""Roads cut into cells along s and bands across: what is sorted by, what paint lies on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Literal

from carla_lite.materials import Material
from carla_lite.mesh import joined, Layer, Mesh, quads
from carla_lite.roads.network import Lane, Road, Section
from carla_lite.surfaces.polygons import are_convex, areas, cut_at_stations, split_to_quads
from carla_lite.tags import Tag
import numpy as np

#: Fine cells and their paint are drawn up to here, coarse ones from a little before it on; times
#: the town's scale.
FINE_FAR_M, COARSE_NEAR_M, COARSE_FAR_M = 110.0, 92.0, 420.0

Level = Literal['road', 'sidewalk', 'median', 'verge']
_LEVELS: dict[str, Level] = {'sidewalk': 'sidewalk', 'median': 'median', 'none': 'verge'}
_MIN_AREA = 1e-5  # square metres at scale 1


@dataclass(frozen=True, eq=False)
class Band:
    """
    Neighbouring lanes of one section at one level, cut into cells along s.

    :param lanes: from right to left.
    :param stations: (n + 1,) metres along the road where cells end.
    :param right: (n + 1,) t of the right edge there, ``left`` of the left one.
    :param lift: metres over the road's plane.
    :param beside: levels of what adjoins on the right and on the left; None where nothing does.
    :param raised: levels that are over the road's.
    """

    road: Road
    section: Section
    level: Level
    lanes: tuple[Lane, ...]
    stations: np.ndarray
    right: np.ndarray
    left: np.ndarray
    lift: float
    beside: tuple[Level | None, Level | None]
    raised: frozenset[Level] = frozenset()
    scale: float = 1.0
    fine: bool = True
    anchor: np.ndarray | None = None

    @cached_property
    def anchors(self) -> np.ndarray:
        """Middle of each cell, (n, 3); of a way through a junction, the junction's."""
        if self.anchor is not None:
            return np.broadcast_to(self.anchor, (len(self.stations) - 1, 3))
        middle = (self.right + self.left) / 2
        s = (self.stations[:-1] + self.stations[1:]) / 2
        return self.points(s, (middle[:-1] + middle[1:]) / 2)

    @property
    def raised_beside(self) -> tuple[bool, bool]:
        """Whether a kerb stands on the right and on the left."""
        right, left = self.beside
        return right in self.raised, left in self.raised

    @property
    def distances(self) -> tuple[float, float]:
        """From where to where the band's cells are drawn, metres."""
        near, far = (0.0, FINE_FAR_M) if self.fine else (COARSE_NEAR_M, COARSE_FAR_M)
        return near * self.scale, far * self.scale

    def points(self, s: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Return (n, 3) metres in CARLA's world."""
        return self.road.points(s, t) + np.array([0.0, 0.0, self.lift])

    def edges(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return t of the right and the left edge at s."""
        return np.interp(s, self.stations, self.right), np.interp(s, self.stations, self.left)

    def ribbon(self, right: np.ndarray, left: np.ndarray) -> np.ndarray:
        """Return (n, 4, 2) quads of s, t between two lines given at the stations."""
        s = self.stations
        corners = [
            (s[:-1], right[:-1]),
            (s[1:], right[1:]),
            (s[1:], left[1:]),
            (s[:-1], left[:-1]),
        ]
        return np.stack([np.stack(corner, axis=1) for corner in corners], axis=1)

    def pave(
        self,
        edges: tuple[np.ndarray, np.ndarray],
        tag: Tag,
        material: Material,
        layer: Layer,
        colour: Sequence[int] = (255, 255, 255),
    ) -> Mesh:
        """Lay a strip along all the band, between two lines given at the stations."""
        cells = np.arange(len(self.stations) - 1)
        low, high = np.minimum(*edges), np.maximum(*edges)
        return self.lay(self.ribbon(low, high), cells, tag, material, layer, colour=colour)

    def drape(
        self,
        polygons: np.ndarray,
        tag: Tag,
        material: Material,
        layer: Layer,
        *,
        colour: np.ndarray | Sequence[int] = (255, 255, 255),
        near_m: float | None = None,
        far_m: float | None = None,
    ) -> Mesh:
        """
        Lay convex polygons on the band, cut at its cells and held inside its edges.

        :param polygons: (n, k, 2) of s, t, k = 4 to 6.
        :param colour: BGR of all or (n, 3).
        """
        if not len(polygons):
            return joined([])
        pieces, which, cell = cut_at_stations(polygons, self.stations)
        parts, piece = split_to_quads(pieces)
        colours = np.broadcast_to(np.asarray(colour, np.uint8), (len(polygons), 3))
        look = colours[which[piece]]
        return self.lay(
            parts, cell[piece], tag, material, layer, colour=look, near_m=near_m, far_m=far_m
        )

    def lay(
        self,
        parts: np.ndarray,
        cell: np.ndarray,
        tag: Tag,
        material: Material,
        layer: Layer,
        *,
        colour: np.ndarray | Sequence[int] = (255, 255, 255),
        near_m: float | None = None,
        far_m: float | None = None,
    ) -> Mesh:
        """
        Lay quads on the band that are cut already.

        :param parts: (n, 4, 2) of s, t; ``cell``: (n,) the cell that each belongs to.
        """
        s, t = parts[..., 0], parts[..., 1]
        right, left = self.edges(s.ravel())
        t = np.clip(t.ravel(), right, left)
        corners = self.points(s.ravel(), t).reshape(-1, 4, 3)
        good = areas(corners) > _MIN_AREA * self.scale**2
        good &= are_convex(corners[..., :2])
        near, far = self.distances
        colours = np.broadcast_to(np.asarray(colour, np.uint8), (len(parts), 3))
        return quads(
            corners[good],
            tag,
            material,
            layer,
            anchor=self.anchors[cell[good]],
            colour=colours[good],
            near_m=near if near_m is None else near_m,
            far_m=far if far_m is None else far_m,
        )


def bands_of(
    road: Road,
    section: Section,
    end: float,
    *,
    lifts: dict[Level, float],
    apron_m: float = 0.0,
    painted_median_m: float = 0.0,
    scale: float = 1.0,
    fine: bool = True,
    anchor: np.ndarray | None = None,
) -> list[Band]:
    """
    Cut a section into bands, from right to left.

    :param end: s where the section ends.
    :param lifts: metres of each level over the road's plane.
    :param apron_m: asphalt beyond the outermost lane where nothing adjoins.
    :param anchor: (3,) of a way through a junction: the junction's middle.
    """
    stations = _stations(road, section, end, scale, fine)
    lanes = sorted((lane for lane in section.lanes if lane.number), key=lambda lane: lane.number)
    groups = [
        (level, tuple(part))
        for level, part in groupby(lanes, key=lambda x: level_of(x, painted_median_m))
    ]
    levels = [None, *(level for level, _ in groups), None]
    raised = frozenset(level for level, lift in lifts.items() if lift > 0)
    bands = []
    for index, (level, part) in enumerate(groups):
        first, last = part[0], part[-1]
        right = np.sort(road.lane_edges(section, first.number, stations), axis=1)[:, 0]
        left = np.sort(road.lane_edges(section, last.number, stations), axis=1)[:, 1]
        beside = (levels[index], levels[index + 2])
        if level == 'road':
            right = right - (apron_m if beside[0] is None else 0.0)
            left = left + (apron_m if beside[1] is None else 0.0)
        shape = stations, right, left, lifts[level], beside, raised
        bands.append(Band(road, section, level, part, *shape, scale, fine, anchor))
    return bands


def level_of(lane: Lane, painted_median_m: float) -> Level:
    """
    Return on which level a lane lies.

    :param painted_median_m: medians up to this width are hatched, wider ones raised.
    """
    width = max(cubic.a for cubic in lane.widths)
    if lane.kind == 'median' and width <= painted_median_m:
        return 'road'
    return _LEVELS.get(lane.kind, 'road')


def sections_of(road: Road) -> Iterator[tuple[Section, float]]:
    """Yield each section with the s where it ends."""
    ends = [*(section.s for section in road.sections[1:]), road.length]
    yield from zip(road.sections, ends, strict=True)


def _stations(road: Road, section: Section, end: float, scale: float, fine: bool) -> np.ndarray:
    """Return (n + 1,) places to cut at: close in bends, and where the road's shape changes."""
    longest, sag = (6.0, 0.01) if fine else (24.0, 0.25)
    inner = (piece.s for piece in road.pieces)
    starts = [section.s, *(s for s in inner if section.s + 1e-6 < s < end - 1e-6)]
    stations = []
    for start, stop in zip(starts, [*starts[1:], end], strict=True):
        bend = abs(_curvature(road, (start + stop) / 2))
        chord = np.sqrt(8 * sag * scale / bend) if bend > 1e-9 else np.inf
        step = np.clip(chord, longest * scale / 6, longest * scale)
        if any(q.b or q.c or q.d for lane in section.lanes for q in lane.widths):
            step = min(step, longest / 3 * scale)
        count = max(1, int(np.ceil((stop - start) / step - 1e-6)))
        stations.append(np.linspace(start, stop, count, endpoint=False))
    return np.append(np.concatenate(stations), end)


def _curvature(road: Road, s: float) -> float:
    return max(
        (piece for piece in road.pieces if piece.s <= s), key=lambda piece: piece.s
    ).curvature
