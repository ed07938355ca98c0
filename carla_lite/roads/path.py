"""
Reference lines: straight lines and arcs through given places, and smooth heights along them.

All in OpenDRIVE's coordinates: x forward, y left, headings in radians, counter-clockwise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
import math

from carla_lite.roads.network import Cubic, Piece
import numpy as np

_FLAT = 1e-7  # 1/m: a curvature below it is a straight
_SHORT_M = 1e-4


@dataclass(frozen=True)
class Stance:
    """A place on the plane and a heading, metres and radians."""

    x: float
    y: float
    heading: float

    def moved(self, forward: float, left: float = 0.0, turn: float = 0.0) -> 'Stance':
        """Return the stance so many metres further and to the left, turned by radians."""
        cos, sin = math.cos(self.heading), math.sin(self.heading)
        return Stance(
            self.x + forward * cos - left * sin,
            self.y + forward * sin + left * cos,
            self.heading + turn,
        )


def draw(start: Stance, steps: Iterable[tuple[float, float]]) -> tuple[Piece, ...]:
    """
    Return the line that begins at a stance.

    :param steps: (length in metres, curvature in 1/m) of each piece; empty ones are left out.
    """
    pieces: list[Piece] = []
    s, at = 0.0, start
    for length, curvature in steps:
        if length < _SHORT_M:
            continue
        curvature = 0.0 if abs(curvature) < _FLAT else curvature
        pieces.append(Piece(s, at.x, at.y, at.heading, length, curvature))
        s, at = s + length, end_of(pieces)
    return tuple(pieces)


def end_of(pieces: Sequence[Piece]) -> Stance:
    """Return where a line ends."""
    last = pieces[-1]
    half = last.length * last.curvature / 2
    chord = last.length * (math.sin(half) / half if abs(half) > 1e-12 else 1.0)
    return Stance(
        last.x + chord * math.cos(last.heading + half),
        last.y + chord * math.sin(last.heading + half),
        last.heading + 2 * half,
    )


def start_of(pieces: Sequence[Piece]) -> Stance:
    """Return where a line begins."""
    return Stance(pieces[0].x, pieces[0].y, pieces[0].heading)


def length_of(pieces: Sequence[Piece]) -> float:
    """Return metres from a line's beginning to its end."""
    return pieces[-1].s + pieces[-1].length


