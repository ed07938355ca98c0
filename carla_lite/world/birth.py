"""How an actor of each kind comes into being."""

import math
from typing import Any

from carla_lite.pose import Pose
from carla_lite.tags import Tag
from carla_lite.world import blueprints
from carla_lite.world.actors import Actor, Vector
from carla_lite.world.blueprints import Blueprint
from carla_lite.world.geodesy import GeoReference, Gnss
from carla_lite.world.inertia import Inertia
from carla_lite.world.refusal import Refused
from carla_lite.world.vehicle import VehicleBody
from carla_lite.world.walker import WalkerBody

SPECTATOR = Blueprint(0, 'spectator', 'spectator', ())
TRAFFIC_LIGHT = Blueprint(0, 'traffic.traffic_light', 'traffic,traffic_light', ())

_MAX_SIDE_PX = 8192
_NUMBERS = (2, 3)  # kinds of attributes: whole and other numbers

_TAGS = {
    'car': Tag.CAR,
    'van': Tag.CAR,
    'truck': Tag.TRUCK,
    'bus': Tag.BUS,
    'motorcycle': Tag.MOTORCYCLE,
    'bicycle': Tag.BICYCLE,
    'walker': Tag.PEDESTRIANS,
    'traffic_light': Tag.TRAFFIC_LIGHT,
}


def make_actor(
    number: int,
    blueprint: Blueprint,
    attributes: dict[str, str],
    pose: Pose,
    parent: Actor | None = None,
    reference: GeoReference | None = None,
    scale: float = 1.0,
) -> Actor:
    """
    Return a new actor.

    :param pose: in the parent's own coordinates when there is one.
    :param reference: where the map is on Earth, for GNSS receivers.
    :param scale: of a town for small robots: bodies shrink along with it.
    :raises Refused: when an attribute has a value that cannot be.
    """
    _check_attributes(blueprint, attributes)
    name = blueprint.id
    place = parent.pose.then(pose) if parent else pose
    return Actor(
        number,
        blueprint,
        attributes,
        place,
        parent,
        relative=pose,
        box=_box(name, scale),
        tags=_tags(name),
        body=_body(name, place, scale),
        instrument=_instrument(name, attributes, reference or GeoReference()),
    )


def _tags(name: str) -> tuple[Tag, ...]:
    if name.startswith('static.'):
        return (Tag.STATIC,)
    tag = _TAGS.get(blueprints.kind_of(name))
    return (tag,) if tag else ()


def _box(name: str, scale: float) -> tuple[Vector, Vector]:
    (x, y, z), (length, width, height) = blueprints.bounding_box(name)
    return (x * scale, y * scale, z * scale), (length * scale, width * scale, height * scale)


def _body(name: str, pose: Pose, scale: float) -> Any:
    body: Any = None
    if name.startswith('vehicle.'):
        body = VehicleBody.of(name, pose)
        body.wheelbase_m *= scale
        body.track_m *= scale
    elif name.startswith('walker.'):
        body = WalkerBody.of(name, pose)
    if body is not None:
        body.size_m = tuple(side * scale for side in body.size_m)
    return body


def _instrument(name: str, attributes: dict[str, str], reference: GeoReference) -> Any:
    if name == 'sensor.other.gnss':
        return Gnss(reference, attributes)
    if name == 'sensor.other.imu':
        return Inertia(attributes)
    return None


def _check_attributes(blueprint: Blueprint, attributes: dict[str, str]) -> None:
    for part in blueprint.attributes:
        if part.kind in _NUMBERS:
            _check_number(part.id, attributes[part.id])


def _check_number(name: str, text: str) -> None:
    try:
        value = float(text)
    except ValueError:
        raise Refused(f'attribute {name} is {text!r}: it must be a number') from None
    if not math.isfinite(value):
        raise Refused(f'attribute {name} is {text}: it must be finite')
    low, high = _RANGES.get(name, (-math.inf, math.inf))
    if not low <= value <= high:
        raise Refused(f'attribute {name} is {text}: it must be between {low:g} and {high:g}')


_RANGES = {
    'image_size_x': (1, _MAX_SIDE_PX),
    'image_size_y': (1, _MAX_SIDE_PX),
    'fov': (1, 170),
    'sensor_tick': (0, 3600),
}
