"""The world's actors as the renderer sees them."""

from dataclasses import dataclass, replace
from functools import lru_cache
import math
import zlib

from carla_lite.materials import Material
from carla_lite.mesh import box_corners, Layer, Mesh, quads
from carla_lite.pose import Pose
from carla_lite.render.renderer import Instant
from carla_lite.scenery.people import Clothes, walker_mesh
from carla_lite.scenery.signals import traffic_light_mesh
from carla_lite.scenery.vehicles import bonnet_mesh, vehicle_mesh
from carla_lite.tags import Tag
from carla_lite.world import blueprints
from carla_lite.world.actors import Actor
from carla_lite.world.world import World
import numpy as np

POSITION, LOW_BEAM, HIGH_BEAM, BRAKE = 1, 2, 4, 8  # CARLA's flags of a vehicle's lamps
_GREY = (137, 137, 137)
_STRIDE_M = 1.4
_PHASES = 8  # drawn postures of a step
_PROP_COLOURS = {'cone': (40, 90, 235), 'warning': (60, 200, 240), 'barrel': (50, 80, 200)}

Triple = tuple[float, float, float]
Bgr = tuple[int, int, int]


def instant_of(world: World) -> Instant:
    """Return the instant that all cameras of a tick see."""
    meshes = []
    headlights = []
    for actor in world.actors.values():
        if actor.kind.startswith('vehicle.'):
            meshes.append(_vehicle(actor))
            if actor.lights & (LOW_BEAM | HIGH_BEAM):
                headlights.append(actor.pose)
        elif actor.kind.startswith('walker.'):
            meshes.append(_walker(actor, world.time_s))
        elif actor.kind.startswith('static.'):
            meshes.append(_prop(blueprints.kind_of(actor.kind), actor.box).moved(*_at(actor)))
    for light, state in world.lights.poles():
        meshes.append(_light(state).moved(*_at(light)))
    return Instant(
        world.weather, tuple(meshes), tuple(headlights), world.frame, round(world.time_s, 6)
    )


@dataclass(frozen=True)
class Mount:
    """
    What a camera sees otherwise than all others: the vehicle that it is in.

    :param hidden: instance that it does not see; 0 for none.
    :param bonnet: what it sees instead.
    """

    hidden: int = 0
    bonnet: Mesh | None = None

    def seen_by(self, instant: Instant) -> Instant:
        """Return the instant as this camera sees it."""
        if not self.hidden:
            return instant
        movers = [mesh for mesh in instant.movers if self.hidden not in mesh.instance[:1]]
        if self.bonnet is not None:
            movers.append(self.bonnet)
        return replace(instant, movers=tuple(movers))


def mount_of(camera: Actor) -> Mount:
    """
    Return how a camera sees the vehicle that it is on.

    Meshes have two sides. From inside of its own vehicle a camera would see nothing else, so that
    one is left out then, as in CARLA, whose bodies cannot be seen from inside either.
    """
    vehicle = camera.parent
    if vehicle is None or not vehicle.kind.startswith('vehicle.'):
        return Mount()
    number = vehicle.id & 0xFFFF
    if camera.attributes.get('lite_bonnet', 'false').lower() == 'true':
        bonnet = _bonnet(_colour(vehicle), _size(vehicle)).moved(vehicle.pose, number)
        return Mount(number, bonnet)
    return Mount(number) if _is_inside(vehicle, camera.relative) else Mount()


def _is_inside(vehicle: Actor, place: Pose) -> bool:
    centre, half = vehicle.box
    offset = np.abs(place.position() - centre)
    return bool((offset <= half).all())


def _at(actor: Actor) -> tuple[Pose, int]:
    return actor.pose, actor.id & 0xFFFF


def _size(actor: Actor) -> Triple:
    x, y, z = (2.0 * half for half in actor.box[1])
    return x, y, z


def _colour(actor: Actor) -> Bgr:
    """Return the vehicle's colour attribute "r,g,b" as BGR."""
    try:
        red, green, blue = (int(part) & 255 for part in actor.attributes['color'].split(','))
    except (KeyError, ValueError):
        return _GREY
    return blue, green, red


def _vehicle(actor: Actor) -> Mesh:
    lit = bool(actor.lights & (POSITION | LOW_BEAM | HIGH_BEAM))
    braking = actor.body.control.brake > 0.05 or bool(actor.lights & BRAKE)
    kind = blueprints.kind_of(actor.kind)
    return _vehicle_mesh(kind, _size(actor), _colour(actor), lit, braking).moved(*_at(actor))


def _walker(actor: Actor, time_s: float) -> Mesh:
    """Return a person with clothes of his own, in a stride as long as he is fast."""
    height_m = _size(actor)[2]
    speed = math.hypot(actor.velocity[0], actor.velocity[1])
    steps = time_s * speed / (_STRIDE_M * max(height_m, 0.1) / 1.8)
    phase = int(steps * _PHASES) % _PHASES if speed > 0.05 else 0
    feet = actor.pose.then(Pose(z=-height_m / 2))
    return _walker_mesh(actor.kind, height_m, phase).moved(feet, actor.id & 0xFFFF)


@lru_cache(256)
def _vehicle_mesh(kind: str, size: Triple, colour: Bgr, lit: bool, braking: bool) -> Mesh:
    return vehicle_mesh(kind, size, colour, lit, braking)  # type: ignore[arg-type]


@lru_cache(16)
def _bonnet(colour: Bgr, size: Triple) -> Mesh:
    return bonnet_mesh(colour, size)


@lru_cache(512)
def _walker_mesh(name: str, height_m: float, phase: int) -> Mesh:
    random = np.random.default_rng(zlib.crc32(name.encode()))
    coat, trousers = (_bgr(random.integers(20, 220, 3)) for _ in range(2))
    return walker_mesh(height_m, Clothes(coat, trousers), phase / _PHASES)


def _bgr(values: np.ndarray) -> Bgr:
    blue, green, red = (int(value) for value in values)
    return blue, green, red


@lru_cache(8)
def _light(state: int) -> Mesh:
    return traffic_light_mesh(state)


@lru_cache(64)
def _prop(kind: str, box: tuple[Triple, Triple]) -> Mesh:
    centre, half = box
    corners = box_corners([2 * value for value in half], centre)
    colour = _PROP_COLOURS.get(kind, _GREY)
    return quads(
        corners, Tag.STATIC, Material.METAL, Layer.OBJECT, anchor=np.zeros(3), colour=colour
    )
