"""What changes from tick to tick."""

from dataclasses import dataclass

from carla_lite.mesh import Mesh
from carla_lite.pose import Pose
from carla_lite.weather import Weather


@dataclass(frozen=True)
class Instant:
    """
    One tick's world, as far as it is seen.

    :param movers: meshes of vehicles, walkers and switched lamps, in the world.
    :param headlights: poses of vehicles whose lamps burn.
    :param frame: number of the tick; noise and rain are drawn from it.
    """

    weather: Weather
    movers: tuple[Mesh, ...] = ()
    headlights: tuple[Pose, ...] = ()
    frame: int = 0
    time_s: float = 0.0
