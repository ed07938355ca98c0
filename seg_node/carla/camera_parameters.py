"""The parameters of ``carla_camera``, and the rig that they describe."""

from dataclasses import dataclass
import re

from rclpy.node import Node
from seg_node import parameter_fields
from seg_node.carla.config import AUTOPILOTS, CameraMount, RigConfig
from seg_node.carla.errors import CarlaError
from seg_node.carla.pose import Pose
from seg_node.parameter_fields import parameter

_METRES = (-100.0, 100.0)
_DEGREES = (-180.0, 180.0)


@dataclass(frozen=True)
class CameraParameters:
    """Everything that can be set on ``carla_camera``; docs/carla.md lists the same."""

    host: str = parameter('127.0.0.1', 'Host of the simulator', fixed=True)
    port: int = parameter(2000, 'TCP port of the simulator', bounds=(1, 65535), fixed=True)
    timeout_s: float = parameter(
        20.0, 'Wait so long for an answer of the simulator', bounds=(0.1, 600.0), fixed=True
    )
    retry_s: float = parameter(
        30.0,
        'Try for so long to reach a simulator, at start and when it is lost; 0 gives up at once',
        bounds=(0.0, 86400.0),
        fixed=True,
    )
    town: str = parameter('', 'Town to load; empty for the one that is there', fixed=True)
    weather: str = parameter('', 'Preset such as HardRainNoon; empty leaves it as it is')
    town_schedule: str = parameter('', 'Towns in turn, as NAME:FRAMES,NAME:FRAMES', fixed=True)
    weather_schedule: str = parameter(
        '', 'Weathers in turn, as NAME:FRAMES,NAME:FRAMES', fixed=True
    )
    role: str = parameter('hero', 'role_name of the car; spawned when there is none', fixed=True)
    vehicle: str = parameter(
        'vehicle.tesla.model3', 'Blueprint of the car where it is spawned', fixed=True
    )
    spawn_point: int = parameter(
        -1, 'Where the car is spawned; -1 for a random one', bounds=(-1, 100_000), fixed=True
    )
    autopilot: str = parameter('waypoints', 'Who drives the car', choices=AUTOPILOTS, fixed=True)
    speed_mps: float = parameter(
        10.0, 'Wanted by the waypoint follower', bounds=(0.0, 60.0), fixed=True
    )
    camera: str = parameter('front', 'Name of the camera, part of its topics', fixed=True)
    width: int = parameter(800, 'Of the picture, pixels', bounds=(16, 8192), fixed=True)
    height: int = parameter(450, 'Of the picture, pixels', bounds=(16, 8192), fixed=True)
    fov_deg: float = parameter(90.0, 'Horizontal field of view', bounds=(1.0, 179.0), fixed=True)
    x_m: float = parameter(1.5, 'Camera before the middle of the car', bounds=_METRES, fixed=True)
    y_m: float = parameter(0.0, 'Camera to the right of it', bounds=_METRES, fixed=True)
    z_m: float = parameter(1.6, 'Camera above the ground', bounds=_METRES, fixed=True)
    pitch_deg: float = parameter(0.0, 'Camera looks up', bounds=_DEGREES, fixed=True)
    yaw_deg: float = parameter(0.0, 'Camera looks to the right', bounds=_DEGREES, fixed=True)
    roll_deg: float = parameter(0.0, 'Camera leans to the right', bounds=_DEGREES, fixed=True)
    rate_hz: float = parameter(
        20.0, 'Pictures a simulated second', bounds=(4.0, 1000.0), fixed=True
    )
    realtime: bool = parameter(
        True, 'Let the simulation not run faster than the time of day', fixed=True
    )
    drives_clock: bool = parameter(
        True,
        'Tick the simulator (synchronous mode); false follows the ticks of another',
        fixed=True,
    )
    labels: bool = parameter(True, 'Publish the ground truth as label ids', fixed=True)
    lane_marks_only: bool = parameter(
        False, "Drop crosswalks, words and kerbs from the truth's lane markings", fixed=True
    )
    seed: int = parameter(0, 'Of spawn point and turns', bounds=(0, 2**31 - 1), fixed=True)
    frames: int = parameter(
        0, 'End after so many pictures; 0 for never', bounds=(0, 2**31 - 1), fixed=True
    )
    wait_for_subscribers_s: float = parameter(
        0.0,
        'Wait for somebody who subscribes to the pictures, then drive anyway; 0 does not wait',
        bounds=(0.0, 3600.0),
        fixed=True,
    )
    diagnostics_period_s: float = parameter(
        1.0, 'Seconds between two messages on /diagnostics', bounds=(0.05, 60.0), fixed=True
    )


def declare(node: Node) -> CameraParameters:
    """
    Declare and read the parameters.

    :raises ParameterError: for a value that cannot be.
    """
    parameter_fields.declare(node, CameraParameters)
    return parameter_fields.read(node, CameraParameters)


def describe() -> str:
    """Return one line for each parameter: name, default, what it is."""
    return parameter_fields.describe(CameraParameters)


def rig_config(values: CameraParameters) -> RigConfig:
    """
    Return the rig that the parameters describe.

    :raises CarlaError: for values that do not fit together.
    """
    if not re.fullmatch('[a-z_][a-z0-9_]*', values.role, re.IGNORECASE):
        raise CarlaError(
            f"role '{values.role}' cannot be part of a topic: use letters, digits and _"
        )
    pose = Pose(
        values.x_m, values.y_m, values.z_m, values.pitch_deg, values.yaw_deg, values.roll_deg
    )
    camera = CameraMount(
        values.camera,
        values.width,
        values.height,
        values.fov_deg,
        pose,
        truth=values.labels,
        depth=values.labels and values.lane_marks_only,
    )
    return RigConfig(
        host=values.host,
        port=values.port,
        timeout_s=values.timeout_s,
        town=values.town,
        weather=values.weather,
        role=values.role,
        vehicle=values.vehicle,
        spawn_point=values.spawn_point,
        cameras=(camera,),
        rate_hz=values.rate_hz,
        seed=values.seed,
        autopilot=values.autopilot,  # type: ignore[arg-type]
        speed_mps=values.speed_mps,
        drives_clock=values.drives_clock,
    )
