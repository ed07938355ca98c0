"""What a killed collection leaves on a server: its car, its cameras, a world without ticks."""

import logging
from typing import Any

from seg_node.carla.connection import asking

#: Role name of the vehicle that carries the cameras; nobody else's.
ROLE = 'collector'
_log = logging.getLogger(__name__)


def remove_leftovers(client: Any, timeout_s: float) -> int:
    """
    Put a server in order after a collection that could not do so itself.

    :param client: ``carla.Client``.
    :return: how many actors were removed.
    """
    with asking('looking for what an earlier collection left'):
        world = client.get_world()
        settings = world.get_settings()
        if settings.synchronous_mode:
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
