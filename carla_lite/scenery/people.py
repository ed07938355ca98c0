"""Walkers and riders."""

from dataclasses import dataclass
import math

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.scenery.parts import Bgr, box, Finish, stretched, tube
from carla_lite.tags import Tag

_FAR_M = 120.0
_DETAIL_M = 25.0


@dataclass(frozen=True)
class Clothes:
    """BGR colours of what a person shows."""

    coat: Bgr = (110, 70, 50)
    trousers: Bgr = (70, 60, 55)
    skin: Bgr = (130, 160, 210)
    hair: Bgr = (30, 40, 60)
    shoes: Bgr = (35, 35, 40)


def walker_mesh(height_m: float, clothes: Clothes | None = None, phase: float = 0.0) -> Mesh:
    """
    Return a person at the origin who looks along x.

    :param height_m: metres.
    :param phase: of the step, 0..1; a quarter and three quarters are wide strides.
    """
    clothes = clothes or Clothes()
    finish = Finish(Tag.PEDESTRIANS, Material.CLOTH, clothes.coat, 0.0, _FAR_M)
    swing = 0.22 * math.sin(2 * math.pi * phase)
    near, far = finish.between(0.0, _DETAIL_M), finish.between(_DETAIL_M, _FAR_M)
    parts = [*_body(clothes, near), *_figure(clothes, far)]
    for side, stride in ((-1, swing), (1, -swing)):
        parts += _leg(clothes, near, side, stride)
        parts += _arm(clothes, near, side, -stride)
    return stretched(joined(parts), (height_m,) * 3)


def rider_mesh(height_m: float, clothes: Clothes, seat_m: float, reach_m: float) -> Mesh:
    """
    Return a person who sits over the origin and holds a bar ``reach_m`` ahead.

    :param height_m: metres from the ground to the crown of the head.
    :param seat_m: height of the seat.
    """
    cloth = Finish(Tag.RIDER, Material.CLOTH, clothes.coat, 0.0, _FAR_M)
    legs = cloth.but(Material.CLOTH, clothes.trousers)
    helmet = cloth.but(Material.LACQUER, clothes.hair)
    neck = height_m - 0.26
    parts = [
        tube((-0.1, 0, seat_m), (0.12, 0, neck), (0.15, 0.19), cloth, sides=5),
        box((0.25, 0.2, 0.27), (0.18, 0, height_m - 0.135), helmet),
    ]
    for side in (-1, 1):
        knee = (0.3, side * 0.16, seat_m - 0.12)
        parts += [
            tube((-0.05, side * 0.1, seat_m), knee, 0.075, legs),
            tube(knee, (0.1, side * 0.14, seat_m - 0.5), 0.055, legs),
            tube(
                (0.1, side * 0.2, neck - 0.06), (reach_m, side * 0.24, seat_m + 0.2), 0.05, cloth
            ),
        ]
    return joined(parts)


def _body(clothes: Clothes, finish: Finish) -> list[Mesh]:
    """Return torso and head of a person of one metre."""
    skin = finish.but(Material.CLOTH, clothes.skin)
    hair = finish.but(Material.CLOTH, clothes.hair)
    return [
        tube((0, 0, 0.46), (0.01, 0, 0.83), (0.085, 0.11), finish, sides=5),
        box((0.1, 0.08, 0.1), (0.015, 0, 0.9), skin),
        box((0.105, 0.09, 0.05), (0.0, 0, 0.975), hair, rank=1),
    ]


def _figure(clothes: Clothes, finish: Finish) -> list[Mesh]:
    """Return what is left of a person far off: legs, coat, head."""
    legs = finish.but(Material.CLOTH, clothes.trousers)
    skin = finish.but(Material.CLOTH, clothes.skin)
    return [
        tube((0, 0, 0), (0, 0, 0.48), 0.08, legs),
        tube((0, 0, 0.46), (0, 0, 0.84), 0.14, finish),
        tube((0, 0, 0.85), (0, 0, 1.0), 0.06, skin),
    ]


def _leg(clothes: Clothes, finish: Finish, side: int, stride: float) -> list[Mesh]:
    trousers = finish.but(Material.CLOTH, clothes.trousers)
    shoe = finish.but(Material.RUBBER, clothes.shoes)
    y, foot = side * 0.05, stride * 0.85
    lift = 0.03 * max(0.0, -stride / 0.22)
    return [
        tube((foot, y, 0.02 + lift), (0, y, 0.48), (0.035, 0.055), trousers, sides=4),
        box((0.14, 0.055, 0.04), (foot + 0.03, y, 0.02 + lift), shoe, rank=1),
    ]


def _arm(clothes: Clothes, finish: Finish, side: int, stride: float) -> list[Mesh]:
    hand = (0.02 + stride * 0.7, side * 0.15, 0.46)
    return [tube((0.01, side * 0.12, 0.8), hand, (0.032, 0.024), finish)]
