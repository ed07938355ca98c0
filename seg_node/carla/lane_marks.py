"""
Keep the lane markings of a truth picture, and drop what merely has the same tag.

CARLA tags crosswalks, painted words, arrows, stop lines and some kerb meshes as road lines too.
The map knows where lanes end and whether a marking is painted there; these lines, drawn into the
camera, tell the ones from the others.
"""

from dataclasses import dataclass
import math
from typing import Any

import cv2
import numpy as np
from seg_node.carla.config import CameraMount
from seg_node.carla.pose import Pose
from seg_node.labels import BACKGROUND, LANE_MARKING, ROAD

#: Towns' meshes and their OpenDRIVE lines differ by so much.
_MARGIN_M = 0.25
#: From the middle of a double line to the middle of one of its lines.
_DOUBLE_M = 0.2
_MAX_DISTANCE_M = 120.0
_NEAR_M = 0.05
_CELL_M = 0.1  # of the plan seen from above
_LEVEL_M = 12.0
_SUBPIXEL_BITS = 4
#: Markings that nothing is painted for.
_UNPAINTED = frozenset({'NONE', 'Curb', 'Grass'})
_DOUBLE = frozenset({'SolidSolid', 'SolidBroken', 'BrokenSolid', 'BrokenBroken'})


@dataclass(frozen=True)
class MapLines:
    """What a map says of its lanes, as flat quadrilaterals in the world."""

    markings: np.ndarray  # (N, 4, 3) float64 metres, corners in turn; a little wider than paint
    lanes: np.ndarray  # (M, 4, 3) float64 metres

    @classmethod
    def of_map(cls, road_map: Any, spacing_m: float = 1.0) -> 'MapLines':
        """
        Read a ``carla.Map``; for a large town this takes seconds.

        :param spacing_m: length of a quadrilateral.
        """
        markings, lanes = [], []
        for waypoint in road_map.generate_waypoints(spacing_m):
            middle, half_m = Pose.of(waypoint.transform), waypoint.lane_width / 2
            lanes.append(strip(middle, 0.0, half_m, spacing_m))
            for side, marking in (
                (-half_m, waypoint.left_lane_marking),
                (half_m, waypoint.right_lane_marking),
            ):
                if (wide_m := _half_width_m(marking)) > 0:
                    markings.append(strip(middle, side, wide_m, spacing_m))
        return cls(
            np.array(markings, np.float64).reshape(-1, 4, 3),
            np.array(lanes, np.float64).reshape(-1, 4, 3),
        )


def strip(middle: Pose, side_m: float, half_width_m: float, length_m: float) -> np.ndarray:
    """
    Return a piece of ground along a lane, (4, 3) float64.

    :param middle: on the lane's middle, looking along it.
    :param side_m: of the piece's own middle, to the right.
    """
    axes = middle.matrix
    forward, right = axes[:3, 0] * (length_m / 2), axes[:3, 1]
    center = axes[:3, 3] + right * side_m
    wide = right * half_width_m
    return np.stack(
        [
            center - forward - wide,
            center - forward + wide,
            center + forward + wide,
            center + forward - wide,
        ]
    )


def lane_marks_only(
    labels: np.ndarray,
    camera: CameraMount,
    camera_pose: Pose,
    lines: MapLines,
    depth_m: np.ndarray | None = None,
) -> np.ndarray:
    """
    Return labels in which only the map's own markings are lane markings.

    What loses the label becomes road on a lane and background beside it. With depth the places
    are compared as seen from above; without it the map's lines are drawn into the picture, which
    fails where the map does not know how a road is banked.

    :param labels: (H, W) uint8 label ids, of this camera.
    :param camera: its size and field of view.
    :param camera_pose: in the world.
    :param lines: of the town.
    :param depth_m: (H, W) float32 metres along the camera's axis, of the same moment.
    """
    painted = labels == LANE_MARKING
    if not painted.any():
        return labels
    if depth_m is None:
        marked = _drawn(lines.markings, camera, camera_pose)
        # One pixel more: far away a marking is thinner than the rounding.
        marked = cv2.dilate(marked, np.ones((3, 3), np.uint8)) > 0
        on_lane = _drawn(lines.lanes, camera, camera_pose) > 0
    else:
        places = _places(painted, camera, camera_pose, depth_m)
        marked, on_lane = np.zeros_like(painted), np.zeros_like(painted)
        marked[painted] = _from_above(lines.markings, camera_pose, places)
        on_lane[painted] = _from_above(lines.lanes, camera_pose, places)
    dropped = painted & ~marked
    kept = labels.copy()
    kept[dropped] = BACKGROUND
    kept[dropped & on_lane] = ROAD
    return kept


