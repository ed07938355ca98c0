"""Actors that run into each other."""

from collections.abc import Iterable
from dataclasses import dataclass

from carla_lite.world.actors import Actor, Vector
from carla_lite.world.collision import Box, overlapping, respond


@dataclass(frozen=True)
class Collision:
    """
    One actor's view of it.

    :param impulse: on ``actor``, N s in the world.
    """

    actor: Actor
    other: Actor
    impulse: Vector


def part_overlapping(actors: Iterable[Actor]) -> list[Collision]:
    """Stop actors that run into each other; return each collision from both sides."""
    solid = [actor for actor in actors if actor.is_solid]
    contacts = overlapping([_box(actor) for actor in solid])
    found = []
    impulses = respond([actor.body for actor in solid], contacts)
    for contact, impulse in zip(contacts, impulses, strict=True):
        if impulse.any():
            one, other = solid[contact.i], solid[contact.j]
            x, y, z = (float(value) for value in impulse)
            found.append(Collision(one, other, (x, y, z)))
            found.append(Collision(other, one, (-x, -y, -z)))
    return found


def in_the_way(actor: Actor, others: Iterable[Actor]) -> Actor | None:
    """Return an actor that stands where this one is to be."""
    if not actor.is_solid:
        return None
    solid = [actor, *(other for other in others if other.is_solid)]
    for contact in overlapping([_box(part) for part in solid]):
        if contact.i == 0:
            return solid[contact.j]
    return None


def _box(actor: Actor) -> Box:
    pose = actor.body.pose if actor.body is not None else actor.pose
    return Box(pose, *actor.box)
