"""A straight road and a few boxes: the smallest town that a renderer can be asked about."""

from collections.abc import Sequence

from carla_lite.look import Look, usual_look
from carla_lite.materials import Material
from carla_lite.mesh import box_corners, joined, Layer, Mesh, quads
from carla_lite.render.ingredients import Ingredients
from carla_lite.render.picture import CameraView
from carla_lite.render.renderer import Renderer
from carla_lite.tags import Tag
from carla_lite.town import Town
import numpy as np

LINE_Y_M, LINE_WIDTH_M = 2.0, 0.2
#: A plain light without grain, so that colours can be compared with what they should be.
PLAIN = Ingredients(
    grain=False, wear=False, dirt=False, shadows=False, lamps=False, weather=False, lens=False
)


def rectangle(x: tuple[float, float], y: tuple[float, float], z: float = 0.0) -> np.ndarray:
    """Return (4, 3) corners of a level rectangle."""
    return np.array([[x[0], y[0], z], [x[1], y[0], z], [x[1], y[1], z], [x[0], y[1], z]])


def road(length_m: float = 120.0, step_m: float = 6.0) -> Mesh:
    """Return a road along x with one solid white line and grass beside it."""
    parts = []
    for start in np.arange(-12.0, length_m, step_m):
        span, anchor = (start, start + step_m), [start + step_m / 2, 0, 0]
        line = (LINE_Y_M - LINE_WIDTH_M / 2, LINE_Y_M + LINE_WIDTH_M / 2)
        parts += [
            quads(rectangle(span, (-5, 5)), Tag.ROADS, Material.ASPHALT, Layer.ROAD,
                  anchor=anchor),
            quads(rectangle(span, line), Tag.ROAD_LINES, Material.WHITE_PAINT, Layer.PAINT,
                  anchor=anchor),
            quads([rectangle(span, (5, 60)), rectangle(span, (-60, -5))], Tag.TERRAIN,
                  Material.GRASS, Layer.TERRAIN),
        ]  # fmt: skip
    return joined(parts)


def box(x: float, y: float, size: Sequence[float], instance: int = 1, tag: Tag = Tag.CAR) -> Mesh:
    """Return a box that stands on the ground."""
    corners = box_corners(size, (x, y, size[2] / 2))
    return quads(
        corners, tag, Material.LACQUER, Layer.OBJECT, anchor=[x, y, 0.0], colour=(40, 40, 200),
        instance=instance,
    )  # fmt: skip


def town(surface: Mesh | None = None, scenery: Sequence[Mesh] = ()) -> Town:
    """Return a town of a surface and what stands on it."""
    return Town(
        name='Small', seed=1, opendrive='', spawn_points=(),
        surface=road() if surface is None else surface, scenery=joined(scenery),
        lamps=np.zeros((0, 3), np.float32), height_at=lambda x, y, z=0.0: 0.0,
        lane_paths=(),
    )  # fmt: skip


def renderer(made: Town, look: Look | None = None, ingredients: Ingredients = PLAIN) -> Renderer:
    """Return a renderer of a town, by default in plain light."""
    return Renderer(made, look or usual_look(), ingredients)


def project(view: CameraView, points: np.ndarray) -> np.ndarray:
    """Return (n, 2) pixel coordinates, 0 at the picture's edge, by the textbook's formula."""
    local = (points - view.pose.position()) @ view.pose.rotation()
    focal = view.focal_px
    u = view.width / 2 + focal * local[:, 1] / local[:, 0]
    v = view.height / 2 - focal * local[:, 2] / local[:, 0]
    return np.stack([u, v], axis=1)
