"""
Lane masks from a recording: a bag, a video or a folder of images.

    ros2 launch seg_node replay_lane.launch.py input:=drive.mcap rviz:=true
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.launch_context import LaunchContext
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.substitutions import ExecutableInPackage
from seg_node.dds_profile import profile_environment

ARGUMENTS = {
    'input': ('', 'Bag, video or folder of images to play (required)'),
    'rate': ('0', 'Frames a second; 0 for as recorded'),
    'loop': ('false', 'Start again at the end'),
    'bag_topic': ('', 'Which image topic of a bag; needed where it has several'),
    'image': ('/camera/image', 'Topic to play on'),
}


def _replay(context: LaunchContext) -> list[ExecuteProcess]:
    """Make the command line of the replay."""
    value = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    if not value['input']:
        raise RuntimeError('input:= is missing: name a bag, a video or a folder of images')
    command = [
        ExecutableInPackage('replay', 'seg_node'),
        value['input'],
        '--topic',
        value['image'],
    ]
    if float(value['rate']) > 0:
        command += ['--rate', value['rate']]
    if value['loop'] == 'true':
        command += ['--loop']
    if value['bag_topic']:
        command += ['--bag-topic', value['bag_topic']]
    return [
        ExecuteProcess(
            cmd=command, output='screen', name='replay', additional_env=profile_environment()
        )
    ]


def generate_launch_description() -> LaunchDescription:
    """Start the node and the replay."""
    launch_folder = Path(get_package_share_directory('seg_node'), 'launch')
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, (default, text) in ARGUMENTS.items()
            ),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(launch_folder / 'seg_node.launch.py')),
                launch_arguments={'image': LaunchConfiguration('image')}.items(),
            ),
            OpaqueFunction(function=_replay),
        ]
    )
