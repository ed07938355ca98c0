"""How a body rests on the ground: height, pitch and roll from under its wheels."""

from collections.abc import Callable
import math

from carla_lite.pose import Pose

HeightAt = Callable[[float, float], float]


def resting(pose: Pose, wheelbase_m: float, track_m: float, height_at: HeightAt) -> Pose:
    """
    Return the pose on the ground with the same x, y and yaw.

    :param track_m: between left and right wheels, 0 on two wheels.
    """
    yaw = math.radians(pose.yaw)
    ahead_x, ahead_y = math.cos(yaw) * wheelbase_m / 2, math.sin(yaw) * wheelbase_m / 2
    side_x, side_y = -math.sin(yaw) * track_m / 2, math.cos(yaw) * track_m / 2
    if track_m == 0.0:
        front = height_at(pose.x + ahead_x, pose.y + ahead_y)
        rear = height_at(pose.x - ahead_x, pose.y - ahead_y)
        pitch = math.degrees(math.atan2(front - rear, wheelbase_m))
        return Pose(pose.x, pose.y, (front + rear) / 2, pitch, pose.yaw, 0.0)
    front_left, front_right, rear_left, rear_right = (
        height_at(pose.x + a * ahead_x + b * side_x, pose.y + a * ahead_y + b * side_y)
        for a, b in ((1, -1), (1, 1), (-1, -1), (-1, 1))
    )
    rise = (front_left + front_right - rear_left - rear_right) / 2
    lean = (front_left + rear_left - front_right - rear_right) / 2
    return Pose(
        pose.x,
        pose.y,
        (front_left + front_right + rear_left + rear_right) / 4,
        math.degrees(math.atan2(rise, wheelbase_m)),
        pose.yaw,
        math.degrees(math.atan2(lean, track_m)),
    )
