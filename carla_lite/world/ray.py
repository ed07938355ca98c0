"""Where a ray meets the ground of a town."""

import math

from carla_lite.tags import Tag
from carla_lite.town import Town
import numpy as np

_STEP_M = 0.5
_HALVINGS = 12
_MAX_STEPS = 2000
_LANE_HALF_M = 2.0


def ray_to_ground(
    town: Town, start: np.ndarray, direction: np.ndarray, reach_m: float
) -> np.ndarray | None:
    """
    Return (3,) metres of the first place on the ground that a ray meets.

    :param start: (3,) metres; ``direction``: (3,) of any length.
    """
    length = float(np.linalg.norm(direction))
    if length == 0.0 or not math.isfinite(reach_m):
        return None
    way = direction / length

    def height(along_m: float) -> float:
        x, y, z = start + along_m * way
        return float(z - town.height_at(x, y, z))

    step_m = max(_STEP_M, reach_m / _MAX_STEPS)
    above_m = 0.0
    if height(above_m) < 0.0:
        return None
    while above_m < reach_m:
        below_m = min(above_m + step_m, reach_m)
        if height(below_m) <= 0.0:
            for _ in range(_HALVINGS):
                middle_m = (above_m + below_m) / 2.0
                if height(middle_m) > 0.0:
                    above_m = middle_m
                else:
                    below_m = middle_m
            return np.asarray(start + below_m * way)
        above_m = below_m
    return None


def tag_of_ground(town: Town, place: np.ndarray) -> Tag:
    """Return road near the middle of a driving lane, terrain elsewhere."""
    for path in town.lane_paths:
        flat = path[:, :2] - place[:2]
        if float(np.min(np.einsum('nk,nk->n', flat, flat))) < (_LANE_HALF_M * town.scale) ** 2:
            return Tag.ROADS
    return Tag.TERRAIN
