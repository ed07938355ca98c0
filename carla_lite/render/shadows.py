"""Hard shadows of what stands up, thrown on the ground by the sun."""

from carla_lite.mesh import highest, lowest, Mesh
from carla_lite.render.picture import CameraView
import cv2
import numpy as np

#: Shadows longer than this are cut: a sun at the horizon would shade the whole town.
_LONGEST_M = 60.0
_LIMIT_PX = 1 << 15


def draw_shadows(view: CameraView, casters: Mesh, to_sun: np.ndarray, near_m: float) -> np.ndarray:
    """
    Return the share of sun that is kept from level ground, (H, W) uint8, 255 in full shadow.

    :param casters: quads that stand up; each throws its shadow on the level of its foot.
    :param to_sun: (3,) unit vector with an upward part.
    """
    shadow = np.zeros((view.height, view.width), np.uint8)
    height = np.maximum(casters.corners[:, :, 2] - casters.anchor[:, None, 2], 0.0)
    reach = np.minimum(height / max(float(to_sun[2]), 0.02), _LONGEST_M)
    ground = casters.corners.copy()
    ground[:, :, :2] -= reach[:, :, None] * to_sun[:2]
    ground[:, :, 2] = casters.anchor[:, None, 2]
    rotation = view.pose.rotation().astype(np.float32)
    corners = (ground - view.pose.position().astype(np.float32)) @ rotation
    # A corner behind the camera is drawn in to the near plane: wrong only under the camera.
    corners = corners[highest(corners[:, :, 0]) > near_m]
    depth = np.maximum(corners[:, :, 0], near_m)
    u = view.width / 2 + view.focal_px * corners[:, :, 1] / depth - 0.5
    v = view.height / 2 - view.focal_px * corners[:, :, 2] / depth - 0.5
    points = np.clip(np.stack([u, v], axis=2), -_LIMIT_PX, _LIMIT_PX)
    fixed = np.round(points * 16).astype(np.int32)
    low, high = lowest(points), highest(points)
    seen = (high > 0).all(axis=1) & (low[:, 0] < view.width) & (low[:, 1] < view.height)
    for index in np.flatnonzero(seen).tolist():
        cv2.fillConvexPoly(shadow, fixed[index], 255, shift=4)
    return cv2.blur(shadow, (3, 3))
