"""
Lane masks from a real camera.

    ros2 launch seg_node camera_lane.launch.py image:=/camera/image_raw

The camera driver is yours: any node that publishes sensor_msgs/Image or CompressedImage.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

ARGUMENTS = {
    'image': ('/camera/image_raw', 'Image topic of the camera'),
    'image_transport': ('raw', 'raw for sensor_msgs/Image, compressed for CompressedImage'),
    'max_age_s': ('0.5', 'Refuse frames older than this; 0 for never'),
}


def generate_launch_description() -> LaunchDescription:
    """Start the node, and RViz when asked to."""
    launch_folder = Path(get_package_share_directory('seg_node'), 'launch')
    forwarded = {name: LaunchConfiguration(name) for name in ARGUMENTS}
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, (default, text) in ARGUMENTS.items()
            ),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(launch_folder / 'seg_node.launch.py')),
                launch_arguments=forwarded.items(),
            ),
        ]
    )
