"""The paved areas where roads meet."""

from carla_lite.materials import Material
from carla_lite.mesh import joined, Layer, Mesh, quads
from carla_lite.roads.network import Corner
from carla_lite.surfaces.bands import COARSE_FAR_M, COARSE_NEAR_M, FINE_FAR_M
from carla_lite.surfaces.footprint import Plane
from carla_lite.surfaces.polygons import polyline_quads
from carla_lite.surfaces.style import Paving, Style
from carla_lite.tags import Tag
import numpy as np


def fan_of(outline: np.ndarray) -> np.ndarray:
    """
    Return (n, 4, 2) triangles that fill a simple polygon.

    :param outline: (m, 2)
    """
    middle = outline.mean(axis=0)
    following = np.roll(outline, -1, axis=0)
    turns = _cross(outline - middle, following - middle)
    if (turns > 1e-9).all() or (turns < -1e-9).all():
        centre = np.broadcast_to(middle, outline.shape)
        return np.stack([centre, outline, following, following], axis=1)
    return _ears(outline)


def area_of(outline: np.ndarray, anchor: np.ndarray, plane: Plane, paving: Paving) -> Mesh:
    """
    Return a junction's asphalt.

    :param outline: (n, 2) of :class:`Junction`; ``anchor``: (3,) the junction's middle.
    """
    flat = fan_of(outline)
    corners = plane.lifted(flat.reshape(-1, 2)).reshape(-1, 4, 3)
    return quads(
        corners,
        Tag.ROADS,
        paving[0],
        Layer.ROAD,
        anchor=anchor,
        colour=paving[1],
        far_m=420.0,
    )


def corner_of(corner: Corner, plane: Plane, style: Style, scale: float) -> Mesh:
    """Return the kerb and the sidewalk round a junction's corner."""
    depth = np.linalg.norm(corner.outer - corner.kerb, axis=1)
    if depth.max() < 0.1 * scale:
        return joined([])
    near_m, far_m = COARSE_NEAR_M * scale, FINE_FAR_M * scale
    coarse = np.unique(np.linspace(0, len(depth) - 1, 4).round().astype(int))
    return joined(
        [
            _kerbed(corner.kerb, corner.outer, plane, style, scale, (0.0, far_m)),
            _kerbed(
                corner.kerb[coarse],
                corner.outer[coarse],
                plane,
                style,
                scale,
                (near_m, COARSE_FAR_M * scale),
            ),
        ]
    )


def corner_line_of(
    corner: Corner, plane: Plane, style: Style, anchor: np.ndarray, scale: float
) -> Mesh:
    """Return the thin line before a corner's kerb, as some towns have it."""
    depth = np.linalg.norm(corner.outer - corner.kerb, axis=1)
    if not style.kerb_line_m or not style.kerb_lift_m or depth.max() < 0.1 * scale:
        return joined([])
    along = np.gradient(corner.kerb, axis=0)
    side = np.stack([along[:, 1], -along[:, 0]], axis=1)
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-6)
    if ((corner.outer - corner.kerb) * side).sum() > 0:
        side = -side
    line = corner.kerb + side * style.kerb_line_m * scale
    flat = polyline_quads(line, style.kerb_line_wide_m * scale)
    return quads(
        plane.lifted(flat.reshape(-1, 2)).reshape(-1, 4, 3),
        Tag.ROAD_LINES,
        Material.WHITE_PAINT,
        Layer.PAINT,
        anchor=anchor,
        far_m=150.0 * scale,
    )


def _kerbed(
    kerb: np.ndarray,
    outer: np.ndarray,
    plane: Plane,
    style: Style,
    scale: float,
    distances: tuple[float, float],
) -> Mesh:
    lift = style.kerb_lift_m * scale
    depth = np.linalg.norm(outer - kerb, axis=1, keepdims=True)
    share = np.minimum(style.kerb_top_m * scale / np.maximum(depth, 1e-6), 0.33)
    foot, top = plane.lifted(kerb), plane.lifted(kerb, lift)
    inner, end = top.copy(), top.copy()
    inner[:, :2] += (outer - kerb) * share
    end[:, :2] = outer
    strips = (
        (foot, top, Material.KERB),
        (top, inner, Material.KERB),
        (inner, end, Material.SIDEWALK),
    )
    tint = np.array(style.kerb_colours, np.float64).mean(axis=0).astype(np.uint8)
    anchor = ((top + end) / 2)[:-1]
    return joined(
        [
            quads(
                np.stack([one[:-1], one[1:], two[1:], two[:-1]], axis=1),
                Tag.SIDEWALKS,
                material,
                Layer.SIDEWALK,
                anchor=anchor,
                colour=tint if material == Material.KERB else (255, 255, 255),
                near_m=distances[0],
                far_m=distances[1],
            )
            for one, two, material in strips[0 if lift else 1 :]
        ]
    )


def _ears(outline: np.ndarray) -> np.ndarray:
    left = list(range(len(outline)))
    area = _cross(outline, np.roll(outline, -1, axis=0)).sum()
    sign = 1.0 if area > 0 else -1.0
    triangles = []
    while len(left) > 3:
        ear = next((i for i in range(len(left)) if _is_ear(outline, left, i, sign)), 0)
        a, b, c = left[ear - 1], left[ear], left[(ear + 1) % len(left)]
        triangles.append((a, b, c, c))
        left.pop(ear)
    triangles.append((left[0], left[1], left[2], left[2]))
    return outline[np.array(triangles)]


def _is_ear(outline: np.ndarray, left: list[int], index: int, sign: float) -> bool:
    a, b, c = left[index - 1], left[index], left[(index + 1) % len(left)]
    pa, pb, pc = outline[a], outline[b], outline[c]
    if sign * _cross(pb - pa, pc - pa) <= 1e-12:
        return False
    others = outline[[i for i in left if i not in (a, b, c)]]
    inside = [sign * _cross(q - p, others - p) >= 0 for p, q in ((pa, pb), (pb, pc), (pc, pa))]
    return not np.logical_and.reduce(inside).any()


def _cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
