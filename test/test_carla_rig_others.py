"""The rig beside other clients that tick, change modes and weathers, or hang."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
import signal
import threading
import time
from typing import Any

from carla_server import carla_server, CarlaServer
import pytest
from seg_node.carla.actors import MadeActors
from seg_node.carla.config import CameraMount, RigConfig
from seg_node.carla.errors import CarlaError, NoServerError, NoTicksError
from seg_node.carla.greeting import greet
from seg_node.carla.rig import open_rig

carla = pytest.importorskip('carla', reason='the carla client is not installed')


@pytest.fixture(scope='module')
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarlaServer]:
    """Yield a simulator for all tests, which leave it in LiteLoop and asynchronous."""
    with carla_server(tmp_path_factory.mktemp('server'), '--town', 'LiteLoop') as running:
        yield running


def config_for(server: CarlaServer, **changes: Any) -> RigConfig:
    cameras = (CameraMount('front', 64, 48),)
    defaults: dict[str, Any] = {'cameras': cameras, 'timeout_s': 10.0, 'autopilot': 'none'}
    return RigConfig(port=server.port, **(defaults | changes))


def set_mode(world, synchronous: bool) -> None:
    settings = world.get_settings()
    settings.synchronous_mode = synchronous
    settings.fixed_delta_seconds = 0.05 if synchronous else None
    world.apply_settings(settings)


@contextmanager
def another_client(server: CarlaServer, period_s: float) -> Iterator[Callable[[bool], None]]:
    """Yield what changes the mode of a world that a further thread ticks; it ends as it began."""
    world, stop = server.client().get_world(), threading.Event()
    synchronous = threading.Event()

    def tick() -> None:
        while not stop.wait(period_s):
            if synchronous.is_set():
                world.tick()

    def change(wanted: bool) -> None:
        set_mode(server.client().get_world(), wanted)
        synchronous.set() if wanted else synchronous.clear()

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        yield change
    finally:
        stop.set()
        thread.join()
        set_mode(world, False)


@pytest.mark.parametrize('found', [False, True])
def test_who_follows_leaves_the_settings_to_others(server: CarlaServer, found: bool) -> None:
    world = server.client().get_world()
    with another_client(server, 0.05) as change:
        change(found)
        with open_rig(config_for(server, drives_clock=False)) as rig:
            next(rig.shots())
            change(not found)
        assert world.get_settings().synchronous_mode is not found


def test_who_joins_between_two_ticks_finds_the_car(server: CarlaServer) -> None:
    world = server.client().get_world()
    blueprint = world.get_blueprint_library().filter('vehicle.*')[0]
    blueprint.set_attribute('role_name', 'hero')
    car = world.spawn_actor(blueprint, world.get_map().get_spawn_points()[1])
    try:
        with another_client(server, 0.5) as change:
            change(True)
            with open_rig(config_for(server, drives_clock=False)) as rig:
                assert rig.ego.id == car.id
                frames = [shot.frame_number for shot in islice(rig.shots(), 3)]
        assert frames == sorted(set(frames))
    finally:
        car.destroy()


def test_that_nobody_ticks_is_told(server: CarlaServer) -> None:
    world = server.client().get_world()
    set_mode(world, True)
    try:
        told = pytest.raises(NoTicksError, match=r'nobody ticks .* within 3 s.*drives_clock')
        begin_s = time.monotonic()
        with told, open_rig(config_for(server, drives_clock=False, timeout_s=3.0)):
            pass
        assert time.monotonic() - begin_s < 9, 'and it is told soon after these'
    finally:
        set_mode(world, False)


def test_a_stop_is_noticed_while_nobody_ticks(server: CarlaServer) -> None:
    """Who is told to end and does not is killed, and leaves its car and cameras behind."""
    world = server.client().get_world()
    set_mode(world, True)
    stop = threading.Event()
    timer = threading.Timer(1.0, stop.set)
    timer.start()
    begin_s = time.monotonic()
    try:
        config = config_for(server, drives_clock=False, timeout_s=60.0)
        with pytest.raises(NoTicksError, match='told to end'), open_rig(config, stop):
            pass
    finally:
        set_mode(world, False)
    assert time.monotonic() - begin_s < 20


def test_a_town_is_entered_with_the_weather_that_was(server: CarlaServer) -> None:
    weather = carla.WeatherParameters(sun_altitude_angle=33.0, precipitation=12.0)
    server.client().get_world().set_weather(weather)
    with open_rig(config_for(server, town='LiteTown')) as rig:
        rig.tick()
        assert rig.world.get_weather().sun_altitude_angle == 33.0
    with open_rig(config_for(server, town='LiteLoop', weather='ClearSunset')) as rig:
        rig.tick()
        assert rig.world.get_weather().sun_altitude_angle == 15.0
    left = server.client().get_world().get_weather()
    assert (left.sun_altitude_angle, left.precipitation) == (33.0, 12.0)


def test_what_cannot_be_destroyed_does_not_keep_the_rest(server: CarlaServer) -> None:
    """The server hangs for the first of two cars."""
    client = server.client()
    world, made = client.get_world(), MadeActors(carla)
    blueprint = world.get_blueprint_library().filter('vehicle.*')[0]
    cars = [made.spawn(world, blueprint, world.get_map().get_spawn_points()[i]) for i in (0, 2)]
    world.wait_for_tick()
    client.set_timeout(1.0)
    wake = threading.Timer(3.0, server.process.send_signal, [signal.SIGCONT])

    def hang_once() -> None:
        greet(server.host, server.port, 10.0)
        if wake.ident is None:
            server.process.send_signal(signal.SIGSTOP)
            wake.start()
        else:
            client.set_timeout(10.0)  # awake again, it has to catch up

    with pytest.raises(CarlaError, match=f'destroying actor {cars[1].id}') as told:
        made.destroy(hang_once)
    wake.join()
    assert f'actor {cars[0].id}' not in str(told.value)
    snapshots = [world.wait_for_tick() for _ in range(5)]  # some are older than the destroying
    assert not any(snapshots[-1].has_actor(car.id) for car in cars)


def test_a_server_that_has_gone_is_not_waited_for(tmp_path: Path) -> None:
    with carla_server(tmp_path) as server:
        world, made = server.client(5.0).get_world(), MadeActors(carla)
        blueprint = world.get_blueprint_library().filter('vehicle.*')[0]
        for place in world.get_map().get_spawn_points()[:2]:
            assert made.spawn(world, blueprint, place)
        server.process.kill()
        server.process.wait()
        began_s = time.monotonic()
        with pytest.raises(NoServerError):
            made.destroy(lambda: greet(server.host, server.port, 5.0))
        assert time.monotonic() - began_s < 4.0
