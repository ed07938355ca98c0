"""An actor's part of the world's state."""

from carla_lite.protocol import messages
from carla_lite.world.actors import Actor
from carla_lite.world.world import World


def state_of(world: World, actor: Actor) -> bytes:
    """Return the 119 bytes of an actor."""
    return messages.actor_state(
        actor.id, actor.pose, actor.velocity, actor.angular_velocity, actor.acceleration, b''
    )
