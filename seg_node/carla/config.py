"""What a rig is made of: the server, the car, its cameras."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import math
import re
from typing import Literal

from seg_node.carla.errors import CarlaError
from seg_node.carla.pose import Pose

Autopilot = Literal['none', 'waypoints', 'traffic_manager']
AUTOPILOTS: tuple[str, ...] = ('none', 'waypoints', 'traffic_manager')
#: CARLA's physics takes at most 16 steps of at most 1/60 s in one tick.
_MIN_RATE_HZ, _MAX_RATE_HZ = 4.0, 1000.0


@dataclass(frozen=True)
class CameraMount:
    """A camera on the car: an RGB picture, and its truth from the very same pose."""

    name: str = 'front'
    width: int = 800
    height: int = 450
    fov_deg: float = 90.0  # horizontal
    #: Relative to the car's origin, which lies on the ground below its middle.
    pose: Pose = field(default_factory=lambda: Pose(x_m=1.5, z_m=1.6))
    truth: bool = True  # a semantic camera at the same pose
    depth: bool = False  # a depth camera too
    #: Further attributes of the RGB camera's blueprint, such as ``motion_blur_intensity``.
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch('[a-z_][a-z0-9_]*', self.name, re.IGNORECASE):
            raise CarlaError(
                f"camera name '{self.name}' cannot be part of a topic: use letters, digits and _"
            )
        if not (1 <= self.width <= 8192 and 1 <= self.height <= 8192):
            raise CarlaError(
                f'camera {self.name}: {self.width}x{self.height} is no size: use 1 to 8192 pixels'
            )
        if not 0 < self.fov_deg < 180:
            raise CarlaError(
                f'camera {self.name}: fov_deg {self.fov_deg:g} is no field of view: use 1 to 179'
            )

    @property
    def focal_px(self) -> float:
        """Focal length in pixels; pixels are square and the centre is the picture's."""
        return self.width / (2 * math.tan(math.radians(self.fov_deg) / 2))


@dataclass(frozen=True)
class RigConfig:
    """Everything :func:`seg_node.carla.rig.open_rig` needs to know."""

    host: str = '127.0.0.1'
    port: int = 2000
    timeout_s: float = 20.0  # for any answer of the server; loading a town gets longer
    town: str = ''  # empty for the one that is loaded
    weather: str | Mapping[str, float] = ''  # preset, or parameters; empty leaves it as it is
    role: str = 'hero'  # an actor with this role_name is taken; else a car is spawned
    vehicle: str = 'vehicle.tesla.model3'  # blueprint, patterns such as vehicle.* too
    spawn_point: int = -1  # index; -1 for a random free one
    cameras: tuple[CameraMount, ...] = (CameraMount(),)
    rate_hz: float = 20.0  # ticks, and so pictures, a simulated second
    seed: int = 0  # of spawn point, turns at junctions, traffic manager
    autopilot: Autopilot = 'waypoints'
    speed_mps: float = 10.0  # wanted by the waypoint follower
    traffic_manager_port: int = 8000
    #: Whether this rig makes time go on (synchronous mode); False waits for another's ticks.
    drives_clock: bool = True
    picture_timeout_s: float = 5.0  # after a tick; pictures that come later count as lost

    def __post_init__(self) -> None:
        if self.autopilot not in AUTOPILOTS:
            raise CarlaError(
                f"autopilot '{self.autopilot}' is unknown: use {', '.join(AUTOPILOTS)}"
            )
        if not _MIN_RATE_HZ <= self.rate_hz <= _MAX_RATE_HZ:
            raise CarlaError(
                f'rate_hz {self.rate_hz:g} is out of range: use {_MIN_RATE_HZ:g} to '
                f"{_MAX_RATE_HZ:g} (CARLA's physics cannot take longer steps)"
            )
        if not self.timeout_s > 0:
            raise CarlaError(f'timeout_s {self.timeout_s:g} is no time: use more than 0')
        if not 0 < self.port < 65536:
            raise CarlaError(f'port {self.port} is no port: use 1 to 65535 (CARLA has 2000)')
        names = [camera.name for camera in self.cameras]
        if len(set(names)) < len(names):
            raise CarlaError(f'two cameras have one name ({", ".join(names)}): give each its own')

    @property
    def step_s(self) -> float:
        """Simulated seconds from one tick to the next."""
        return 1.0 / self.rate_hz
