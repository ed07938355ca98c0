"""Ways from junction to junction, and how much room the junctions take from them."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

from carla_lite.roads.builder import Builder, Profile
from carla_lite.roads.network import Cubic, Piece
from carla_lite.roads.path import cut, end_of, length_of, offset, start_of
from carla_lite.towns.streets import full_width, kerb_width

_LEAST_M = 7.0


@dataclass(frozen=True)
class Reach:
    """
    A way's two ends, as junctions see them.

    :param one: index of the junction at its start, ``two`` at its end.
    :param line: its middle, from crossing point to crossing point.
    :param profiles: cross-section at its start and at its end.
    :param shift: metres that the reference line lies left of the middle.
    """

    one: int
    two: int
    line: tuple[Piece, ...]
    profiles: tuple[Profile, Profile]
    shift: float = 0.0

    def between(self, gaps: Sequence[float]) -> tuple[Piece, ...]:
        """Return the reference line without what the junctions take at either end."""
        return offset(cut(self.line, gaps[0], length_of(self.line) - gaps[1]), self.shift)


def gaps_of(
    reaches: Sequence[Reach], radii: Sequence[float], least: float = _LEAST_M
) -> list[list[float]]:
    """
    Return how far from the crossing points each way's two ends stay, metres.

    :param radii: of each junction's kerbs, metres.
    """
    gaps = [[0.0, 0.0] for _ in reaches]
    for node, radius in enumerate(radii):
        seen = []
        for index, reach in enumerate(reaches):
            if reach.one == node:
                heading = start_of(reach.line).heading
                right, left = _halves(reach, 0)
                seen.append((heading % math.tau, (left, right), index, 0))
            if reach.two == node:
                heading = end_of(reach.line).heading + math.pi
                right, left = _halves(reach, 1)
                seen.append((heading % math.tau, (right, left), index, 1))
        seen.sort()
        clear = clear_distances([arm[0] for arm in seen], [arm[1] for arm in seen], radius, least)
        for (_, _, index, end), metres in zip(seen, clear, strict=True):
            gaps[index][end] = metres
    return gaps


def clear_distances(
    headings: Sequence[float], widths: Sequence[tuple[float, float]], radius: float, least: float
) -> list[float]:
    """
    Return how far from the crossing point each arm must end for its kerbs to be rounded.

    :param headings: outward, radians, counter-clockwise; ``widths``: of each arm's left and right
        half seen from the junction, to the kerb, metres.
    """
    count = len(headings)
    distances = [least] * count
    for one in range(count):
        two = (one + 1) % count
        angle = (headings[two] - headings[one]) % (2 * math.pi)
        if angle > math.radians(160):
            continue
        near, far = widths[one][0], widths[two][1]  # the sides that face each other
        round_m = radius / math.tan(angle / 2)
        sine, cosine = math.sin(angle), math.cos(angle)
        distances[one] = max(distances[one], (far + near * cosine) / sine + round_m)
        distances[two] = max(distances[two], (near + far * cosine) / sine + round_m)
    return distances


def middle_shift(profile: Profile) -> float:
    """Return how far left of a street's middle its reference line is; one-way ones have a side."""
    return (full_width(profile.right) - full_width(profile.left)) / 2


def _halves(reach: Reach, end: int) -> tuple[float, float]:
    profile = reach.profiles[end]
    return kerb_width(profile.right) - reach.shift, kerb_width(profile.left) + reach.shift


def chain(builder: Builder, numbers: Sequence[int], closed: bool = False) -> None:
    """Let roads follow one another."""
    then = [*numbers[1:], *numbers[:1]] if closed else numbers[1:]
    for first, second in zip(numbers, then, strict=False):
        builder.follow(first, second)


def cubics_between(cubics: Sequence[Cubic], begin: float, end: float) -> tuple[Cubic, ...]:
    """Return the stretch of a profile between two places where it has knots, from 0 on."""
    return tuple(
        Cubic(q.s - begin, q.a, q.b, q.c, q.d) for q in cubics if begin - 1e-6 <= q.s < end - 1e-6
    )
