"""carla_lite: images a second through the streams alone, and with drawing, to the real client."""

import argparse
from collections.abc import Iterator
import contextlib
import queue
import selectors
import signal
import subprocess
import sys
import time
from typing import Any

from bench import ROOT
from bench.errors import BenchError
from bench.numbers import above_zero
from bench.results import Table

_START_TIMEOUT_S = 60.0
_WARM_UP_TICKS = 10
_STEP_S = 0.05
#: The cheapest to draw, and the dearest: wet ground, streaks of rain, headlights.
_WEATHERS = ('ClearNoon', 'HardRainNight')

#: Serves like ``python -m carla_lite``, but all cameras send one picture that was drawn before.
_STILL_SERVER = """
import sys
import numpy as np
from carla_lite.render.picture import Picture
from carla_lite.server import command_line

class StillRenderer:
    def __init__(self, *_):
        self.pictures = {}
    def render(self, view, *_):
        shape = view.height, view.width
        if shape not in self.pictures:
            colours = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
            labels = np.zeros(shape, np.uint8)
            depth = np.ones(shape, np.float32)
            self.pictures[shape] = Picture(colours, labels, labels.astype(np.uint16), depth)
        return self.pictures[shape]

command_line.Renderer = StillRenderer
sys.exit(command_line.main(sys.argv[1:]))
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's options."""
    parser.add_argument('--seconds', type=above_zero, default=5.0, help='for each part (5)')
    parser.add_argument('--town', default='LiteTown', help='to drive in (LiteTown)')


def run(options: argparse.Namespace) -> dict[str, Any]:
    """
    Measure both parts.

    :raises BenchError: when the client is missing or the server does not start.
    """
    still = [sys.executable, '-c', _STILL_SERVER]
    real = [sys.executable, '-m', 'carla_lite', '--town', options.town]
    with _serving(still) as port:
        transport = _measure(port, {'rgb': (800, 600)}, options.seconds)
    kinds = {'rgb': (640, 360), 'semantic_segmentation': (640, 360)}
    with _serving(real) as port:
        drawing = {
            weather: _measure(port, kinds, options.seconds, weather) for weather in _WEATHERS
        }
    return {'transport': transport, 'drawing': drawing}


def tables(data: dict[str, Any]) -> list[Table]:
    """Return the figures as tables."""
    rows = [
        ['transport, RGB 800x600', *_cells(data['transport'])],
        *(
            [
                f'drawn, RGB + semantic 640x360, {data["settings"]["town"]}, {weather}',
                *_cells(part),
            ]
            for weather, part in data['drawing'].items()
        ),
    ]
    return [Table('carla_lite to the official client', ['', 'ticks/s', 'images/s'], rows)]


def _cells(part: dict[str, float]) -> list[str]:
    return [f'{part["ticks_per_s"]:.0f}', f'{part["images_per_s"]:.0f}']


@contextlib.contextmanager
def _serving(command: list[str]) -> Iterator[int]:
    """Yield the port of a server that runs meanwhile."""
    process = subprocess.Popen(
        [*command, '--port', '0'], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            line = process.stdout.readline() if selector.select(_START_TIMEOUT_S) else ''
        if ' ready on ' not in line:
            raise BenchError('carla_lite did not start: run python -m carla_lite to see why')
        yield int(line.rpartition(':')[2])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        process.stdout.close()


def _measure(
    port: int, kinds: dict[str, tuple[int, int]], seconds: float, weather: str = 'ClearNoon'
) -> dict[str, float]:
    """Tick as fast as all images of each tick arrive."""
    import carla

    client = carla.Client('127.0.0.1', port)
    client.set_timeout(20.0)
    world = client.get_world()
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, _STEP_S
    world.apply_settings(settings)
    world.set_weather(getattr(carla.WeatherParameters, weather))
    library, pose = world.get_blueprint_library(), world.get_map().get_spawn_points()[0]
    pose.location.z += 1.5
    cameras, queues = [], []
    for kind, (width, height) in kinds.items():
        blueprint = library.find(f'sensor.camera.{kind}')
        blueprint.set_attribute('image_size_x', str(width))
        blueprint.set_attribute('image_size_y', str(height))
        cameras.append(world.spawn_actor(blueprint, pose))
        queues.append(queue.Queue[Any]())
        cameras[-1].listen(queues[-1].put)
    for _ in range(_WARM_UP_TICKS):
        _tick(world, queues)
    start_s, count = time.perf_counter(), 0
    while (took_s := time.perf_counter() - start_s) < seconds:
        _tick(world, queues)
        count += 1
    for camera in cameras:
        camera.destroy()
    return {'ticks_per_s': count / took_s, 'images_per_s': count * len(kinds) / took_s}


def _tick(world: Any, queues: list[queue.Queue[Any]]) -> None:
    world.tick()
    for images in queues:
        images.get(timeout=20.0)
