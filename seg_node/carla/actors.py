"""The actors of a rig: found or made, and destroyed if they were made."""

from collections.abc import Callable
import logging
import random
import time
from typing import Any
import weakref

from seg_node.carla.config import RigConfig
from seg_node.carla.connection import asking
from seg_node.carla.errors import CarlaError
from seg_node.carla.stopping import undisturbed

_log = logging.getLogger(__name__)

#: The library needs some milliseconds to let go of a receiver.
_LET_GO_S = 1.0
_HANG_UP_S = 0.2


class MadeActors:
    """Remembers what was spawned; nothing else is ever destroyed."""

    def __init__(self, carla: Any) -> None:
        """
        Begin with none.

        :param carla: the client library.
        """
        self._carla = carla
        self._made: list[Any] = []
        self._receivers: list[weakref.ref] = []

    def spawn(self, world: Any, blueprint: Any, transform: Any, parent: Any = None) -> Any:
        """Return a new actor, or None where something is in its way."""
        # A signal between the spawning and the remembering would leave an actor behind.
        with undisturbed():
            actor = world.try_spawn_actor(blueprint, transform, parent)
            if actor is not None:
                self._made.append(actor)
        return actor

    def forget(self) -> None:
        """Forget all: they went with their world."""
        self._made.clear()

    def listen(self, sensor: Any, receive: Callable[[Any], None]) -> None:
        """
        Let a sensor deliver.

        :param receive: gets each ``carla.SensorData``, on a thread of the client library.
        """
        self._receivers.append(weakref.ref(receive))
        sensor.listen(receive)

    def stop_listening(self) -> None:
        """
        Hang up all sensors; this needs no server, and lost ones would try to connect again.

        The library lets go of the receivers on threads of its own, which want Python's lock for
        it; if Python ends meanwhile, the process is aborted. So that is waited for. A little more
        is waited for the sockets, which its threads close: a town that is loaded meanwhile made
        the library close one twice, and abort the process (on a very busy machine in one of
        three runs; one of eight with the wait).
        """
        listening = [
            actor
            for actor in self._made
            if isinstance(actor, self._carla.Sensor) and actor.is_listening()
        ]
        for actor in listening:
            actor.stop()
        end_s = time.monotonic() + _LET_GO_S
        while any(receiver() for receiver in self._receivers) and time.monotonic() < end_s:
            time.sleep(0.005)
        self._receivers.clear()
        if listening:
            time.sleep(_HANG_UP_S)

    def destroy(self, check_server: Callable[[], None]) -> None:
        """
        Destroy all that was spawned, the last one first.

        :param check_server: called before each; raises ConnectError when the server has gone.
        :raises ConnectError: at once, when it does.
        :raises CarlaError: at the end, when some could not be destroyed.
        """
        self.stop_listening()
        made, self._made = self._made[::-1], []
        failures: list[str] = []
        for actor in made:
            check_server()  # each would wait for its time to be over
            try:
                with asking(f'destroying actor {actor.id}'):
                    if not actor.destroy():  # the client tells no more than that
                        _check_gone(actor)
            except CarlaError as error:
                failures.append(str(error))
        if failures:
            raise CarlaError('; '.join(failures))


def _check_gone(actor: Any) -> None:
    if actor.is_alive:
        raise CarlaError(f'destroying actor {actor.id} failed: it may still be there')
    _log.info('actor %d was gone already', actor.id)


def find_or_spawn_ego(
    carla: Any, world: Any, made: MadeActors, config: RigConfig, chance: random.Random
) -> Any:
    """
    Return the actor with the role's name, or a new one.

    :param chance: chooses the spawn point where none is asked for.
    :raises CarlaError: when several have the role, or nothing can be spawned.
    """
    with asking('looking for the car'):
        found = [
            actor
            for actor in world.get_actors().filter('vehicle.*')
            if actor.attributes.get('role_name') == config.role
        ]
    if len(found) > 1:
        numbers = ', '.join(str(actor.id) for actor in found)
        raise CarlaError(
            f"{len(found)} actors have the role '{config.role}' ({numbers}): "
            'destroy all but one, or name another role'
        )
    if found:
        _log.info("found the car with the role '%s': actor %d", config.role, found[0].id)
        return found[0]
    with asking('spawning the car'):
        return _spawn_ego(carla, world, made, config, chance)


def _spawn_ego(
    carla: Any, world: Any, made: MadeActors, config: RigConfig, chance: random.Random
) -> Any:
    blueprint = blueprint_of(world, config.vehicle)
    for name in ('role_name', 'ros_name'):  # without ros_name CARLA's own topics get two slashes
        if blueprint.has_attribute(name):
            blueprint.set_attribute(name, config.role)
    places = spawn_places(world, config.spawn_point, chance)
    for place in places:
        actor = made.spawn(world, blueprint, place)
        if actor is not None:
            return actor
    raise CarlaError(
        f'all of the {len(places)} spawn points tried are taken: remove vehicles, or name another '
        'spawn_point'
    )


def spawn_places(world: Any, index: int, chance: random.Random) -> list[Any]:
    """
    Return the ``carla.Transform`` to try in turn.

    :param index: of the only one, or -1 for all in random order.
    :raises CarlaError: when there is none of that index.
    """
    places = list(world.get_map().get_spawn_points())
    if not places:
        raise CarlaError('this town has no spawn points: load another town')
    if index >= len(places):
        raise CarlaError(f'there is no spawn point {index}: use 0 to {len(places) - 1}, or -1')
    if index >= 0:
        return [places[index]]
    chance.shuffle(places)
    return places


def blueprint_of(world: Any, pattern: str) -> Any:
    """
    Return the first blueprint that matches.

    :param pattern: an id, or a pattern such as ``vehicle.*``.
    :raises CarlaError: when none does.
    """
    library = world.get_blueprint_library()
    matching = sorted(library.filter(pattern), key=lambda blueprint: blueprint.id)
    if matching:
        return matching[0]
    kind = pattern.partition('.')[0]
    known = sorted(blueprint.id for blueprint in library.filter(f'{kind}.*'))
    raise CarlaError(
        f"the server has no blueprint '{pattern}': use one of {', '.join(known[:8]) or 'none'}"
    )
