"""Calls about the connection, the episode, its settings, time and weather."""

from typing import Any

from carla_lite.protocol.records import settings_of, settings_record, weather_of, weather_record
from carla_lite.protocol.tokens import pack_token
from carla_lite.server.registry import endpoint
from carla_lite.server.simulation import Simulation

VERSION = '0.9.16'  # of the client that is spoken to


@endpoint('version')
def version(_simulation: Simulation) -> str:
    """Return the version of CARLA that this server stands in for."""
    return VERSION


@endpoint('get_episode_info')
def get_episode_info(simulation: Simulation) -> list[Any]:
    """Return the episode and its stream."""
    token = pack_token(simulation.world_stream, simulation.streams.port)
    return [simulation.world.episode_id, [token]]


@endpoint('get_sensor_token', unlocked=True)
def get_sensor_token(simulation: Simulation, stream_id: int) -> list[Any]:
    """Return where a stream can be had; the client connects in a moment."""
    simulation.refuse_unless_open(stream_id)
    simulation.streams.expect(stream_id)
    return [pack_token(stream_id, simulation.streams.port)]


@endpoint('get_episode_settings')
def get_episode_settings(simulation: Simulation) -> list[Any]:
    """Return how time passes."""
    return settings_record(simulation.world.settings)


@endpoint('set_episode_settings')
def set_episode_settings(simulation: Simulation, record: list[Any]) -> int:
    """Change how time passes; returns the frame from which on it does."""
    return simulation.set_settings(settings_of(record))


@endpoint('tick_cue', unlocked=True)
def tick_cue(simulation: Simulation) -> int:
    """Let one step pass; returns its frame."""
    return simulation.tick()


@endpoint('load_new_episode', unlocked=True)
def load_new_episode(
    simulation: Simulation, name: str, reset_settings: bool = True, _layers: int = 0
) -> None:
    """Begin a new episode, of the same town when the name is empty."""
    simulation.load(name.rpartition('/')[2], reset_settings)


@endpoint('get_weather_parameters')
def get_weather_parameters(simulation: Simulation) -> list[float]:
    """Return the weather."""
    return weather_record(simulation.world.weather)


@endpoint('set_weather_parameters')
def set_weather_parameters(simulation: Simulation, record: list[float]) -> None:
    """Change the weather."""
    simulation.world.weather = weather_of(record)


@endpoint('get_required_files')
def get_required_files(_simulation: Simulation, _folder: str = '', _download: bool = True) -> list:
    """Return that there is nothing to download."""
    return []


@endpoint('query_lights_state')
def query_lights_state(_simulation: Simulation, _client: str = '') -> list[Any]:
    """Return the lamps that clients may switch: none."""
    return []


@endpoint('update_lights_state')
def update_lights_state(_simulation: Simulation, *_arguments: Any) -> None:
    """Do nothing: there are no lamps to switch."""
