"""Walls of buildings, split into panels so that long ones are painted in the right order."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

from carla_lite.mesh import joined, Layer, Mesh, quads
from carla_lite.scenery.parts import Finish
import numpy as np

#: Widest piece of a wall.
PANEL_M = 10.0
_OUT_M = 0.3
_RANK_M = 0.06
_UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Wall:
    """
    One side of a building; places on it are u along and v up, metres.

    :param foot: its left lower corner as seen from outside, where y points right.
    :param along: unit vector from there to the right.
    """

    foot: np.ndarray
    along: np.ndarray
    width: float
    height: float

    @property
    def outwards(self) -> np.ndarray:
        """Unit vector away from the building."""
        return np.array([self.along[1], -self.along[0], 0.0])

    def panels(self, low: float = 0.0, high: float | None = None) -> np.ndarray:
        """Return (n, 4) u0, u1, v0, v1 that cover the wall between two heights."""
        count = self._count
        u = np.linspace(0, self.width, count + 1)
        v = np.full(count, 1.0)
        return np.stack([u[:-1], u[1:], v * low, v * (self.height if high is None else high)], 1)

    def rects(
        self,
        spans: Sequence[Sequence[float]] | np.ndarray,
        finish: Finish,
        *,
        out_m: float = 0.0,
        rank: int = 0,
        colours: np.ndarray | None = None,
    ) -> Mesh:
        """
        Return rectangles on the wall.

        :param spans: (n, 4) u0, u1, v0, v1.
        :param out_m: how far before the wall; ``rank``: what is stuck on what.
        """
        spans, which = self._split(np.asarray(spans, np.float64).reshape(-1, 4))
        if colours is not None:
            colours = np.asarray(colours)[which]
        u0, u1, v0, v1 = spans.T
        ends = [(u0, v0), (u1, v0), (u1, v1), (u0, v1)]
        corners = np.stack([self._at(u, v, out_m) for u, v in ends], axis=1)
        return self._mesh(corners, (u0 + u1) / 2, finish, rank, colours)

    def ledge(self, v: float, height: float, deep_m: float, finish: Finish, rank: int) -> Mesh:
        """Return a band that juts out along the whole wall: its face and its underside."""
        spans = self.panels(v, v + height)
        u0, u1 = spans[:, 0], spans[:, 1]
        low = np.full(len(u0), v)
        under = np.stack(
            [self._at(u0, low, 0), self._at(u1, low, 0), self._at(u1, low, deep_m),
             self._at(u0, low, deep_m)],
            axis=1,
        )  # fmt: skip
        return joined(
            [
                self.rects(spans, finish, out_m=deep_m, rank=rank),
                self._mesh(under, (u0 + u1) / 2, finish, rank, None),
            ]
        )

    def slope(
        self,
        span: Sequence[float],
        low_out_m: float,
        high_out_m: float,
        finish: Finish,
        rank: int,
    ) -> Mesh:
        """Return a sloping board such as an awning or a roof: its lower edge juts out farther."""
        u0, u1, v0, v1 = self._split(np.array([span], np.float64))[0].T
        corners = np.stack(
            [self._at(u0, v0, low_out_m), self._at(u1, v0, low_out_m),
             self._at(u1, v1, high_out_m), self._at(u0, v1, high_out_m)],
            axis=1,
        )  # fmt: skip
        return self._mesh(corners, (u0 + u1) / 2, finish, rank, None)

    def triangle(self, low: float, high: float, finish: Finish) -> Mesh:
        """Return the gable over the wall."""
        u = np.array([0.0, self.width, self.width / 2, self.width / 2])
        corners = self._at(u, np.array([low, low, high, high]), 0.0)[None]
        return self._mesh(corners, np.array([self.width / 2]), finish, 0, None)

    @property
    def _count(self) -> int:
        return max(1, math.ceil(self.width / PANEL_M - 1e-6))

    def _split(self, spans: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return spans cut where panels meet, and which of the given ones each was."""
        which = np.arange(len(spans))
        for edge in np.linspace(0, self.width, self._count + 1)[1:-1]:
            left, right = spans.copy(), spans.copy()
            left[:, 1], right[:, 0] = np.minimum(spans[:, 1], edge), np.maximum(spans[:, 0], edge)
            both, numbers = np.concatenate([left, right]), np.concatenate([which, which])
            kept = both[:, 1] > both[:, 0] + 1e-6
            spans, which = both[kept], numbers[kept]
        return spans, which

    def _at(self, u: np.ndarray, v: np.ndarray, out_m: float) -> np.ndarray:
        base = self.foot + out_m * self.outwards
        return base + u[:, None] * self.along + v[:, None] * _UP

    def _mesh(
        self,
        corners: np.ndarray,
        u: np.ndarray,
        finish: Finish,
        rank: int,
        colours: np.ndarray | None,
    ) -> Mesh:
        """Return quads whose anchor is the foot of their panel's middle, nearer by their rank."""
        size = self.width / self._count
        middle = (np.clip(np.floor(u / size), 0, self._count - 1) + 0.5) * size
        anchor = self._at(middle, np.zeros(len(u)), _OUT_M + rank * _RANK_M)
        return quads(
            corners,
            finish.tag,
            finish.material,
            Layer.OBJECT,
            anchor=anchor,
            colour=finish.colour if colours is None else colours,
            near_m=finish.near_m,
            far_m=finish.far_m,
        )


def four_walls(depth: float, width: float, height: float, sunk_m: float = 0.0) -> list[Wall]:
    """
    Return front (+x), right (+y), back and left of a box that stands around the origin.

    :param sunk_m: how far they reach into uneven ground; v still counts from their foot.
    """
    x, y = depth / 2, width / 2
    feet = [(x, -y), (x, y), (-x, y), (-x, -y)]
    ways = [(0, 1), (-1, 0), (0, -1), (1, 0)]
    widths = [width, depth, width, depth]
    return [
        Wall(np.array([*foot, -sunk_m]), np.array([*way, 0.0]), wide, height + sunk_m)
        for foot, way, wide in zip(feet, ways, widths, strict=True)
    ]
