"""Which upright boxes overlap, and what a collision does to those who are in it."""

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import Protocol

from carla_lite.pose import Pose
import numpy as np

_BOUNCE = 0.1  # share of the closing speed that comes back
_SLACK_M = 0.01  # touching is not colliding


@dataclass(frozen=True)
class Box:
    """
    A thing's bounding box; it turns with the pose's yaw and stays upright.

    :param centre_m: in the pose's own coordinates; ``half_m`` half length, width, height.
    """

    pose: Pose
    centre_m: tuple[float, float, float]
    half_m: tuple[float, float, float]


@dataclass(frozen=True)
class Contact:
    """
    Two boxes that overlap.

    :param i: the first's index, ``j`` the second's.
    :param normal: (3,) level, points from i to j, length 1: the shortest way apart.
    :param depth_m: how far they overlap along it.
    """

    i: int
    j: int
    normal: np.ndarray
    depth_m: float


class Moving(Protocol):
    """What a vehicle's and a walker's body have in common."""

    mass_kg: float
    simulate_physics: bool
    velocity: np.ndarray

    def add_impulse(self, impulse_ns: np.ndarray) -> None:
        """Change the velocity by a push, (3,) N s."""

    def shift(self, offset_m: np.ndarray) -> None:
        """Move a little, (3,) metres."""


def overlapping(boxes: Sequence[Box]) -> list[Contact]:
    """Return every pair of boxes that overlap in plan and height, i < j."""
    if len(boxes) < 2:
        return []
    centre, axes, half = _arrays(boxes)
    first, second = _near(centre, half)
    if not len(first):
        return []
    offset = (centre[second] - centre[first])[:, :2]
    best = np.full(len(first), np.inf)
    normal = np.zeros((len(first), 2))
    for owner in (first, second):
        for number in (0, 1):
            axis = axes[owner, number]
            apart = np.einsum('nk,nk->n', offset, axis)
            reach = _reach(axes[first], half[first], axis) + _reach(
                axes[second], half[second], axis
            )
            depth = reach - np.abs(apart)
            closer = depth < best - 1e-9
            best = np.where(closer, depth, best)
            toward = np.where(apart < 0.0, -1.0, 1.0)[:, None] * axis
            normal = np.where(closer[:, None], toward, normal)
    return [
        Contact(int(first[n]), int(second[n]), np.append(normal[n], 0.0), float(best[n]))
        for n in np.flatnonzero(best > _SLACK_M)
    ]


def respond(bodies: Sequence[Moving | None], contacts: Sequence[Contact]) -> list[np.ndarray]:
    """
    Stop bodies that run into each other and part them; return each contact's impulse on i.

    :param bodies: of the boxes; ``None`` for what nothing moves.
    :returns: (3,) N s each, zeros where the two are parting already.
    """
    return [_part(bodies[contact.i], bodies[contact.j], contact) for contact in contacts]


def _part(one: Moving | None, other: Moving | None, contact: Contact) -> np.ndarray:
    one_give, other_give = _give(one), _give(other)
    give = one_give + other_give
    if give == 0.0:
        return np.zeros(3)
    share = contact.depth_m / give * contact.normal
    if one is not None and one_give:
        one.shift(-one_give * share)
    if other is not None and other_give:
        other.shift(other_give * share)
    closing = float((_velocity(one) - _velocity(other)) @ contact.normal)
    if closing <= 0.0:
        return np.zeros(3)
    impulse = -(1.0 + _BOUNCE) * closing / give * contact.normal
    if one is not None and one_give:
        one.add_impulse(impulse)
    if other is not None and other_give:
        other.add_impulse(-impulse)
    return impulse


def _give(body: Moving | None) -> float:
    """Return one over the weight; zero for what does not move."""
    return 0.0 if body is None or not body.simulate_physics else 1.0 / body.mass_kg


def _velocity(body: Moving | None) -> np.ndarray:
    return np.zeros(3) if body is None else body.velocity


def _arrays(boxes: Sequence[Box]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return centres (n, 3), level axes (n, 2, 2) as rows and half sizes (n, 3)."""
    centre = np.array([box.pose.position() + _turned(box) for box in boxes])
    yaw = np.radians([box.pose.yaw for box in boxes])
    cosine, sine = np.cos(yaw), np.sin(yaw)
    axes = np.stack([np.stack([cosine, sine], 1), np.stack([-sine, cosine], 1)], axis=1)
    return centre, axes, np.array([box.half_m for box in boxes], float)


def _turned(box: Box) -> np.ndarray:
    x, y, z = box.centre_m
    yaw = math.radians(box.pose.yaw)
    return np.array(
        [x * math.cos(yaw) - y * math.sin(yaw), x * math.sin(yaw) + y * math.cos(yaw), z]
    )


def _near(centre: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs whose circles in plan and whose heights overlap."""
    radius = np.hypot(half[:, 0], half[:, 1])
    square = np.zeros((len(centre), len(centre)))
    for axis in (0, 1):
        square += np.subtract.outer(centre[:, axis], centre[:, axis]) ** 2
    near = square < np.add.outer(radius, radius) ** 2
    height = np.abs(np.subtract.outer(centre[:, 2], centre[:, 2]))
    near &= height < np.add.outer(half[:, 2], half[:, 2]) - _SLACK_M
    near &= (half.min(axis=1) > 0.0)[:, None] & (half.min(axis=1) > 0.0)  # bodiless things
    first, second = np.nonzero(np.triu(near, 1))
    return first, second


def _reach(axes: np.ndarray, half: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Return (n,) half the length of each box's shadow on an axis of its own row."""
    return np.einsum('nm,nm->n', np.abs(np.einsum('nmk,nk->nm', axes, axis)), half[:, :2])
