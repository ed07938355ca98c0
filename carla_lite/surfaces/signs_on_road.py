"""Paint that is no lane marking: stop lines, crosswalks, arrows, words, parking bays, hatching."""

from dataclasses import dataclass

from carla_lite.mesh import joined, Layer, Mesh
from carla_lite.roads.network import (
    Lane,
    Network,
    Signal,
    STOP_SIGN,
    TRAFFIC_LIGHT,
    YIELD_SIGN,
)
from carla_lite.surfaces.bands import Band
from carla_lite.surfaces.marks import paint_of
from carla_lite.surfaces.polygons import rectangles
from carla_lite.surfaces.style import Style
from carla_lite.surfaces.symbols import arrow, word
from carla_lite.tags import Tag
import numpy as np

_WORDS = ('SLOW', '30', '50', 'BUS', 'ONLY', 'SCHOOL', 'TAXI', 'XING', 'LOOK')
_FAR_M = 90.0

Turns = dict[tuple[int, int], frozenset[str]]


@dataclass(frozen=True, eq=False)
class Way:
    """
    A lane of a band in its traffic's direction.

    :param forward: 1 where its traffic goes along s, else -1.
    """

    band: Band
    lane: Lane
    forward: int

    def centre(self, s: float) -> tuple[float, float]:
        """Return t of the lane's middle, and its width."""
        place = np.clip([s], self.band.stations[0], self.band.stations[-1])
        inner, outer = self.band.road.lane_edges(self.band.section, self.lane.number, place)[0]
        return float(inner + outer) / 2, float(abs(outer - inner))

    def placed(self, parts: np.ndarray, s: float) -> np.ndarray:
        """Turn (n, k, 2) of forward, left metres at scale 1 into s, t, their origin at s."""
        t = self.centre(s)[0]
        return parts * (self.forward * self.band.scale) + (s, t)


def painted_of(band: Band, style: Style, turns: Turns, rng: np.random.Generator) -> Mesh:
    """
    Return a carriageway's painted signs.

    :param turns: where each (road, lane) that enters a junction may go.
    """
    shapes = [*_stop_lines(band, style, rng), *_bays(band, style, rng), *_hatching(band, style)]
    has_arrows, length = rng.random() < style.arrows, float(rng.uniform(3.5, 6.0))
    for lane in band.lanes:
        if lane.kind == 'driving':
            way = Way(band, lane, 1 if lane.number < 0 else -1)
            shapes += _arrows(way, turns, length) if has_arrows else []
            shapes += _word(way, style, rng)
    white = paint_of('white', band.scale)
    tint = int(rng.integers(205, 256))
    return joined(
        [
            band.drape(
                shape,
                Tag.ROAD_LINES,
                white,
                Layer.PAINT,
                colour=(tint,) * 3,
                far_m=_FAR_M * band.scale,
            )
            for shape in shapes
        ]
    )


def turns_of(network: Network) -> Turns:
    """Return where each (road, lane) that enters a junction may go."""
    found: dict[tuple[int, int], set[str]] = {}
    roads = {road.number: road for road in network.roads}
    for junction in network.junctions:
        for join in junction.joins:
            way = roads[join.connecting]
            headings = way.reference(np.array([0.0, way.length]))[:, 2]
            turn = float((headings[1] - headings[0] + np.pi) % (2 * np.pi) - np.pi)
            name = 'straight' if abs(turn) < 0.5 else ('left' if turn > 0 else 'right')
            for lane, _ in join.lanes:
                found.setdefault((join.incoming, lane), set()).add(name)
    return {key: frozenset(value) for key, value in found.items()}


def _stop_lines(band: Band, style: Style, rng: np.random.Generator) -> list[np.ndarray]:
    width = float(rng.uniform(0.3, 0.5)) * band.scale
    if rng.random() > style.stop_lines:
        return []
    shapes = []
    lines = {
        (round(signal.s, 2), signal.orientation, signal.lanes, signal.kind): signal
        for signal in band.road.signals
        if signal.kind in (TRAFFIC_LIGHT, STOP_SIGN, YIELD_SIGN)
    }
    for signal in lines.values():
        span = _span(band, signal)
        if span is None:
            continue
        back = -1 if signal.orientation == '+' else 1
        begin, end = sorted((signal.s, signal.s + back * width))
        low, high = span
        if signal.kind == YIELD_SIGN:
            shapes.append(_teeth(begin, end, low, high, band.scale))
        else:
            shapes.append(rectangles([begin], [end], [low], [high]))
    return shapes


