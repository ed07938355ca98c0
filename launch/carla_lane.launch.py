"""
Lane masks from CARLA, or from carla_lite, the small simulator that needs no GPU.

    ros2 launch seg_node carla_lane.launch.py rviz:=true
    ros2 launch seg_node carla_lane.launch.py simulator:=carla town:=Town03 weather:=HardRainNoon
    ros2 launch seg_node carla_lane.launch.py simulator:=none role:=hero camera:=rgb

lite starts carla_lite and a camera in it; carla puts the camera into the CARLA that runs at
host:port; none starts neither and takes the topics of CARLA's own ROS 2 or of the ros-bridge.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.substitutions import ExecutableInPackage
from seg_node.dds_profile import profile_environment
import yaml

_SHARE = Path(get_package_share_directory('seg_node'))
_UNCHANGED = 'empty for what params_file says'

ARGUMENTS = {
    'simulator': ('lite', 'lite (started here), carla (runs already) or none (its topics do)'),
    'image': ('', 'Image topic to segment; empty for /carla/ROLE/CAMERA/image'),
    'params_file': (str(_SHARE / 'config' / 'carla.yaml'), 'YAML file of parameters'),
    'record': ('', 'Folder to record images, truth and masks into, as a bag; empty for none'),
}
#: Arguments that are parameters of carla_camera; given ones overrule the file.
CAMERA_ARGUMENTS = {
    'host': ('127.0.0.1', 'Host of the simulator'),
    'port': ('2000', 'Port of the simulator'),
    'town': ('', 'Town to load; empty for the one that is there'),
    'weather': ('', 'Preset such as HardRainNoon; empty for the one that is there'),
    'town_schedule': ('', 'Towns in turn, as NAME:FRAMES,NAME:FRAMES'),
    'weather_schedule': ('', 'Weathers in turn, as NAME:FRAMES,NAME:FRAMES'),
    'role': ('hero', 'role_name of the car, part of the topics'),
    'camera': ('front', 'Name of the camera, part of the topics'),
    'width': ('', f'Of the picture, pixels; {_UNCHANGED}'),
    'height': ('', f'Of the picture, pixels; {_UNCHANGED}'),
    'fov_deg': ('', f'Horizontal field of view; {_UNCHANGED}'),
    'x_m': ('', f'Camera before the middle of the car; {_UNCHANGED}'),
    'z_m': ('', f'Camera above the ground; {_UNCHANGED}'),
    'pitch_deg': ('', f'Camera looks up; {_UNCHANGED}'),
    'rate_hz': ('', f'Pictures a simulated second; {_UNCHANGED}'),
    'autopilot': ('', f'waypoints, traffic_manager or none; {_UNCHANGED}'),
    'speed_mps': ('', f'Wanted by the waypoint follower; {_UNCHANGED}'),
    'drives_clock': ('', f'false follows the ticks of another client; {_UNCHANGED}'),
    'lane_marks_only': ('', f'Drop crosswalks and words from the truth; {_UNCHANGED}'),
    'frames': ('', f'End after so many pictures, 0 for never; {_UNCHANGED}'),
    'seed': ('0', 'Of the town (carla_lite), the spawn point and the turns'),
}
#: Never to be read as a number or a truth value.
_TEXTS = {
    'host',
    'town',
    'weather',
    'town_schedule',
    'weather_schedule',
    'role',
    'camera',
    'autopilot',
}
_SIMULATORS = ('lite', 'carla', 'none')


def _start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Start what was asked for; when any of it ends, all ends."""
    names = (*ARGUMENTS, *CAMERA_ARGUMENTS)
    value = {name: LaunchConfiguration(name).perform(context) for name in names}
    if value['simulator'] not in _SIMULATORS:
        raise RuntimeError(
            f'simulator:={value["simulator"]} is unknown: use {", ".join(_SIMULATORS)}'
        )
    base = f'/carla/{value["role"]}/{value["camera"]}'
    image = value['image'] or f'{base}/image'
    started: list[LaunchDescriptionEntity] = [_segmentation(image, value)]
    needed = {'lite': [_carla_lite, _camera], 'carla': [_camera], 'none': []}
    processes = [make(value) for make in needed[value['simulator']]]
    if value['record']:
        processes.append(_recorder(value['record'], image, base))
    for process in processes:
        ended = OnProcessExit(target_action=process, on_exit=_stop_all)
        started += [process, RegisterEventHandler(ended)]
    return started


def _carla_lite(value: dict[str, str]) -> ExecuteProcess:
    command = [
        ExecutableInPackage('carla_lite', 'seg_node'),
        *('--host', value['host'], '--port', value['port'], '--seed', value['seed']),
    ]
    if value['town']:  # begin with it: loading another one takes longer
        command += ['--town', value['town']]
    return ExecuteProcess(cmd=command, output='screen', name='carla_lite')


def _camera(value: dict[str, str]) -> Node:
    parameters = {
        name: value[name] if name in _TEXTS else yaml.safe_load(value[name])
        for name in CAMERA_ARGUMENTS
        if value[name]
    }
    return Node(
        package='seg_node',
        executable='carla_camera',
        name='carla_camera',
        output='screen',
        additional_env=profile_environment(),
        parameters=[value['params_file'], parameters],
    )


def _segmentation(image: str, value: dict[str, str]) -> IncludeLaunchDescription:
    """Include the node itself; its other arguments pass by their names."""
    return IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(_SHARE / 'launch' / 'seg_node.launch.py')),
        launch_arguments={
            'image': image,
            'params_file': value['params_file'],
            'use_sim_time': 'true',
        }.items(),
    )


def _recorder(folder: str, image: str, base: str) -> ExecuteProcess:
    topics = [
        *(image, f'{base}/camera_info', f'{base}/labels'),
        *('/seg_node/mask', '/clock', '/tf', '/tf_static', '/diagnostics'),
    ]
    return ExecuteProcess(
        cmd=['ros2', 'bag', 'record', '--output', folder, *topics],
        output='screen',
        name='record',
        additional_env=profile_environment(),
    )


def _stop_all(event: ProcessExited, context: LaunchContext) -> list[EmitEvent]:
    """End the launch with one of its processes, unless it is ending already."""
    if context.is_shutdown:
        return []
    return [EmitEvent(event=Shutdown(reason=f'{event.process_name} ended'))]


def generate_launch_description() -> LaunchDescription:
    """Start simulator, camera and segmentation, and RViz and a recording when asked to."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in {**ARGUMENTS, **CAMERA_ARGUMENTS}.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=_start)])
