"""A world to test in: a real server, and the official client connected to it."""

from collections.abc import Iterator
import queue
from typing import Any

from carla_server import carla_server, CarlaServer
import numpy as np
import pytest

STEP_S = 0.05
_KEPT: list[Any] = []  # the client stops sensors that nobody holds
WIDTH, HEIGHT = 96, 64


@pytest.fixture(scope='module')
def town_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarlaServer]:
    folder = tmp_path_factory.mktemp('server')
    with carla_server(folder, '--town', 'LiteTown', '--seed', '3') as started:
        yield started
        assert 'Traceback' not in started.log_text()


@pytest.fixture(scope='module')
def client(town_server: CarlaServer) -> Any:
    """Return the one client: each that goes may end the process, by closing what is closed."""
    return town_server.client()


@pytest.fixture
def world(client: Any) -> Iterator[Any]:
    """Yield a world without actors in synchronous mode."""
    world = client.get_world()
    was = world.get_settings()
    now = world.get_settings()
    now.synchronous_mode, now.fixed_delta_seconds = True, STEP_S
    world.apply_settings(now)
    yield world
    _KEPT.clear()
    world = client.get_world()
    world.tick()  # actors made since the last tick are not in the list
    for actor in world.get_actors():
        if actor.type_id.startswith(('vehicle', 'walker', 'sensor', 'static', 'controller')):
            actor.destroy()
    world.apply_settings(was)
    carla = pytest.importorskip('carla')
    world.set_weather(carla.WeatherParameters.ClearNoon)


def spawn(world: Any, name: str, pose: Any = None, parent: Any = None, **attributes: Any) -> Any:
    blueprint = world.get_blueprint_library().find(name)
    for key, value in attributes.items():
        blueprint.set_attribute(key, str(value))
    carla = pytest.importorskip('carla')
    pose = pose or (carla.Transform() if parent else world.get_map().get_spawn_points()[0])
    actor = world.spawn_actor(blueprint, pose, attach_to=parent)
    _KEPT.append(actor)
    return actor


def camera(world: Any, kind: str, parent: Any = None, pose: Any = None, **more: Any) -> Any:
    """Return a listening camera and the queue of its images."""
    carla = pytest.importorskip('carla')
    pose = pose or carla.Transform(carla.Location(x=1.0, z=1.6), carla.Rotation(pitch=-10.0))
    sizes = {'image_size_x': WIDTH, 'image_size_y': HEIGHT} | more
    actor = spawn(world, f'sensor.camera.{kind}', pose, parent, **sizes)
    images: queue.Queue[Any] = queue.Queue()
    actor.listen(images.put)
    return actor, images


def pixels(image: Any) -> np.ndarray:
    return np.frombuffer(image.raw_data, np.uint8).reshape(image.height, image.width, 4)


def ticks(world: Any, count: int) -> int:
    for _ in range(count):
        frame = world.tick()
    return frame
