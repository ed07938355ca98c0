"""The blueprint library that clients get, and how big and of which kind each thing is."""

from dataclasses import dataclass
from functools import cache

from carla_lite.errors import CarlaLiteError
from carla_lite.world.catalogue import (
    CHILD_HALF_M,
    CHILDREN,
    ELDERLY,
    FEMALE,
    MASS_KG,
    PALETTE,
    PropModel,
    PROPS,
    VehicleModel,
    VEHICLES,
    WALKER_COUNT,
    WALKER_HALF_M,
)
from carla_lite.world.sensor_blueprints import SENSORS

BOOL, INT, FLOAT, STRING, COLOUR = 1, 2, 3, 4, 5  # CARLA's numbers
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Attribute:
    """
    One attribute of a blueprint.

    :param kind: 1 bool, 2 int, 3 float, 4 string, 5 colour "r,g,b".
    :param restrict: only the recommended values are meant to be set.
    """

    id: str
    kind: int
    value: str
    recommended: tuple[str, ...] = ()
    is_modifiable: bool = True
    restrict: bool = False


@dataclass(frozen=True)
class Blueprint:
    """
    What a client may spawn.

    :param tags: comma separated parts of the id, as clients search them.
    """

    uid: int
    id: str
    tags: str
    attributes: tuple[Attribute, ...]


@cache
def definitions() -> tuple[Blueprint, ...]:
    """Return the whole library; its order and numbers never change within a version."""
    entries: list[tuple[str, tuple[Attribute, ...]]] = []
    entries += [(model.name, _vehicle_attributes(model)) for model in VEHICLES]
    entries += [(_walker_name(number), _walker_attributes(number)) for number in _walkers()]
    entries += [(prop.name, _prop_attributes(prop)) for prop in PROPS]
    entries += [(name, _sensor_attributes(name)) for name in SENSORS]
    entries.append(('controller.ai.walker', ()))
    return tuple(
        Blueprint(uid, name, name.replace('.', ','), (*_common(name), *own))
        for uid, (name, own) in enumerate(entries, start=1)
    )


@cache
def _by_id() -> dict[str, Blueprint]:
    return {blueprint.id: blueprint for blueprint in definitions()}


def find(name: str) -> Blueprint:
    """
    Return a blueprint by its id.

    :raises CarlaLiteError: there is none of that name.
    """
    try:
        return _by_id()[name]
    except KeyError:
        raise CarlaLiteError(
            f'There is no blueprint {name!r}: '
            'world.get_blueprint_library() lists those that can be spawned.'
        ) from None


def kind_of(name: str) -> str:
    """
    Return what shape a thing has.

    That is car, van, truck, bus, motorcycle, bicycle, walker, a prop's kind such as cone, or
    sensor, controller, spectator, traffic_light for what has no body of its own here.

    :raises CarlaLiteError: nothing has that id.
    """
    return _shape(name)[0]


def size_m(name: str) -> Triple:
    """
    Return length, width and height in metres; zeros for what has no body.

    :raises CarlaLiteError: nothing has that id.
    """
    length, width, height = (2 * half for half in _shape(name)[1])
    return length, width, height


def bounding_box(name: str) -> tuple[Triple, Triple]:
    """
    Return the box's centre in the thing's own coordinates and its half sizes, metres.

    A vehicle's or prop's origin is on the ground under it and a walker's is in its middle, as in
    CARLA: the ground is always ``centre z - half z``.

    :raises CarlaLiteError: nothing has that id.
    """
    kind, half = _shape(name)
    return (0.0, 0.0, 0.0 if kind == 'walker' else half[2]), half


def mass_kg(name: str) -> float:
    """
    Return the weight of a vehicle or walker, 0 for everything else.

    :raises CarlaLiteError: nothing has that id.
    """
    return MASS_KG.get(kind_of(name), 0.0)


@cache
def _shape(name: str) -> tuple[str, Triple]:
    bodiless = {'spectator': 'spectator', 'traffic.traffic_light': 'traffic_light'}
    if name in bodiless:
        return bodiless[name], (0.0, 0.0, 0.0)
    shapes = {model.name: (model.kind, model.half_m) for model in VEHICLES}
    shapes |= {prop.name: (prop.kind, prop.half_m) for prop in PROPS}
    if name in shapes:
        return shapes[name]
    find(name)
    if name.startswith('walker.'):
        return 'walker', CHILD_HALF_M if int(name[-4:]) in CHILDREN else WALKER_HALF_M
    return name.split('.', 1)[0], (0.0, 0.0, 0.0)


def _common(name: str) -> tuple[Attribute, ...]:
    roles = {
        'vehicle': ('autopilot', 'scenario', 'ego_vehicle'),
        'walker': ('pedestrian',),
        'static': ('prop',),
        'sensor': (
            'front',
            'back',
            'left',
            'right',
            'front_left',
            'front_right',
            'back_left',
            'back_right',
        ),
    }.get(name.split('.', 1)[0], ('default',))
    return _free('role_name', STRING, *roles), _free('ros_name', STRING, name)


def _free(name: str, kind: int, *recommended: str, restrict: bool = False) -> Attribute:
    return Attribute(name, kind, recommended[0], recommended, True, restrict)


def _fixed(name: str, kind: int, value: str) -> Attribute:
    return Attribute(name, kind, value, (), False, False)


def _flag(value: bool) -> str:
    return 'true' if value else 'false'


def _vehicle_attributes(model: VehicleModel) -> tuple[Attribute, ...]:
    two_wheels = model.kind in ('motorcycle', 'bicycle')
    free = [_free('sticky_control', BOOL, 'true'), _free('terramechanics', BOOL, 'false')]
    if model.paintable:
        start = VEHICLES.index(model) % len(PALETTE)  # defaults differ from model to model
        free.append(_free('color', COLOUR, *PALETTE[start:], *PALETTE[:start]))
    if two_wheels:
        free.append(_free('driver_id', INT, '0', '1', '2', '3', restrict=True))
    return (
        *free,
        _fixed('object_type', STRING, ''),
        _fixed('base_type', STRING, model.kind),
        _fixed('special_type', STRING, model.special),
        _fixed('number_of_wheels', INT, '2' if two_wheels else '4'),
        _fixed('generation', INT, str(model.generation)),
        _fixed('has_dynamic_doors', BOOL, _flag(model.doors)),
        _fixed('has_lights', BOOL, _flag(model.has_lights)),
    )


def _walkers() -> range:
    return range(1, WALKER_COUNT + 1)


def _walker_name(number: int) -> str:
    return f'walker.pedestrian.{number:04d}'


def _walker_attributes(number: int) -> tuple[Attribute, ...]:
    age = 'child' if number in CHILDREN else 'elderly' if number in ELDERLY else 'adult'
    return (
        _free('speed', FLOAT, '0.0', '1.4', '2.5'),  # standing, walking, running
        _free('is_invincible', BOOL, 'true'),
        _fixed('gender', STRING, 'female' if number in FEMALE else 'male'),
        _fixed('age', STRING, age),
        _fixed('generation', INT, '2' if number > 14 else '1'),
        _fixed('can_use_wheelchair', BOOL, 'false'),
    )


def _prop_attributes(prop: PropModel) -> tuple[Attribute, ...]:
    return (_fixed('size', STRING, prop.size),)


def _sensor_attributes(name: str) -> tuple[Attribute, ...]:
    return tuple(_free(key, kind, *values) for key, kind, *values in SENSORS[name])