def chained(*lines: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return one line of several, each of which begins where the one before it ends."""
    pieces: list[Piece] = []
    s = 0.0
    for line in lines:
        for piece in line:
            pieces.append(replace(piece, s=s))
            s += piece.length
    return tuple(pieces)


def cut(pieces: Sequence[Piece], begin: float, end: float) -> tuple[Piece, ...]:
    """Return the stretch of a line between two distances along it."""
    kept: list[Piece] = []
    for piece in pieces:
        low, high = max(begin, piece.s), min(end, piece.s + piece.length)
        if high - low < _SHORT_M:
            continue
        stub = replace(piece, length=max(low - piece.s, 1e-9))
        at = end_of([stub])
        kept.append(Piece(low - begin, at.x, at.y, at.heading, high - low, piece.curvature))
    return tuple(kept)


def offset(pieces: Sequence[Piece], left: float) -> tuple[Piece, ...]:
    """Return the line so many metres to the left; arcs stay about the same centres."""
    steps = []
    for piece in pieces:
        shrink = 1 - left * piece.curvature
        steps.append((piece.length * shrink, piece.curvature / shrink))
    return draw(start_of(pieces).moved(0.0, left), steps)


def place_on(pieces: Sequence[Piece], s: float) -> Stance:
    """Return the stance so many metres along a line."""
    piece = next((part for part in pieces if s <= part.s + part.length), pieces[-1])
    return end_of([replace(piece, length=max(s - piece.s, 1e-9))])


def beside(pieces: Sequence[Piece], left: float, s: float) -> float:
    """Return how far along the line ``left`` metres to the left the place beside s is."""
    return sum(
        min(max(s - piece.s, 0.0), piece.length) * (1 - left * piece.curvature) for piece in pieces
    )


def backwards(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return the same line driven the other way."""
    start = end_of(pieces)
    steps = [(piece.length, -piece.curvature) for piece in reversed(pieces)]
    return draw(replace(start, heading=start.heading + math.pi), steps)


def biarc(start: Stance, end: Stance) -> tuple[Piece, ...]:
    """Return two arcs from one stance to another, without a kink."""
    first = np.array([math.cos(start.heading), math.sin(start.heading)])
    last = np.array([math.cos(end.heading), math.sin(end.heading)])
    way = np.array([end.x - start.x, end.y - start.y])
    both, bend = way @ (first + last), 2 * (1 - first @ last)
    if bend < 1e-9:
        reach = way @ way / max(4 * (way @ last), 1e-9)
    else:
        reach = (-both + math.sqrt(both * both + bend * (way @ way))) / bend
    middle = (way + reach * (first - last)) / 2
    steps = []
    for chord, tangent, sign in ((middle, first, 1.0), (way - middle, last, -1.0)):
        cross = sign * (tangent[0] * chord[1] - tangent[1] * chord[0])
        half = math.atan2(cross, tangent @ chord)
        length = float(np.hypot(*chord))
        if abs(half) > 1e-9:
            length *= half / math.sin(half)
        steps.append((length, 2 * half / max(length, 1e-9)))
    return draw(start, steps)


def bend(start: Stance, end: Stance, most_m: float = 1e9) -> tuple[Piece, ...]:
    """
    Return a straight, one arc and a straight between two stances; where none fits, a biarc.

    :param most_m: greatest radius of the arc, metres.
    """
    turn = _wrapped(end.heading - start.heading)
    cos, sin = math.cos(start.heading), math.sin(start.heading)
    dx, dy = end.x - start.x, end.y - start.y
    forward, left = dx * cos + dy * sin, dy * cos - dx * sin
    if abs(turn) < math.radians(8) or abs(turn) > math.radians(172):
        return biarc(start, end)
    after = left / math.sin(turn)  # metres from the corner, where both straights meet, to the end
    before = forward - after * math.cos(turn)
    tangent = min(before, after)
    if tangent <= 0.02 * math.hypot(dx, dy):
        return biarc(start, end)
    slope = abs(math.tan(turn / 2))
    radius = min(tangent / slope, most_m)
    tangent = radius * slope
    arc = (abs(turn) * radius, math.copysign(1 / radius, turn))
    return draw(start, [(before - tangent, 0.0), arc, (after - tangent, 0.0)])


def filleted(points: np.ndarray, radius: float) -> tuple[Piece, ...]:
    """
    Return straights between places with round corners.

    :param points: (n, 2) metres.
    :param radius: of the corners, metres; less where the straights are too short for it.
    """
    ways = np.diff(points, axis=0)
    lengths = np.hypot(*ways.T)
    headings = np.arctan2(ways[:, 1], ways[:, 0])
    eaten = 0.0
    steps: list[tuple[float, float]] = []
    for index, length in enumerate(lengths):
        if index == len(lengths) - 1:
            steps.append((float(length - eaten), 0.0))
            break
        turn = _wrapped(float(headings[index + 1] - headings[index]))
        slope = abs(math.tan(turn / 2))
        tangent = min(radius * slope, 0.48 * float(min(length, lengths[index + 1])))
        steps.append((float(length - eaten - tangent), 0.0))
        steps.append((abs(turn) * tangent / slope, math.copysign(slope / tangent, turn)))
        eaten = tangent
    return draw(Stance(float(points[0, 0]), float(points[0, 1]), float(headings[0])), steps)


def loop_through(points: np.ndarray) -> list[tuple[Piece, ...]]:
    """
    Return the smooth closed line through places, as one line from each to the next.

    :param points: (n, 2) metres.
    """
    ahead, behind = np.roll(points, -1, axis=0) - points, points - np.roll(points, 1, axis=0)
    # the nearer neighbour says more about the direction
    near = np.linalg.norm(ahead, axis=1)[:, None], np.linalg.norm(behind, axis=1)[:, None]
    direction = ahead / near[0] ** 2 + behind / near[1] ** 2
    headings = np.arctan2(direction[:, 1], direction[:, 0])
    stances = [Stance(x, y, heading) for x, y, heading in np.c_[points, headings].tolist()]
    return [biarc(a, b) for a, b in zip(stances, stances[1:] + stances[:1], strict=True)]


def heights(knots: Sequence[tuple[float, float, float]]) -> tuple[Cubic, ...]:
    """
    Return a smooth profile.

    :param knots: (s, height, slope) with s growing.
    """
    cubics = []
    for (s0, z0, m0), (s1, z1, m1) in pairwise(knots):
        length = s1 - s0
        rise = (z1 - z0) / length
        c = (3 * rise - 2 * m0 - m1) / length
        d = (m0 + m1 - 2 * rise) / length**2
        cubics.append(Cubic(s0, z0, m0, c, d))
    return tuple(cubics)


def taper(begin: float, end: float, length: float, s: float = 0.0) -> Cubic:
    """Return a value that changes smoothly over a length and is level at both ends."""
    rise = end - begin
    return Cubic(s, begin, 0.0, 3 * rise / length**2, -2 * rise / length**3)


def _wrapped(angle: float) -> float:
    return (angle + math.pi) % (2 * math.pi) - math.pi
