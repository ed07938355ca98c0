"""Calls about traffic lights, and about the traffic managers that run in clients."""

from typing import Any

from carla_lite.protocol.records import box_record
from carla_lite.server.registry import endpoint
from carla_lite.server.simulation import Simulation


def _signal(simulation: Simulation, actor_id: int) -> str:
    return simulation.world.lights.signal(simulation.world.actor(actor_id))


@endpoint('set_traffic_light_state')
def set_traffic_light_state(simulation: Simulation, actor_id: int, state: int) -> None:
    """Switch a light; it stays so until its group's next turn."""
    simulation.world.lights.cycle.set_state(_signal(simulation, actor_id), state)


@endpoint('set_traffic_light_green_time')
def set_traffic_light_green_time(simulation: Simulation, actor_id: int, time_s: float) -> None:
    """Set how long a light's group is green."""
    simulation.world.lights.cycle.set_times(_signal(simulation, actor_id), green_s=time_s)


@endpoint('set_traffic_light_yellow_time')
def set_traffic_light_yellow_time(simulation: Simulation, actor_id: int, time_s: float) -> None:
    """Set how long a light's group is yellow."""
    simulation.world.lights.cycle.set_times(_signal(simulation, actor_id), yellow_s=time_s)


@endpoint('set_traffic_light_red_time')
def set_traffic_light_red_time(simulation: Simulation, actor_id: int, time_s: float) -> None:
    """Set how long all wait before the next group's turn."""
    simulation.world.lights.cycle.set_times(_signal(simulation, actor_id), red_s=time_s)


@endpoint('freeze_all_traffic_lights')
def freeze_all_traffic_lights(simulation: Simulation, frozen: bool) -> None:
    """Stop all lights as they are, or let them go on; clients ask so for single ones, too."""
    simulation.world.lights.cycle.freeze(bool(frozen))


@endpoint('reset_all_traffic_lights')
def reset_all_traffic_lights(simulation: Simulation) -> None:
    """Begin all cycles again."""
    simulation.world.lights.cycle.reset()


@endpoint('get_light_boxes')
def get_light_boxes(simulation: Simulation, actor_id: int) -> list[Any]:
    """Return the box of a light's head, in the world."""
    _signal(simulation, actor_id)
    pose = simulation.world.actor(actor_id).pose
    return [box_record((pose.x, pose.y, pose.z + 2.9), (0.1, 0.17, 0.5), actor_id)]


@endpoint('get_group_traffic_lights')
def get_group_traffic_lights(simulation: Simulation, actor_id: int) -> list[int]:
    """Return all lights of the same junction."""
    return simulation.world.lights.group(simulation.world.actor(actor_id))


@endpoint('is_traffic_manager_running')
def is_traffic_manager_running(simulation: Simulation, port: int) -> bool:
    """Return whether a client has a traffic manager at a port."""
    return port in simulation.managers


@endpoint('get_traffic_manager_running')
def get_traffic_manager_running(simulation: Simulation, port: int) -> list[Any]:
    """Return where the traffic manager of a port is."""
    return [simulation.managers.get(port, ''), port]


@endpoint('add_traffic_manager_running')
def add_traffic_manager_running(simulation: Simulation, address: list[Any]) -> bool:
    """Note a traffic manager; false when its port has one already."""
    host, port = address
    if port in simulation.managers:
        return False
    simulation.managers[int(port)] = str(host)
    return True


@endpoint('destroy_traffic_manager')
def destroy_traffic_manager(simulation: Simulation, port: int) -> bool:
    """Forget a traffic manager."""
    return simulation.managers.pop(port, None) is not None
