"""
A camera in CARLA (or carla_lite) as ROS topics, with the ground truth beside it.

``ros2 run seg_node carla_camera`` drives a car and publishes /carla/ROLE/CAMERA/image (bgra8),
/camera_info, /labels (mono8: 0 background, 1 lane marking, 2 road, 255 unlabelled) and /clock, all
with simulation time.
"""

import argparse
from collections.abc import Sequence
import sys
import threading
from typing import TYPE_CHECKING

from seg_node.carla.camera_drive import CameraDrive
from seg_node.carla.camera_status import CameraStatus
from seg_node.carla.errors import CarlaError, NoServerError, ServerLostError
from seg_node.carla.library import carla_library
from seg_node.carla.schedule import Schedule
from seg_node.carla.weather import weather_parameters
from seg_node.dds_profile import use_large_images_profile
from seg_node.errors import SegNodeError
from seg_node.memory import keep_freed_memory
from seg_node.node_process import run_until_stopped

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until it is told to stop; return the exit status."""
    own = list(sys.argv[1:] if arguments is None else arguments)
    return run_until_stopped(lambda stop: _run(own, stop))


def _run(arguments: list[str], stop: threading.Event) -> int:
    try:
        import rclpy
        from rclpy.exceptions import InvalidTopicNameException, ParameterException
        from rclpy.signals import SignalHandlerOptions
        from rclpy.utilities import remove_ros_args
        from seg_node.carla.camera_parameters import describe
        from seg_node.carla.camera_publisher import CameraNode
    except ImportError as error:
        raise SegNodeError(
            f'ROS 2 is not there ({error}): source its setup.bash, or run make setup'
        ) from error
    use_large_images_profile()
    keep_freed_memory()
    status = CameraStatus()
    try:
        _parse(remove_ros_args([sys.argv[0], *arguments])[1:], describe())
        carla = carla_library()
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
        node = CameraNode(status, lambda weather: weather_parameters(carla, weather))
    except (RuntimeError, ParameterException, InvalidTopicNameException) as error:
        rclpy.try_shutdown()
        raise SegNodeError(f'{str(error).splitlines()[0]}: see --help') from error
    try:
        return _work(node, status, stop)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _work(node: 'CameraNode', status: CameraStatus, stop: threading.Event) -> int:
    """Drive until ``stop`` is set; return the exit status."""
    from seg_node.spinning import spinning

    drive = _drive_of(node, status)
    with spinning(node, on_failure=stop.set) as failures:
        node.get_logger().info(f'publishing on {node.image_topic}')
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


def _parse(arguments: list[str], parameters: str) -> None:
    """Answer --help, and refuse what is no ROS argument."""
    parser = argparse.ArgumentParser(
        prog='carla_camera',
        description=f'{__doc__}\nparameters (-p NAME:=VALUE after --ros-args):\n{parameters}',
        epilog=_EPILOG,
        usage='carla_camera [-h] [--ros-args [-p NAME:=VALUE] ...]',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)


if __name__ == '__main__':
    sys.exit(main())