def _span(band: Band, signal: Signal) -> tuple[float, float] | None:
    """Return t from, to of a signal's lanes on the band; None where it stands elsewhere."""
    if not band.stations[0] <= signal.s <= band.stations[-1]:
        return None
    low, high = sorted(signal.lanes)
    lanes = [x for x in band.lanes if low <= x.number <= high and x.kind == 'driving']
    if not lanes:
        return None
    s = np.array([signal.s])
    edges = np.concatenate(
        [band.road.lane_edges(band.section, lane.number, s)[0] for lane in lanes]
    )
    return float(edges.min()), float(edges.max())


def _arrows(way: Way, turns: Turns, length_m: float) -> list[np.ndarray]:
    kinds = turns.get((way.band.road.number, way.lane.number))
    if not kinds:
        return []
    shape = arrow(kinds, length_m)
    road, scale = way.band.road, way.band.scale
    end = road.length if way.forward > 0 else 0.0
    shapes = []
    for back in (14.0, 34.0):
        s = end - way.forward * back * scale
        if way.band.stations[0] < s < way.band.stations[-1] and way.centre(s)[1] > 2.3 * scale:
            shapes.append(way.placed(shape, s))
    return shapes


def _word(way: Way, style: Style, rng: np.random.Generator) -> list[np.ndarray]:
    band, scale = way.band, way.band.scale
    chance, which, share = rng.random(), int(rng.integers(len(_WORDS))), rng.random()
    height, wide = float(rng.uniform(1.6, 3.0)), float(rng.uniform(0.38, 0.55))
    stops = [
        signal
        for signal in band.road.signals
        if signal.kind == STOP_SIGN and (signal.orientation == '+') == (way.forward > 0)
    ]
    length = band.stations[-1] - band.stations[0]
    if stops:
        text, s = 'STOP', stops[0].s - way.forward * (height / 2 + 2.0) * scale
    else:
        text, s = _WORDS[which], band.stations[0] + share * length
    room = min(s - band.stations[0], band.stations[-1] - s)
    if chance > style.words or room < height * scale or way.centre(s)[1] < 2.4 * scale:
        return []
    wide = min(wide, (way.centre(s)[1] / scale - 0.8) / (1.5 * len(text)))
    return [way.placed(word(text, height, wide), s)]


def _bays(band: Band, style: Style, rng: np.random.Generator) -> list[np.ndarray]:
    shapes = []
    for lane in band.lanes:
        if lane.kind != 'parking' or rng.random() > style.bays:
            continue
        edges = band.road.lane_edges(band.section, lane.number, band.stations)
        wide = float(np.abs(edges[:, 1] - edges[:, 0]).max()) / band.scale
        pitch = (2.5 if wide > 4.0 else 5.8) * band.scale
        line = 0.1 * band.scale
        s = np.arange(band.stations[0] + pitch, band.stations[-1] - pitch, pitch)
        low, high = (np.interp(s, band.stations, edge) for edge in np.sort(edges, axis=1).T)
        shapes.append(rectangles(s, s + line, low, high))
    return shapes


def _hatching(band: Band, style: Style) -> list[np.ndarray]:
    """Return slanted bars on medians that are painted, not raised."""
    shapes = []
    for lane in band.lanes:
        if lane.kind != 'median':
            continue
        s = np.arange(
            band.stations[0] + band.scale, band.stations[-1] - 2 * band.scale, 2.5 * band.scale
        )
        edges = np.sort(band.road.lane_edges(band.section, lane.number, s), axis=1)
        low, high = edges[:, 0] + 0.1 * band.scale, edges[:, 1] - 0.1 * band.scale
        slant, line = high - low, 0.3 * band.scale
        corners = [(s, low), (s + line, low), (s + line + slant, high), (s + slant, high)]
        shape = np.stack([np.stack(corner, axis=1) for corner in corners], axis=1)
        shapes.append(shape[slant > 0.3 * band.scale])
    return shapes


def _teeth(begin: float, end: float, low: float, high: float, scale: float) -> np.ndarray:
    size = 0.5 * scale
    t = np.arange(low + 0.1 * scale, high - size, 1.6 * size)
    tip = np.stack([np.full_like(t, begin), t + size / 2], axis=1)
    corners = [(np.full_like(t, end), t), (np.full_like(t, end), t + size)]
    first, second = (np.stack(corner, axis=1) for corner in corners)
    return np.stack([first, second, tip, tip], axis=1)
