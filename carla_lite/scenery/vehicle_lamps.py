"""Headlights, tail lamps, plates and grilles."""

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.scenery.car_shapes import Outline
from carla_lite.scenery.parts import box, facets, Finish
import numpy as np

_NEAR_M = 35.0


def lamps_mesh(
    outline: Outline, size: np.ndarray, finish: Finish, lights_on: bool, braking: bool
) -> Mesh:
    """
    Return what sits on a vehicle's front and back.

    :param size: length, width, height in metres.
    :param lights_on: headlights and tail lamps burn; ``braking``: the tail lamps glare.
    """
    edge = np.asarray(outline.edge) * size[[0, 2, 1]]
    front = finish.but(*_headlight(lights_on))
    rear = finish.but(*_tail_lamp(lights_on, braking))
    near = finish.between(0.0, _NEAR_M)
    dark = near.but(Material.RUBBER, (35, 33, 32))
    plate = near.but(Material.SIGN, (225, 230, 232))
    parts = [
        _across(edge[0], edge[2], (-0.5, 0.5), (0.45, 0.8), dark),
        _across(edge[0], edge[2], (-0.95, -0.55), (0.72, 0.98), front),
        _across(edge[0], edge[2], (0.55, 0.95), (0.72, 0.98), front),
        _across(edge[0], edge[2], (-0.28, 0.28), (0.25, 0.45), plate, rank=2),
    ]
    if outline.has_rear_window:  # a lorry has them on its load
        parts += [
            _across(edge[9], edge[7], (0.95, 0.62), (0.6, 0.95), rear),
            _across(edge[9], edge[7], (-0.62, -0.95), (0.6, 0.95), rear),
            _across(edge[9], edge[7], (0.28, -0.28), (0.45, 0.65), plate, rank=2),
        ]
    return joined(parts)


def load_mesh(size: np.ndarray, finish: Finish, lights_on: bool, braking: bool) -> Mesh:
    """Return a lorry's box body on its frame, behind the cab, with the tail lamps."""
    length, width, height = size
    rear = finish.but(*_tail_lamp(lights_on, braking))
    lamp = (0.02, 0.16 * width, 0.05 * height)
    body = finish.but(Material.METAL, (205, 208, 210))
    frame = finish.but(Material.RUBBER, (40, 40, 42))
    low, middle = 0.3 * height, -0.115 * length
    return joined(
        [
            box((0.75 * length, 0.7 * width, 0.14 * height), (middle, 0, 0.21 * height), frame),
            box(
                (0.77 * length, width, height - low),
                (middle, 0, (height + low) / 2),
                body,
                bonus_m=0.1,  # the cab before it comes later, also seen from aside
            ),
            *(
                box(lamp, (-0.49 * length, side * width, 0.26 * height), rear, rank=2)
                for side in (-0.33, 0.33)
            ),
        ]
    )


def _across(
    low: np.ndarray,
    high: np.ndarray,
    sides: tuple[float, float],
    heights: tuple[float, float],
    finish: Finish,
    rank: int = 1,
) -> Mesh:
    """Return a quad on the face between two points of the outline, in shares of its extent."""
    half, outwards = min(low[2], high[2]), np.sign(low[0])
    rows = [low + share * (high - low) for share in heights]
    x = [max(low[0], high[0], key=abs) + 0.01 * outwards] * 2
    y0, y1 = sides[0] * half, sides[1] * half
    corners = [
        [x[0], y0, rows[0][1]],
        [x[0], y1, rows[0][1]],
        [x[1], y1, rows[1][1]],
        [x[1], y0, rows[1][1]],
    ]
    centre = (low[0], 0.0, (low[1] + high[1]) / 2)
    return facets(np.array([corners]), finish, centre=centre, rank=rank)


def _headlight(lights_on: bool) -> tuple[Material, tuple[int, int, int]]:
    return (Material.LAMP, (225, 245, 255)) if lights_on else (Material.GLASS, (200, 205, 205))


def _tail_lamp(lights_on: bool, braking: bool) -> tuple[Material, tuple[int, int, int]]:
    if braking:
        return Material.LAMP, (40, 40, 255)
    return (Material.LAMP, (15, 15, 150)) if lights_on else (Material.SIGN, (25, 20, 130))
