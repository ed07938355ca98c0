"""Where the camera is, as transforms of ROS: metres, x forward, y to the left, z up (REP 103)."""

from typing import Any

from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
import numpy as np
from seg_node.carla.pose import Pose
from std_msgs.msg import Header

#: CARLA's y points right, that of ROS left.
_MIRROR = np.diag([1.0, -1.0, 1.0])
#: Columns: the axes of an optical frame (right, down, forward) in the camera body's own.
_OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def optical_frame_id(role: str, camera: str) -> str:
    """Return the frame of a camera's pictures: z forward, x right, y down."""
    return f'{role}/{camera}_optical'


def transform_message(
    parent: str, child: str, pose: Pose, stamp: Any, *, optical: bool = False
) -> TransformStamped:
    """
    Make the transform of one frame in another.

    :param pose: of the child in the parent, as CARLA has it.
    :param stamp: ``builtin_interfaces/Time``.
    :param optical: whether the child is the optical frame of what has the pose.
    """
    turn = _MIRROR @ pose.matrix[:3, :3] @ _MIRROR
    x, y, z, w = quaternion_of(turn @ _OPTICAL if optical else turn)
    return TransformStamped(
        header=Header(stamp=stamp, frame_id=parent),
        child_frame_id=child,
        transform=Transform(
            translation=Vector3(x=pose.x_m, y=-pose.y_m, z=pose.z_m),
            rotation=Quaternion(x=x, y=y, z=z, w=w),
        ),
    )


def quaternion_of(turn: np.ndarray) -> tuple[float, float, float, float]:
    """
    Return x, y, z, w of a rotation, w not negative.

    :param turn: (3, 3) float64, orthonormal.
    """
    # The eigenvector of the greatest eigenvalue of this matrix: well-behaved for every rotation.
    (a, b, c), (d, e, f), (g, h, i) = turn
    scores = np.array(
        [
            [a - e - i, 0.0, 0.0, 0.0],
            [d + b, e - a - i, 0.0, 0.0],
            [g + c, h + f, i - a - e, 0.0],
            [h - f, c - g, d - b, a + e + i],
        ]
    )
    values, vectors = np.linalg.eigh(scores)  # reads the lower half only
    x, y, z, w = vectors[:, np.argmax(values)]
    sign = -1.0 if w < 0 else 1.0
    return sign * float(x), sign * float(y), sign * float(z), sign * float(w)