def _places(
    chosen: np.ndarray, camera: CameraMount, pose: Pose, depth_m: np.ndarray
) -> np.ndarray:
    """Return where in the world the chosen pixels lie, (N, 3) float64."""
    rows, columns = np.nonzero(chosen)
    ahead = depth_m[chosen].astype(np.float64)
    right = (columns + 0.5 - camera.width / 2) / camera.focal_px * ahead
    up = (camera.height / 2 - rows - 0.5) / camera.focal_px * ahead
    axes = pose.matrix
    return np.stack([ahead, right, up], axis=1) @ axes[:3, :3].T + axes[:3, 3]


def _from_above(quads: np.ndarray, pose: Pose, places: np.ndarray) -> np.ndarray:
    """Return for places whether a quadrilateral lies there, (N,) bool; heights do not count."""
    middle = np.array([pose.x_m, pose.y_m])
    cells = round(2 * _MAX_DISTANCE_M / _CELL_M)
    plan = np.zeros((cells, cells), np.uint8)
    near = np.abs(quads[:, 0, :2] - middle).max(axis=1, initial=0.0) < _MAX_DISTANCE_M
    near &= np.abs(quads[:, 0, 2] - pose.z_m) < _LEVEL_M  # not what a bridge carries
    corners = (quads[near, :, :2] - middle + _MAX_DISTANCE_M) / _CELL_M - 0.5
    for quad in np.round(corners * 2**_SUBPIXEL_BITS).astype(np.int32):
        cv2.fillConvexPoly(plan, quad, 1, cv2.LINE_8, _SUBPIXEL_BITS)
    seen = np.floor((places[:, :2] - middle + _MAX_DISTANCE_M) / _CELL_M).astype(int)
    inside = ((seen >= 0) & (seen < cells)).all(axis=1)
    found = np.zeros(len(places), bool)
    found[inside] = plan[seen[inside, 1], seen[inside, 0]] > 0
    return found


def _half_width_m(marking: Any) -> float:
    """Return how far from its middle paint may lie, or 0 where there is none."""
    kind = str(marking.type).rpartition('.')[2]
    if kind in _UNPAINTED:
        return 0.0
    return marking.width / 2 + (_DOUBLE_M if kind in _DOUBLE else 0.0) + _MARGIN_M


def _drawn(quads: np.ndarray, camera: CameraMount, pose: Pose) -> np.ndarray:
    """Return an (H, W) uint8 picture, 1 where a quadrilateral is seen."""
    picture = np.zeros((camera.height, camera.width), np.uint8)
    place = np.array([pose.x_m, pose.y_m, pose.z_m])
    near = np.linalg.norm(quads[:, 0] - place, axis=1) < _MAX_DISTANCE_M if len(quads) else []
    inverse = np.linalg.inv(pose.matrix)
    seen = quads[near] @ inverse[:3, :3].T + inverse[:3, 3]  # (N, 4, 3) in the camera's axes
    for quad in seen[(seen[:, :, 0] > _NEAR_M).any(axis=1)]:
        points = _project(_clipped(quad), camera)
        cv2.fillConvexPoly(picture, points, 1, cv2.LINE_8, _SUBPIXEL_BITS)
    return picture


def _clipped(quad: np.ndarray) -> np.ndarray:
    """Return the part of a polygon before the camera, (N, 3); x is the distance along its axis."""
    if quad[:, 0].min() > _NEAR_M:
        return quad
    corners = []
    for here, after in zip(quad, np.roll(quad, -1, axis=0), strict=True):
        if here[0] > _NEAR_M:
            corners.append(here)
        if (here[0] > _NEAR_M) != (after[0] > _NEAR_M):
            share = (_NEAR_M - here[0]) / (after[0] - here[0])
            corners.append(here + share * (after - here))
    return np.array(corners)


def _project(points: np.ndarray, camera: CameraMount) -> np.ndarray:
    """Return pixel places in fixed point, (N, 2) int32."""
    scale = camera.focal_px / points[:, 0]
    # Pixel 0 reaches from 0 to 1: its middle, which OpenCV calls 0, lies at 0.5.
    columns = camera.width / 2 - 0.5 + points[:, 1] * scale
    rows = camera.height / 2 - 0.5 - points[:, 2] * scale
    limit = math.ldexp(1.0, 24 - _SUBPIXEL_BITS)
    places = np.clip(np.stack([columns, rows], axis=1), -limit, limit)
    return np.round(places * 2**_SUBPIXEL_BITS).astype(np.int32)
