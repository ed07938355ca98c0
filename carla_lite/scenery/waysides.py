"""The two sides of each road, metre by metre: where its lanes end and which way it runs."""

from collections.abc import Iterator
from dataclasses import dataclass

from carla_lite.roads.network import Network, Road, Section
import numpy as np

#: Lanes that vehicles may use; what lies outside them is for pedestrians.
ROADWAY = ('driving', 'shoulder', 'border', 'parking', 'biking')


@dataclass(frozen=True)
class Wayside:
    """
    One side of a road outside junctions.

    :param sign: -1 right of the reference line, 1 left; there t is positive.
    :param s: (n,) metres along; ``kerb``: (n,) t of the roadway's edge; ``edge``: (n,) t of the
        outermost lane's; ``parking``: (n,) t of the parking lane's middle.
    :param bay: (n,) width of the parking lane, 0 where there is none.
    :param lanes: (n,) how many driving lanes this side has; ``median``: (n,) width of its half of
        the strip between the directions.
    """

    road: Road
    sign: int
    s: np.ndarray
    kerb: np.ndarray
    edge: np.ndarray
    parking: np.ndarray
    bay: np.ndarray
    lanes: np.ndarray
    median: np.ndarray

    def spots(
        self, s: np.ndarray | float, out_m: np.ndarray | float, of: str = 'edge'
    ) -> np.ndarray:
        """
        Return (n, 4): x, y, z and the yaw in degrees that looks across at the road.

        :param s: (n,) metres along.
        :param out_m: away from the road, counted from ``of``: ``kerb``, ``edge`` or ``parking``.
        """
        s = np.atleast_1d(np.asarray(s, np.float64))
        t = np.interp(s, self.s, getattr(self, of)) + self.sign * np.asarray(out_m)
        yaw = self.road.yaw(s) + 90.0 * self.sign
        return np.column_stack([self.road.points(s, t), yaw])

    def every(
        self, rng: np.random.Generator, low_m: float, high_m: float, margin_m: float = 6.0
    ) -> np.ndarray:
        """Return (n,) s at random distances between two, away from the road's ends."""
        length = self.s[-1] - self.s[0] - 2 * margin_m
        if length <= 0:
            return np.zeros(0)
        steps = rng.uniform(low_m, high_m, int(length / low_m) + 2)
        along = np.cumsum(steps) - steps[0] * rng.uniform(0.3, 1.0)
        return self.s[0] + margin_m + along[along < length]

    def off_bridges(self, s: np.ndarray) -> np.ndarray:
        """Return those s that are not on or beside a bridge."""
        free = np.ones(len(s), bool)
        for start, end in self.road.bridges:
            free &= (s < start - 12) | (s > end + 12)
        return s[free]

    def bay_m(self, s: np.ndarray) -> np.ndarray:
        """Return (n,) width of the parking lane."""
        return np.interp(s, self.s, self.bay)

    def sidewalk_m(self, s: np.ndarray) -> np.ndarray:
        """Return (n,) width of what lies between kerb and edge."""
        return np.interp(s, self.s, np.abs(self.edge - self.kerb))


def waysides_of(network: Network) -> list[Wayside]:
    """Return both sides of every road that is no way through a junction."""
    sides = []
    for road in network.roads:
        if road.junction < 0 and road.length > 4:
            sides += [_wayside(road, sign) for sign in (-1, 1)]
    return sides


def _wayside(road: Road, sign: int) -> Wayside:
    parts = [_of_section(road, section, s, sign) for section, s in _stretches(road)]
    columns = np.concatenate(parts, axis=1)
    return Wayside(road, sign, *columns)


def _stretches(road: Road) -> Iterator[tuple[Section, np.ndarray]]:
    """Yield each section with the s at which to look at it, about a metre apart."""
    ends = [section.s for section in road.sections[1:]] + [road.length]
    for section, end in zip(road.sections, ends, strict=True):
        if end - section.s > 0.1:
            yield section, np.linspace(section.s, end - 0.01, int(end - section.s) + 2)


def _of_section(road: Road, section: Section, s: np.ndarray, sign: int) -> np.ndarray:
    """Return (7, n): s, kerb, edge, parking, bay, lanes, median."""
    kerb, edge, lanes = np.zeros_like(s), np.zeros_like(s), np.zeros_like(s)
    parking, bay, median = np.zeros_like(s), np.zeros_like(s), np.zeros_like(s)
    for lane in sorted(section.lanes, key=lambda lane: abs(lane.number)):
        if lane.number * sign <= 0:
            continue
        inner, outer = road.lane_edges(section, lane.number, s).T
        edge = outer
        if lane.kind in ROADWAY:
            kerb = outer
        if lane.kind == 'driving':
            lanes += 1
        if lane.kind == 'median' and not inner.any():
            median = np.abs(outer)
        if lane.kind == 'parking':
            parking, bay = (inner + outer) / 2, np.abs(outer - inner)
    return np.stack([s, kerb, edge, parking, bay, lanes, median])
