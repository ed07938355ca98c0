"""What all roads of a town need to know before they are built."""

from carla_lite.materials import Material
from carla_lite.roads.network import Network
from carla_lite.surfaces.bands import Level
from carla_lite.surfaces.footprint import Plane
from carla_lite.surfaces.signs_on_road import turns_of
from carla_lite.surfaces.style import Style
import numpy as np


class Plan:
    """
    What all roads of a town need to know.

    ``outlined``: numbers of junctions whose outline holds all asphalt; ``planes``: where each
    junction lies; ``anchors``: that of all its asphalt and paint.
    """

    def __init__(self, network: Network, style: Style) -> None:
        self.style = style
        self.outlined = {
            junction.number
            for junction in network.junctions
            if len(junction.outline) and junction.corners
        }
        self.turns = turns_of(network)
        self.paving = (Material.ASPHALT, (style.asphalt_tint,) * 3)
        if network.setting == 'hall':
            self.paving = (style.track_material, style.track_colour)
        self.lifts = _lifts(network, style)
        self.planes = {
            junction.number: _plane(network, junction.number) for junction in network.junctions
        }
        # One anchor for all of a junction's area: what stands on its far side must come later.
        self.sunk_m = 25.0 * network.scale if _is_hilly(network) else 0.0
        down = np.array([0.0, 0.0, self.sunk_m])
        self.anchors = {number: plane.middle - down for number, plane in self.planes.items()}


def _lifts(network: Network, style: Style) -> dict[Level, float]:
    lift = style.kerb_lift_m * network.scale
    kerbed = network.setting in ('city', 'suburb')
    return {
        'road': 0.0,
        'sidewalk': lift,
        'median': lift,
        'verge': lift if kerbed else 0.0,
    }


def _is_hilly(network: Network) -> bool:
    heights = {cubic.a for road in network.roads for cubic in road.elevation}
    return max(heights, default=0.0) - min(heights, default=0.0) > 0.5 * network.scale


def _plane(network: Network, number: int) -> Plane:
    """Return the plane of a junction: that of the ways through it."""
    ways = [road for road in network.roads if road.junction == number]
    ends = [
        road.points(np.array([0.0, road.length / 2, road.length]), np.zeros(1)) for road in ways
    ]
    return Plane(np.concatenate(ends) if ends else np.zeros((1, 3)))
