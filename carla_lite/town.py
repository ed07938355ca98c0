"""What a town is to the simulation and to the renderer, whoever built it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from carla_lite.mesh import Mesh
from carla_lite.pose import Pose
import numpy as np


@dataclass(frozen=True)
class TrafficLight:
    """
    A signal head that the world switches.

    :param signal_id: of the OpenDRIVE ``<signal>``.
    :param pose: of the pole's foot; the head looks along its +x.
    :param junction: OpenDRIVE id.
    :param group: lights of one junction and group are green together; groups take turns.
    :param stop: middle of the stop line on the lane it governs.
    """

    signal_id: str
    pose: Pose
    junction: int
    group: int
    stop: Pose


@dataclass(frozen=True)
class Town:
    """
    A world without its actors.

    :param name: such as ``LiteLoop``.
    :param opendrive: the map's text, which clients get.
    :param spawn_points: on driving lanes, along the traffic, 0.3 m over the ground.
    :param surface: roads, paint, kerbs, sidewalks, terrain, in CARLA's world.
    :param scenery: buildings, trees, poles, parked vehicles and the like.
    :param lamps: (n, 3) float32 places of street lamps' bulbs, metres.
    :param height_at: gives the ground's z of an x, y, metres; a third argument is the z of who
        asks, who stands on a bridge's deck rather than under it where that is high enough.
    :param lane_paths: centre lines of driving lanes, each (n, 4) float32: x, y, z, yaw in degrees.
    :param scale: 1.0, or 0.1 for a track of 1/10-scale robots.
    """

    name: str
    seed: int
    opendrive: str
    spawn_points: tuple[Pose, ...]
    surface: Mesh
    scenery: Mesh
    lamps: np.ndarray
    height_at: Callable[..., float]
    lane_paths: tuple[np.ndarray, ...]
    traffic_lights: tuple[TrafficLight, ...] = ()
    crosswalks: tuple[np.ndarray, ...] = field(default=())  # each (4, 3) float32 corners
    scale: float = 1.0
