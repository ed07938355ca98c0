"""Motorcycles and bicycles with their riders."""

from collections.abc import Sequence
import math

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.scenery.parts import Bgr, box, facets, Finish, stretched, tube
from carla_lite.scenery.people import Clothes, rider_mesh
from carla_lite.tags import Tag
import numpy as np

_FAR_M = 150.0
_TYRE = (28, 26, 26)


def two_wheeler_mesh(
    kind: str, size_m: Sequence[float], colour: Bgr, lights_on: bool, braking: bool
) -> Mesh:
    """
    Return a motorcycle or bicycle and its rider, who belongs to it.

    :param size_m: length, width, height; the rider's head is at the top.
    """
    if kind == 'motorcycle':
        mesh = _motorcycle(colour, lights_on, braking)
        size = (2.2, 0.7, 1.6)
    else:
        mesh = _bicycle(colour, lights_on, braking)
        size = (1.75, 0.6, 1.75)
    return stretched(mesh, [wanted / made for wanted, made in zip(size_m, size, strict=True)])


def _motorcycle(colour: Bgr, lights_on: bool, braking: bool) -> Mesh:
    body = Finish(Tag.MOTORCYCLE, Material.LACQUER, colour, 0.0, _FAR_M)
    dark = body.but(Material.RUBBER, (35, 34, 34))
    clothes = Clothes(coat=(45, 40, 38), trousers=(60, 48, 42), hair=colour)
    return joined(
        [
            _wheel(0.78, 0.32, 0.07, body),
            _wheel(-0.78, 0.32, 0.08, body),
            box((0.55, 0.3, 0.28), (0.15, 0, 0.78), body),
            box((0.6, 0.32, 0.35), (0.05, 0, 0.42), dark),
            box((0.75, 0.26, 0.12), (-0.5, 0, 0.76), dark),
            tube((0.5, 0, 1.0), (0.8, 0, 0.32), 0.05, body.but(Material.METAL, (150, 150, 150))),
            box((0.06, 0.7, 0.05), (0.5, 0, 1.02), dark),
            *_lamps(0.62, -0.88, 0.85, body, lights_on, braking),
            rider_mesh(1.6, clothes, 0.8, 0.45),
        ]
    )


def _bicycle(colour: Bgr, lights_on: bool, braking: bool) -> Mesh:
    body = Finish(Tag.BICYCLE, Material.LACQUER, colour, 0.0, _FAR_M)
    head, saddle, crank = (0.42, 0, 0.85), (-0.2, 0, 0.95), (-0.05, 0, 0.3)
    clothes = Clothes(coat=(60, 90, 170), trousers=(70, 60, 60), hair=(200, 205, 205))
    return joined(
        [
            _wheel(0.535, 0.34, 0.03, body),
            _wheel(-0.535, 0.34, 0.03, body),
            *(
                tube(a, b, 0.022, body)
                for a, b in ((head, crank), (crank, saddle), (head, saddle))
            ),
            tube(crank, (-0.535, 0, 0.34), 0.018, body),
            tube(head, (0.535, 0, 0.34), 0.02, body),
            box((0.05, 0.6, 0.03), (0.42, 0, 0.95), body.but(Material.METAL, (160, 160, 160))),
            *_lamps(0.47, -0.5, 0.75, body, lights_on, braking),
            rider_mesh(1.75, clothes, 0.95, 0.4),
        ]
    )


def _wheel(x: float, radius: float, width: float, finish: Finish) -> Mesh:
    """Return a tyre as an open ring, through which one sees."""
    turn = np.arange(9) * math.pi / 4
    ring = np.stack([np.cos(turn), np.zeros(9), np.sin(turn)], axis=1)
    outer = ring * radius / math.cos(math.pi / 8) * 0.985 + [x, 0, radius]
    outer[:, 2] = np.clip(outer[:, 2], 0.0, None)
    inner = ring * radius * 0.8 + [x, 0, radius]
    side = np.stack([outer[:-1], inner[:-1], inner[1:], outer[1:]], axis=1)
    wide = np.array([0, width / 2, 0])
    tread = np.stack([outer[:-1] - wide, outer[:-1] + wide, outer[1:] + wide, outer[1:] - wide], 1)
    tyre = finish.but(Material.RUBBER, _TYRE)
    return facets(np.concatenate([side, tread]), tyre, bonus_m=0.0)


def _lamps(
    front_x: float, rear_x: float, z: float, finish: Finish, lights_on: bool, braking: bool
) -> list[Mesh]:
    white = (Material.LAMP, (225, 245, 255)) if lights_on else (Material.GLASS, (205, 205, 205))
    shines = lights_on or braking
    red = (Material.LAMP if shines else Material.SIGN, (40, 40, 255 if braking else 140))
    return [
        box((0.1, 0.16, 0.14), (front_x, 0, z + 0.05), finish.but(*white)),
        box((0.06, 0.14, 0.08), (rear_x, 0, z), finish.but(*red)),
    ]
