"""The plan of a town: where junctions lie, and which street joins which two."""

from dataclasses import dataclass, replace
from itertools import pairwise
import math

from carla_lite.roads.network import Piece
from carla_lite.roads.path import biarc, chained, draw, filleted, Stance
from carla_lite.towns.streets import Street
import numpy as np

_SHAPES = ((3, 3), (3, 3), (4, 3), (3, 2), (4, 2), (2, 3))

Node = tuple[int, int]


@dataclass(frozen=True)
class Way:
    """
    A street from one junction to another.

    :param one: index of the junction where it starts, ``two`` where it ends.
    :param line: its middle, from crossing point to crossing point.
    :param turn: whether an added lane for left turns leads to ``one`` and to ``two``.
    """

    one: int
    two: int
    line: tuple[Piece, ...]
    street: Street
    turn: tuple[bool, bool]


@dataclass(frozen=True)
class Plan:
    """
    A town before its roads.

    :param rises: (n,) heights of the junctions, metres.
    """

    rises: np.ndarray
    ways: tuple[Way, ...]


def plan_of(rng: np.random.Generator) -> Plan:
    """Draw a plan in which traffic can go on for ever."""
    columns, rows = _SHAPES[rng.integers(len(_SHAPES))]
    places = _places(rng, columns, rows)
    chains = _chains(_thinned(rng, columns, rows))
    while any(chain[0] == chain[-1] for chain in chains):  # clients lose the way on such rounds
        chains = _chains(_thinned(rng, columns, rows))
    nodes = sorted({node for chain in chains for node in (chain[0], chain[-1])})
    level, upright = ([_street(rng) for _ in range(count)] for count in (rows, columns))
    ways = []
    for chain in chains:
        along = chain[0][1] == chain[1][1]
        street = _own(rng, level[chain[0][1]] if along else upright[chain[0][0]])
        line = _line(rng, np.array([places[node] for node in chain]))
        turn = (bool(rng.random() < 0.45), bool(rng.random() < 0.45))
        ways.append(Way(nodes.index(chain[0]), nodes.index(chain[-1]), line, street, turn))
    rises = np.array([places[node] for node in nodes]) @ rng.normal(0.0, 0.012, 2)
    rises += rng.normal(0.0, 0.8, len(nodes))
    return Plan(rises, tuple(_with_one_ways(rng, ways, len(nodes))))


def _places(rng: np.random.Generator, columns: int, rows: int) -> dict[Node, np.ndarray]:
    x = np.cumsum(rng.uniform(88, 145, columns))
    y = np.cumsum(rng.uniform(88, 145, rows))
    turn = rng.uniform(0, 2 * math.pi)
    spin = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return {
        (i, j): spin @ (np.array([x[i], y[j]]) - (x.mean(), y.mean()) + rng.uniform(-9, 9, 2))
        for i in range(columns)
        for j in range(rows)
    }


def _thinned(rng: np.random.Generator, columns: int, rows: int) -> set[tuple[Node, Node]]:
    """Return the grid's edges without one or two, so that no junction is a dead end."""
    edges = {((i, j), (i + 1, j)) for i in range(columns - 1) for j in range(rows)}
    edges |= {((i, j), (i, j + 1)) for i in range(columns) for j in range(rows - 1)}
    for _ in range(int(rng.integers(0, 3))):
        edge = sorted(edges)[rng.integers(len(edges))]
        degrees = _degrees(edges - {edge})
        busy = [degree for degree in degrees.values() if degree > 2]
        if min(degrees.values()) > 1 and len(degrees) == columns * rows and len(busy) > 3:
            edges.discard(edge)
    return edges


def _degrees(edges: set[tuple[Node, Node]]) -> dict[Node, int]:
    degrees: dict[Node, int] = {}
    for node in (node for edge in edges for node in edge):
        degrees[node] = degrees.get(node, 0) + 1
    return degrees


