"""What a tick's snapshot of the world and the cameras' deliveries say together."""

from typing import Any

from seg_node.carla.config import CameraMount
from seg_node.carla.errors import CarlaError
from seg_node.carla.pose import Pose
from seg_node.carla.sensors import DEPTH, Picture, RGB, stream_name, TRUTH
from seg_node.carla.shot import Shot
from seg_node.frame import Frame


def stamp_ns_of(snapshot: Any) -> int:
    """Return the simulation time of a ``carla.WorldSnapshot``."""
    return round(snapshot.timestamp.elapsed_seconds * 1e9)


def motion_of(snapshot: Any, actor_id: int) -> tuple[Pose, float]:
    """
    Return an actor's pose and its speed in m/s.

    :raises CarlaError: when the actor is not there any more.
    """
    state = snapshot.find(actor_id)
    if state is None:
        raise CarlaError(
            'the car is gone: another client destroyed it or loaded another town; start again'
        )
    return Pose.of(state.get_transform()), state.get_velocity().length()


def shot_of(
    snapshot: Any,
    ego_id: int,
    cameras: tuple[CameraMount, ...],
    deliveries: dict[str, Picture],
) -> Shot:
    """
    Put a shot together.

    :param deliveries: of all streams, for the snapshot's frame.
    :raises CarlaError: when the car is not there any more.
    """
    stamp_ns = stamp_ns_of(snapshot)
    ego_pose, speed_mps = motion_of(snapshot, ego_id)
    shot = Shot(snapshot.frame, stamp_ns, {}, {}, {}, {}, ego_pose, speed_mps)
    for camera in cameras:
        name = camera.name
        picture, shot.camera_poses[name] = deliveries[stream_name(name, RGB)]
        shot.pictures[name] = Frame(picture, 'bgra', stamp_ns, name)
        if camera.truth:
            shot.tags[name] = deliveries[stream_name(name, TRUTH)][0]
        if camera.depth:
            shot.depths_m[name] = deliveries[stream_name(name, DEPTH)][0]
    return shot
