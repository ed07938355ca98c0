"""Where in the world each pixel's surface is."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from carla_lite.mesh import highest, lowest, middle
from carla_lite.render.picture import CameraView
import numpy as np

SKY_M = 1000.0


@dataclass(frozen=True)
class Points:
    """
    Surfaces pixel by pixel, all (H, W) float32.

    ``depth_m``: along the optical axis; ``x``, ``y``, ``z``: metres in the world; ``facing``:
    cosine between the ray and the surface's normal, 0..1; ``ray_m``: length of the ray for each
    metre of depth; ``rise``: the ray's upward share, -1..1.
    """

    depth_m: np.ndarray
    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    facing: np.ndarray
    ray_m: np.ndarray
    rise: np.ndarray


def surface_points(
    view: CameraView, numbers: np.ndarray, planes: Sequence[np.ndarray], first_row: int = 0
) -> Points:
    """
    Cut each pixel's ray with the plane of the quad that is seen there.

    :param numbers: (h, W) intp, rows of the view; 0 for sky, else 1 + index into ``corners``.
    :param planes: of :func:`planes_of` the quads.
    """
    columns = np.arange(view.width, dtype=np.float32)
    right = (columns + 0.5 - view.width / 2) / np.float32(view.focal_px)
    rows = np.arange(first_row, first_row + len(numbers), dtype=np.float32)
    up = (view.height / 2 - 0.5 - rows) / np.float32(view.focal_px)
    right, up = right[None, :], up[:, None]
    a, b, c, offset, low, high = (np.take(column, numbers) for column in planes)
    along = a + b * right + c * up
    with np.errstate(divide='ignore', invalid='ignore'):
        depth = offset / along
    np.clip(depth, low, high, out=depth)  # an edge-on plane has no depth of its own
    ray = np.sqrt(1.0 + right**2 + up**2)
    rotation = view.pose.rotation().astype(np.float32)
    x, y, z = (
        np.float32(position) + depth * (row[0] + row[1] * right + row[2] * up)
        for position, row in zip(view.pose.position(), rotation, strict=True)
    )
    rise = (rotation[2, 0] + rotation[2, 1] * right + rotation[2, 2] * up) / ray
    return Points(depth, x, y, z, np.abs(along) / ray, ray, rise)


def face_normals(corners: np.ndarray) -> np.ndarray:
    """Return (n, 3) unit normals of quads in camera coordinates, turned towards the camera."""
    normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    normal = normal / np.maximum(length, 1e-12)
    away = np.einsum('ij,ij->i', normal, corners[:, 0]) > 0
    return np.where(away[:, None], -normal, normal)


def planes_of(corners: np.ndarray) -> list[np.ndarray]:
    """
    Return what cuts a ray with each quad, columns of (n + 1,) float32.

    They are normal (3), offset, least and greatest depth; row 0 is the sky.

    :param corners: (n, 4, 3) metres in camera coordinates.
    """
    normal = face_normals(corners)
    offset = np.einsum('ij,ij->i', normal, middle(corners))
    depths = corners[:, :, 0]
    low = np.maximum(lowest(depths), 0.02)
    table = np.column_stack([normal, offset, low, np.maximum(highest(depths), low)])
    sky = [[1.0, 0.0, 0.0, SKY_M, SKY_M, SKY_M]]
    return list(np.concatenate([sky, table]).astype(np.float32).T.copy())


def joined_points(bands: list[Points]) -> Points:
    """Return bands of rows as one."""
    return Points(*(np.concatenate([getattr(b, f.name) for b in bands]) for f in fields(Points)))