def _chains(edges: set[tuple[Node, Node]]) -> list[list[Node]]:
    """Return the ways from junction to junction; nodes of two edges are bends in them."""
    around: dict[Node, list[Node]] = {}
    for one, two in sorted(edges):
        around.setdefault(one, []).append(two)
        around.setdefault(two, []).append(one)
    chains, done = [], set()
    for start in sorted(node for node in around if len(around[node]) > 2):
        for step in around[start]:
            chain = [start, step]
            while len(around[chain[-1]]) == 2:
                chain.append(next(node for node in around[chain[-1]] if node != chain[-2]))
            key = frozenset(frozenset(edge) for edge in pairwise(chain))
            if key not in done:
                chains.append(chain)
            done.add(key)
    return chains


def _line(rng: np.random.Generator, points: np.ndarray) -> tuple[Piece, ...]:
    """Return a street's middle: round its corners, or bent a little where it has none."""
    if len(points) > 2:
        return filleted(points, float(rng.uniform(24, 60)))
    way = points[1] - points[0]
    heading, length = math.atan2(way[1], way[0]), float(np.hypot(*way))
    start, end = (Stance(float(x), float(y), heading) for x, y in points)
    style = rng.random()
    if style < 0.35:
        return draw(start, [(length, 0.0)])
    if style < 0.75:
        turns = rng.uniform(-0.22, 0.22, 2)
        return biarc(start.moved(0, 0, turns[0]), end.moved(0, 0, turns[1]))
    aside = rng.choice([-1, 1]) * rng.uniform(5, 12)
    middle = start.moved(length * rng.uniform(0.4, 0.6), aside)
    return chained(biarc(start, middle), biarc(middle, end))


def _street(rng: np.random.Generator) -> Street:
    lanes = int(rng.choice([1, 2, 3], p=[0.5, 0.36, 0.14]))
    lane_m = float(rng.uniform(2.75, 3.7))
    parking = bool(rng.random() < 0.5), bool(rng.random() < 0.5)
    return Street(
        lanes,
        lanes,
        lane_m,
        median_m=float(rng.uniform(1.0, 5.0)) if rng.random() < (0.1, 0.1, 0.5, 0.6)[lanes] else 0,
        bike_m=float(rng.uniform(1.3, 1.9)) if rng.random() < 0.15 else 0.0,
        parking=parking if lanes < 3 else (False, False),
        parking_m=float(rng.uniform(2.0, 2.6)),
        verge_m=float(rng.uniform(0.8, 2.2)) if rng.random() < 0.2 else 0.0,
        sidewalk_m=float(rng.uniform(1.5, 3.8)) if rng.random() < 0.92 else 0.0,
    )


def _own(rng: np.random.Generator, street: Street) -> Street:
    """Return what one block has of its street; some are quite another."""
    if rng.random() < 0.12:
        return _street(rng)
    if rng.random() < 0.3:
        parking = bool(rng.random() < 0.5), bool(rng.random() < 0.5)
        return replace(street, parking=parking if street.right < 3 else (False, False))
    if rng.random() < 0.1 and street.right > 1:
        return replace(street, left=street.left - 1)
    return street


def _with_one_ways(rng: np.random.Generator, ways: list[Way], nodes: int) -> list[Way]:
    """Return the ways, some for one direction, so that nobody arrives where no way leads on."""
    for index in rng.permutation(len(ways))[:4]:
        way = ways[index]
        if rng.random() < 0.5:
            continue
        street = replace(way.street, left=0, median_m=0.0)
        changed = [*ways[:index], replace(way, street=street), *ways[index + 1 :]]
        if all(_flows(changed, node) for node in range(nodes)):
            ways = changed
    return ways


def _flows(ways: list[Way], node: int) -> bool:
    """Say whether every road into a junction has another one out of it, and the reverse."""
    ends = []
    for number, way in enumerate(ways):
        right, left = way.street.right, way.street.left
        if way.one == node:
            ends.append((number, left, right))
        if way.two == node:
            ends.append((number, right, left))
    return all(
        (not come or any(out for other, _, out in ends if other != number))
        and (not go or any(into for other, into, _ in ends if other != number))
        for number, come, go in ends
    )
