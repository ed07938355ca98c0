"""Calls about maps and what stands on them for good."""

from typing import Any

from carla_lite.protocol.records import pose_record
from carla_lite.server.registry import endpoint
from carla_lite.server.simulation import Simulation
from carla_lite.towns import TOWN_NAMES

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
    """Return nothing: walkers find their ways without a mesh."""
    return b''


@endpoint('get_environment_objects', 'get_all_level_BBs', 'get_names_of_all_objects')
def get_environment_objects(_simulation: Simulation, _label: int = 255) -> list[Any]:
    """Return no objects: what stands in a town cannot be told apart by clients."""
    return []


@endpoint('enable_environment_objects', 'load_map_layer', 'unload_map_layer', 'draw_debug_shape')
def do_nothing(_simulation: Simulation, *_arguments: Any) -> None:
    """Accept what changes nothing here."""
