"""Coloured, labelled quads: the one thing that roads, scenery and actors give the renderer."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum

from carla_lite.materials import Material
from carla_lite.pose import Pose
from carla_lite.tags import Tag
import numpy as np

_WHITE = (255, 255, 255)


class Layer(IntEnum):
    """What covers what where surfaces lie in one plane: the higher is drawn later."""

    TERRAIN = 0
    ROAD = 1
    SIDEWALK = 2
    DIRT = 3  # patches, cracks, manholes, tyre marks: under the paint
    PAINT = 4
    LITTER = 5  # leaves, puddles' edges: over the paint
    OBJECT = 6  # what stands up


@dataclass(frozen=True)
class Mesh:
    """
    n convex quads; a triangle repeats its last corner. Both sides are drawn.

    The renderer paints from far to near by the distance of ``anchor``, then by ``layer``. What
    lies on a surface (paint on a road strip) takes that strip's anchor; the quads of an object
    take the object's foot point.
    """

    corners: np.ndarray  # (n, 4, 3) float32, metres in CARLA's world
    anchor: np.ndarray  # (n, 3) float32
    tag: np.ndarray  # (n,) uint8, Tag
    material: np.ndarray  # (n,) uint8, Material
    layer: np.ndarray  # (n,) uint8, Layer
    colour: np.ndarray  # (n, 3) uint8 BGR albedo, or a tint of the look's colour (see Material)
    instance: np.ndarray  # (n,) uint16, one number an object; 0 for ground
    near_m: np.ndarray  # (n,) float32, drawn from this distance of the anchor on
    far_m: np.ndarray  # (n,) float32, and up to this one: levels of detail

    def __len__(self) -> int:
        return len(self.corners)

    def rows(self, rows: np.ndarray) -> 'Mesh':
        """Return the quads of the given indices or where a mask is true."""
        return Mesh(**{part.name: getattr(self, part.name)[rows] for part in fields(self)})

    def moved(self, pose: Pose, instance: int | None = None) -> 'Mesh':
        """Return the mesh, made around its own origin, at a place of the world."""
        rotation = pose.rotation().astype(np.float32).T
        position = pose.position().astype(np.float32)
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        parts['corners'] = self.corners @ rotation + position
        parts['anchor'] = self.anchor @ rotation + position
        if instance is not None:
            parts['instance'] = np.full(len(self), instance, np.uint16)
        return Mesh(**parts)


def lowest(corners: np.ndarray) -> np.ndarray:
    """Return the least of four corners, (n, ...) of (n, 4, ...); numpy's own takes far longer."""
    first = np.minimum(corners[:, 0], corners[:, 1])
    return np.minimum(first, np.minimum(corners[:, 2], corners[:, 3]))


def highest(corners: np.ndarray) -> np.ndarray:
    """Return the greatest of four corners, (n, ...) of (n, 4, ...)."""
    first = np.maximum(corners[:, 0], corners[:, 1])
    return np.maximum(first, np.maximum(corners[:, 2], corners[:, 3]))


def middle(corners: np.ndarray) -> np.ndarray:
    """Return the mean of four corners, (n, ...) of (n, 4, ...)."""
    return ((corners[:, 0] + corners[:, 1]) + (corners[:, 2] + corners[:, 3])) * np.float32(0.25)


def quads(
    corners: np.ndarray,
    tag: Tag,
    material: Material,
    layer: Layer,
    *,
    anchor: np.ndarray | None = None,
    colour: np.ndarray | Sequence[int] = _WHITE,
    instance: int = 0,
    near_m: float = 0.0,
    far_m: float = 400.0,
) -> Mesh:
    """
    Make a mesh of quads that are all of one kind.

    :param corners: (n, 4, 3) metres, in order around each quad.
    :param anchor: (n, 3) or (3,); the middle of each quad where it is not given.
    :param colour: one BGR or (n, 3).
    """
    corners = np.asarray(corners, np.float32).reshape(-1, 4, 3)
    count = len(corners)
    anchors = corners.mean(axis=1) if anchor is None else np.asarray(anchor, np.float32)
    return Mesh(
        corners=corners,
        anchor=np.ascontiguousarray(np.broadcast_to(anchors, (count, 3))),
        tag=np.full(count, tag, np.uint8),
        material=np.full(count, material, np.uint8),
        layer=np.full(count, layer, np.uint8),
        colour=np.ascontiguousarray(np.broadcast_to(np.asarray(colour, np.uint8), (count, 3))),
        instance=np.full(count, instance, np.uint16),
        near_m=np.full(count, near_m, np.float32),
        far_m=np.full(count, far_m, np.float32),
    )


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Return one mesh of several; of none, an empty one."""
    if not meshes:
        return quads(np.zeros((0, 4, 3)), Tag.NONE, Material.WALL, Layer.OBJECT)
    names = [field.name for field in fields(Mesh)]
    return Mesh(
        **{name: np.concatenate([getattr(mesh, name) for mesh in meshes]) for name in names}
    )


def box_corners(size: Sequence[float], centre: Sequence[float] = (0, 0, 0)) -> np.ndarray:
    """
    Return the faces of a box without its bottom: front, back, right, left, top.

    :param size: metres along x, y, z.
    :return: (5, 4, 3) float32.
    """
    half = np.asarray(size, np.float32) / 2
    sides = np.array(
        [
            [[1, -1, -1], [1, 1, -1], [1, 1, 1], [1, -1, 1]],
            [[-1, 1, -1], [-1, -1, -1], [-1, -1, 1], [-1, 1, 1]],
            [[1, 1, -1], [-1, 1, -1], [-1, 1, 1], [1, 1, 1]],
            [[-1, -1, -1], [1, -1, -1], [1, -1, 1], [-1, -1, 1]],
            [[1, -1, 1], [1, 1, 1], [-1, 1, 1], [-1, -1, 1]],
        ],
        np.float32,
    )
    return sides * half + np.asarray(centre, np.float32)
