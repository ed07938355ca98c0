"""The world's actors as the renderer sees them."""

from carla_lite.materials import Material
from carla_lite.mesh import box_corners, Layer, Mesh, quads
from carla_lite.render.renderer import Instant
from carla_lite.world.actors import Actor
from carla_lite.world.world import World


def movers_of(world: World) -> Instant:
    """Return the instant that all cameras of a tick see."""
    meshes = tuple(
        _mesh(actor)
        for actor in world.actors.values()
        if actor.kind.startswith(('vehicle.', 'walker.', 'static.'))
    )
    return Instant(world.weather, meshes, (), world.frame, world.time_s)


def _mesh(actor: Actor) -> Mesh:
    centre, half = actor.box
    corners = box_corners([2 * value for value in half], centre)
    mesh = quads(corners, actor.tags[0], Material.LACQUER, Layer.OBJECT, anchor=[0.0, 0.0, 0.0])
    return mesh.moved(actor.pose, actor.id & 0xFFFF)
