"""Calls about maps and what stands on them for good."""

from typing import Any

from carla_lite.protocol.limits import FARTHEST, number_of, vector_of
from carla_lite.protocol.records import pose_record
from carla_lite.server.registry import endpoint
from carla_lite.server.simulation import Simulation
from carla_lite.tags import Tag
from carla_lite.towns import TOWN_NAMES
from carla_lite.world.ray import ray_to_ground, tag_of_ground
from carla_lite.world.refusal import Refused
import numpy as np

_FOLDER = 'Carla/Maps/'


@endpoint('get_available_maps')
def get_available_maps(_simulation: Simulation) -> list[str]:
    """Return what load_world takes."""
    return [f'/Game/{_FOLDER}{name}' for name in TOWN_NAMES]


@endpoint('get_map_info')
def get_map_info(simulation: Simulation) -> list[Any]:
    """Return the map's name and its spawn points."""
    town = simulation.world.town
    return [_FOLDER + town.name, [pose_record(pose) for pose in town.spawn_points]]


@endpoint('get_map_data')
def get_map_data(simulation: Simulation) -> str:
    """Return the map as OpenDRIVE."""
    return simulation.world.town.opendrive


@endpoint('get_navigation_mesh')
def get_navigation_mesh(_simulation: Simulation) -> bytes:
    """Return nothing: walkers go where clients send them, and know no ways of their own."""
    return b''


@endpoint('get_environment_objects', 'get_all_level_BBs', 'get_names_of_all_objects')
def get_environment_objects(_simulation: Simulation, _label: int = 255) -> list[Any]:
    """Return no objects: what stands in a town cannot be told apart by clients."""
    return []


@endpoint('enable_environment_objects', 'load_map_layer', 'unload_map_layer', 'draw_debug_shape')
def do_nothing(_simulation: Simulation, *_arguments: Any) -> None:
    """Accept what changes nothing here."""


@endpoint('project_point')
def project_point(
    simulation: Simulation, start: list[float], direction: list[float], reach_m: float
) -> list[Any]:
    """Return whether and where a ray meets the ground; what stands on it does not stop the ray."""
    town = simulation.world.town
    origin, way = np.array(vector_of(start, FARTHEST)), np.array(vector_of(direction))
    hit = ray_to_ground(town, origin, way, number_of(reach_m))
    if hit is None:
        return [False, [[0.0, 0.0, 0.0], int(Tag.NONE)]]
    return [True, [hit.tolist(), int(tag_of_ground(town, hit))]]


@endpoint('copy_opendrive_to_file')
def copy_opendrive_to_file(_simulation: Simulation, *_arguments: Any) -> None:
    """Refuse, in words: towns come from seeds."""
    raise Refused(
        'carla_lite does not make towns of OpenDRIVE texts, use load_world with one of '
        + ', '.join(TOWN_NAMES)
    )
