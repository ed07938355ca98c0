"""
The segmentation node by itself, with RViz on demand; the other launch files include this one.

    ros2 launch seg_node seg_node.launch.py image:=/camera/image_raw rviz:=true
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from seg_node.dds_profile import profile_environment
import yaml

_SHARE = Path(get_package_share_directory('seg_node'))
_UNCHANGED = 'empty for what params_file says'

ARGUMENTS = {
    'image': ('image', 'Image topic to segment'),
    'params_file': (str(_SHARE / 'config' / 'seg_node.yaml'), 'YAML file of parameters'),
    'image_transport': ('', f'raw or compressed (CompressedImage); {_UNCHANGED}'),
    'bundle': ('', f'Folder of the model bundle; {_UNCHANGED}'),
    'adapter': ('', f'Adapter of the bundle; {_UNCHANGED}'),
    'engine': ('', f'auto, onnxruntime, openvino, torch or tensorrt; {_UNCHANGED}'),
    'precision': ('', f'auto, fp32, bf16 or int8; {_UNCHANGED}'),
    'max_age_s': ('', f'Refuse frames older than this; {_UNCHANGED}'),
    'autostart': ('', f'Whether the node configures and activates itself; {_UNCHANGED}'),
    'use_sim_time': ('false', 'Take the time from /clock (simulators, bags with --clock)'),
    'rviz': ('false', 'Show image, overlay and confidence in RViz'),
}
#: Arguments that are parameters of the node; given ones overrule the file.
_PARAMETERS = (
    'image_transport',
    'bundle',
    'adapter',
    'engine',
    'precision',
    'max_age_s',
    'autostart',
    'use_sim_time',
)


def _nodes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Make the node with the parameters that were given; when it ends, all ends."""
    given = {name: LaunchConfiguration(name).perform(context) for name in _PARAMETERS}
    texts = {'bundle', 'adapter'}  # never to be read as a number or a truth value
    parameters = {
        name: value if name in texts else yaml.safe_load(value)
        for name, value in given.items()
        if value
    }
    node = LifecycleNode(
        package='seg_node',
        executable='seg_node',
        name='seg_node',
        namespace='',
        output='screen',
        additional_env=profile_environment(),
        parameters=[LaunchConfiguration('params_file').perform(context), parameters],
        remappings=[('image', LaunchConfiguration('image'))],
    )
    return [node, RegisterEventHandler(OnProcessExit(target_action=node, on_exit=_stop_all))]


def _stop_all(event: ProcessExited, context: LaunchContext) -> list[EmitEvent]:
    """End the launch with its node, unless it is ending already (a second end is an error)."""
    return [] if context.is_shutdown else [EmitEvent(event=Shutdown(reason='seg_node ended'))]


def generate_launch_description() -> LaunchDescription:
    """Start the node and, when asked to, RViz."""
    rviz = Node(
        package='rviz2',
        executable='rviz2',
        arguments=['-d', str(_SHARE / 'config' / 'lane.rviz')],
        remappings=[('image', LaunchConfiguration('image'))],
        additional_env=profile_environment(),
        condition=IfCondition(LaunchConfiguration('rviz')),
    )
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=_nodes), rviz])
