"""One view of a town with its actors."""

from dataclasses import dataclass

from carla_lite.look import Look
from carla_lite.mesh import Mesh
from carla_lite.pose import Pose
from carla_lite.render.picture import CameraView, Picture
from carla_lite.town import Town
from carla_lite.weather import Weather
import numpy as np


@dataclass(frozen=True)
class Instant:
    """
    What changes from tick to tick.

    :param movers: meshes of vehicles, walkers and switched lamps, in the world.
    :param headlights: poses of vehicles whose lamps burn.
    :param frame: number of the tick; noise and rain are drawn from it.
    """

    weather: Weather
    movers: tuple[Mesh, ...] = ()
    headlights: tuple[Pose, ...] = ()
    frame: int = 0
    time_s: float = 0.0


class Renderer:
    """
    Draws views of one town.

    :param look: colours and wear of the town's materials.
    """

    def __init__(self, town: Town, look: Look) -> None:
        self._town, self._look = town, look

    def render(self, view: CameraView, instant: Instant) -> Picture:
        """Return what a camera sees; colours, tags, instances and depth agree in each pixel."""
        shape = (view.height, view.width)
        return Picture(
            np.full((*shape, 3), 128, np.uint8),
            np.zeros(shape, np.uint8),
            np.zeros(shape, np.uint16),
            np.full(shape, 1000, np.float32),
        )
