"""Lane segmentation for ROS 2: what runs on the robot. Importing it costs nothing."""

__version__ = '0.1.0'
