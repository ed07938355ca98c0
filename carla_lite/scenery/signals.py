"""Traffic lights: posts, arms over the road, and the lamp that burns."""

from typing import Literal

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.scenery.parts import board, box, disc, Finish, shifted, tube
from carla_lite.tags import Tag

RED, YELLOW, GREEN, OFF = range(4)
Mounting = Literal['post', 'arm', 'gantry']

_FAR_M = 200.0
_LIT = ((40, 30, 255), (20, 190, 255), (90, 255, 60))
_UNLIT = ((18, 14, 60), (14, 46, 60), (18, 52, 16))
_POLE = Finish(Tag.POLES, Material.METAL, (78, 82, 80), 0.0, _FAR_M)
_HEAD = Finish(Tag.TRAFFIC_LIGHT, Material.METAL, (30, 34, 32), 0.0, _FAR_M)


def traffic_light_mesh(state: int = OFF, mounting: Mounting = 'post', arm_m: float = 4.5) -> Mesh:
    """
    Return a traffic light whose foot is the origin and whose lamps look along x.

    :param state: 0 red, 1 yellow, 2 green, 3 off.
    :param arm_m: how far an arm or a gantry reaches to its right (+y): over the road, where
        traffic keeps to the right.
    """
    if mounting == 'post':
        parts = [tube((-0.12, 0, 0), (-0.12, 0, 3.4), 0.07, _POLE, sides=4)]
        return joined([*parts, _head(state, 0.0, 2.9)])
    top = 5.9
    parts = [
        tube((-0.2, 0, 0), (-0.2, 0, top + 0.2), (0.13, 0.09), _POLE, sides=5),
        tube((-0.2, 0, top), (-0.2, arm_m, top + 0.15), (0.08, 0.06), _POLE, sides=4),
        _head(state, 0.0, 2.9),
        _head(state, arm_m - 0.3, top - 0.1),
    ]
    if mounting == 'gantry':
        parts.append(tube((-0.2, arm_m, 0), (-0.2, arm_m, top + 0.3), 0.13, _POLE, sides=5))
        parts.append(_head(state, arm_m / 2, top - 0.1))
    return joined(parts)


def _head(state: int, y: float, z: float) -> Mesh:
    """Return the box, its pale rim and three lamps under hoods."""
    rim = _HEAD.but(Material.SIGN, (205, 210, 210))
    parts = [
        box((0.2, 0.34, 1.0), (0, y, z), _HEAD),
        board((-0.11, y, z), 0.52, 1.18, rim),
        board((-0.105, y, z), 0.44, 1.1, _HEAD, rank=1),
    ]
    for number, offset in enumerate((0.31, 0.0, -0.31)):
        lit = number == state
        colour = _LIT[number] if lit else _UNLIT[number]
        finish = _HEAD.but(Material.LAMP if lit else Material.SIGN, colour)
        lamp = disc((0.0, 0.0, 0.0), 0.12, finish, sides=8, rank=2)
        parts.append(shifted(lamp, 0.11, y, z + offset))
        hood = _HEAD.between(0.0, 40.0)
        parts.append(box((0.16, 0.26, 0.02), (0.18, y, z + offset + 0.13), hood, rank=3))
    return joined(parts)
