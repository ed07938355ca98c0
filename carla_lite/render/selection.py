"""Which quads a camera may see, in camera coordinates and in the order in which they are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

from carla_lite.mesh import highest, joined, Layer, Mesh, middle
from carla_lite.render.picture import CameraView
import numpy as np

#: What lies flat is drawn first, then what stands up; kerbs are raised, so they hide paint.
_RANK = np.array([0, 1, 5, 2, 3, 4, 5], np.float32)  # by Layer
_RAISED = 5
_NEAR_M = 0.08
#: Long strips are sorted by their middle: what stands on one must not fall behind it.
_STANDING_BIAS_M = 5.0


@dataclass(frozen=True)
class Quads:
    """
    Visible quads, the first to be drawn first.

    ``corners``: (n, 4, 3) float32 metres in camera coordinates, forward, right, up.
    ``mesh``: what they are, in the same order.
    """

    corners: np.ndarray
    mesh: Mesh


class Selection:
    """
    Finds quads by place; made once a town.

    :param mesh: all that stands still.
    :param scale: of the town: distances for sorting shrink with it.
    """

    def __init__(self, mesh: Mesh, scale: float = 1.0) -> None:
        self._mesh = mesh
        self._radius_m = _radius_m(mesh)
        self._near_m = _NEAR_M * max(scale, 0.25)
        self._bias_m = _STANDING_BIAS_M * scale
        flat = mesh.layer != Layer.OBJECT
        self._is_flat = bool(np.ptp(mesh.anchor[flat, 2]) < scale) if flat.any() else True

    @property
    def near_m(self) -> float:
        """Distance of the plane in front of which nothing is drawn."""
        return self._near_m

    def visible(self, view: CameraView, movers: Sequence[Mesh], under: Mesh) -> Quads:
        """
        Return what may be seen, from the far to the near.

        :param movers: meshes that are elsewhere at each tick.
        :param under: drawn before all else: ground where the town has none.
        """
        position = view.pose.position().astype(np.float32)
        rotation = view.pose.rotation().astype(np.float32)
        mesh = self._mesh.rows(_in_view(self._mesh, self._radius_m, view, position, rotation))
        moving = joined(movers)
        if len(moving):
            seen = _in_view(moving, _radius_m(moving), view, position, rotation)
            mesh = joined([mesh, moving.rows(seen)])
        corners = (mesh.corners - position) @ rotation
        lowest = (under.corners - position) @ rotation
        in_front = highest(corners[:, :, 0]) > self._near_m
        corners, mesh = corners[in_front], mesh.rows(np.flatnonzero(in_front))
        order = self._order(corners, mesh, position)
        return Quads(np.concatenate([lowest, corners[order]]), joined([under, mesh.rows(order)]))

    def casters(self, position: np.ndarray, range_m: float, movers: Sequence[Mesh]) -> Mesh:
        """Return what stands up near a place, whether seen or not: it throws shadows."""
        parts = [self._mesh, *movers]
        return joined([part.rows(_standing(part, position, range_m)) for part in parts])

    def _order(self, corners: np.ndarray, mesh: Mesh, position: np.ndarray) -> np.ndarray:
        distance = np.linalg.norm(mesh.anchor - position, axis=1)
        own = np.linalg.norm(middle(corners), axis=1)
        rank = _RANK[mesh.layer]
        raised = rank == _RAISED
        standing = mesh.layer == Layer.OBJECT
        distance = distance - self._bias_m * standing
        if self._is_flat:
            # Nothing flat hides anything flat: whole layers at once, whatever overlaps.
            distance = np.where(raised, distance, 1e6)
            return np.lexsort((-own, rank, -distance))
        return np.lexsort((-own, rank, -distance))


def _standing(mesh: Mesh, position: np.ndarray, range_m: float) -> np.ndarray:
    distance = np.linalg.norm(mesh.anchor[:, :2] - position[:2], axis=1)
    chosen = (mesh.layer == Layer.OBJECT) & (distance < range_m)
    return np.flatnonzero(chosen & (mesh.near_m <= distance) & (distance < mesh.far_m))


def _radius_m(mesh: Mesh) -> np.ndarray:
    """Return (n,) how far the corners are from the anchor."""
    return highest(np.linalg.norm(mesh.corners - mesh.anchor[:, None], axis=2))


def _in_view(
    mesh: Mesh,
    radius_m: np.ndarray,
    view: CameraView,
    position: np.ndarray,
    rotation: np.ndarray,
) -> np.ndarray:
    """Return the numbers of quads whose ball around the anchor touches the view's pyramid."""
    to_anchor = mesh.anchor - position
    distance = np.sqrt(np.einsum('ij,ij->i', to_anchor, to_anchor))
    chosen = np.flatnonzero((distance >= mesh.near_m) & (distance < mesh.far_m))
    ahead, right, up = (to_anchor[chosen] @ rotation).T
    radius = radius_m[chosen]
    half_width = view.width / 2 / view.focal_px
    half_height = view.height / 2 / view.focal_px
    inside = ahead > -radius
    inside &= np.abs(right) <= ahead * half_width + radius * np.hypot(1.0, half_width)
    inside &= np.abs(up) <= ahead * half_height + radius * np.hypot(1.0, half_height)
    return chosen[inside]
