"""What a killed collection leaves on a server: its car, its cameras, a world without ticks."""

import logging
import time
from typing import Any

from seg_node.carla.connection import asking
from training.collection.errors import CollectError

#: Role name of the vehicle that carries the cameras; nobody else's.
ROLE = 'collector'
#: Whoever drives a synchronous world lets it go on several times within this.
_WATCH_S, _LOOK_S = 2.0, 0.02
_log = logging.getLogger(__name__)


def remove_leftovers(client: Any, timeout_s: float) -> int:
    """
    Put a server in order after a collection that could not do so itself.

    :param client: ``carla.Client``.
    :return: how many actors were removed.
    :raises CollectError: when another client drives this server just now.
    """
    with asking('looking for what an earlier collection left'):
        world = client.get_world()
        settings = world.get_settings()
        if settings.synchronous_mode:
            _refuse_driven(world)
            world.tick(timeout_s)  # who joins a synchronous world sees no actors before
        actors = world.get_actors()
        cars = {actor.id for actor in actors if actor.attributes.get('role_name') == ROLE}
        if not cars:
            return 0
        theirs = [
            actor
            for actor in actors
            if actor.id in cars or (actor.parent is not None and actor.parent.id in cars)
        ]
        for actor in sorted(theirs, key=lambda actor: actor.id, reverse=True):
            actor.destroy()
        if settings.synchronous_mode:
            settings.synchronous_mode, settings.fixed_delta_seconds = False, None
            world.apply_settings(settings)
    _log.warning('an earlier collection was killed: its %d actors are removed', len(theirs))
    return len(theirs)


def _refuse_driven(world: Any) -> None:
    """Leave a world alone whose frames advance: its cars belong to somebody who is there."""
    end_s, seen = time.monotonic() + _WATCH_S, set[int]()
    while time.monotonic() < end_s:
        seen.add(world.get_snapshot().frame)
        if len(seen - {0}) > 1:  # the first may be the state that was found, 0 is none yet
            raise CollectError(
                'another client drives this simulator (its world is synchronous and goes on): '
                'wait for that to end, or start another server and name its --port'
            )
        time.sleep(_LOOK_S)
