"""
A camera in CARLA (or carla_lite) as ROS topics, with the ground truth beside it.

``ros2 run seg_node carla_camera`` drives a car and publishes /carla/ROLE/CAMERA/image (bgra8),
/camera_info, /labels (mono8: 0 background, 1 lane marking, 2 road, 255 unlabelled) and /clock, all
with simulation time.
"""

from collections.abc import Callable, Sequence
import sys
import threading
from typing import TYPE_CHECKING

from seg_node.carla.camera_drive import CameraDrive
from seg_node.carla.camera_status import CameraStatus
from seg_node.carla.errors import CarlaError, NoServerError, ServerLostError
from seg_node.carla.library import carla_library
from seg_node.carla.schedule import Schedule
from seg_node.carla.weather import weather_parameters
from seg_node.node_process import CommandLine, ros_node, run_until_stopped

if TYPE_CHECKING:
    from seg_node.carla.camera_publisher import CameraNode

_EPILOG = """\
examples:
  ros2 run seg_node carla_lite &
  ros2 run seg_node carla_camera --ros-args -p weather_schedule:=ClearNoon:200,HardRainNight:200
  ros2 run seg_node carla_camera --ros-args -p town:=Town10HD -p autopilot:=traffic_manager
  ros2 param set /carla_camera weather WetSunset

exit status: 0 after a signal or all frames, 1 when the simulator cannot be reached or is lost for
longer than retry_s, 2 for bad usage
"""
_COMMAND_LINE = CommandLine(
    name='carla_camera',
    description=__doc__,
    usage='[-h] [--ros-args [-p NAME:=VALUE] ...]',
    epilog=_EPILOG,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until it is told to stop; return the exit status."""
    own = list(sys.argv[1:] if arguments is None else arguments)
    return run_until_stopped(lambda stop: _run(own, stop))


def _run(arguments: list[str], stop: threading.Event) -> int:
    status = CameraStatus()
    with ros_node(arguments, _COMMAND_LINE, lambda: _load(status)) as node:
        return _work(node, status, stop)


def _load(status: CameraStatus) -> tuple[Callable[[], 'CameraNode'], Callable[[], str]]:
    from seg_node.carla.camera_parameters import describe
    from seg_node.carla.camera_publisher import CameraNode

    def make() -> CameraNode:
        carla = carla_library()
        return CameraNode(status, lambda weather: weather_parameters(carla, weather))

    return make, describe


def _work(node: 'CameraNode', status: CameraStatus, stop: threading.Event) -> int:
    """Drive until ``stop`` is set; return the exit status."""
    from seg_node.spinning import spinning

    drive = _drive_of(node, status)
    with spinning(node, on_failure=stop.set) as failures:
        node.get_logger().info(f'publishing on {node.image_topic}')
        node.wait_for_subscribers(stop)
        try:
            drive.run(stop)
            node.wait_until_arrived()
        except (NoServerError, ServerLostError) as error:
            node.get_logger().error(str(error))
            return 1
    return 1 if failures else 0


def _drive_of(node: 'CameraNode', status: CameraStatus) -> CameraDrive:
    """
    Return the drive that the node's parameters ask for.

    :raises CarlaError: for parameters that cannot be.
    """
    values = node.values
    weathers = Schedule.parse(values.weather_schedule, 'weather_schedule')
    for weather in filter(None, (*weathers.names, values.weather)):
        weather_parameters(carla_library(), weather)
    if weathers.entries and values.weather:
        raise CarlaError('weather and weather_schedule are both given: leave one of them out')
    towns = Schedule.parse(values.town_schedule, 'town_schedule')
    if towns.entries and values.town:
        raise CarlaError('town and town_schedule are both given: leave one of them out')
    return CameraDrive(
        node.rig_config,
        node,
        status,
        towns=towns,
        weathers=weathers,
        retry_s=values.retry_s,
        realtime=values.realtime,
        marks_only=values.lane_marks_only,
        frames=values.frames,
    )


if __name__ == '__main__':
    sys.exit(main())
