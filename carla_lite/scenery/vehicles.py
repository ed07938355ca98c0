"""Bodies of motor vehicles: few quads, but what a camera behind them sees is there."""

from collections.abc import Sequence
from typing import Literal

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.scenery.car_shapes import Outline, outline_of
from carla_lite.scenery.parts import Bgr, box, facets, Finish, polygon
from carla_lite.scenery.two_wheelers import two_wheeler_mesh
from carla_lite.scenery.vehicle_lamps import lamps_mesh, load_mesh
from carla_lite.scenery.vehicle_sides import facing, side_centre, stuck, TYRE, wheel
from carla_lite.tags import Tag
import numpy as np

VehicleKind = Literal['car', 'van', 'truck', 'bus', 'motorcycle', 'bicycle']
TAGS = {'car': Tag.CAR, 'van': Tag.CAR, 'truck': Tag.TRUCK, 'bus': Tag.BUS}

#: Metres at which the full body gives way to a plain one.
DETAIL_M = 35.0
_SPECK_M = 85.0
_FAR_M = 250.0
_DARK = (30, 28, 27)
_PANE = (52, 44, 36)


def vehicle_mesh(
    kind: VehicleKind,
    size_m: Sequence[float],
    colour: Bgr,
    lights_on: bool = False,
    braking: bool = False,
) -> Mesh:
    """
    Return a vehicle whose middle stands at the origin, on the ground, looking along x.

    :param size_m: length, width, height of its box.
    :param colour: BGR of the lacquer.
    """
    if kind in ('motorcycle', 'bicycle'):
        return two_wheeler_mesh(kind, size_m, colour, lights_on, braking)
    outline = outline_of(kind, size_m[0], size_m[2])
    size = np.asarray(size_m, np.float64)
    near = Finish(TAGS[kind], Material.LACQUER, colour, 0.0, DETAIL_M)
    far, speck = near.between(DETAIL_M, _SPECK_M), near.between(_SPECK_M, _FAR_M)
    parts = [
        _across(outline, size, near),
        *(_side(outline, size, near, sign) for sign in (-1, 1)),
        lamps_mesh(outline, size, near.between(0.0, _FAR_M), lights_on, braking),
        _across(outline, size, far),
        *(_plain_side(outline, size, far, sign) for sign in (-1, 1)),
        _boxes(outline, size, speck),
    ]
    if kind == 'truck':
        parts.append(load_mesh(size, near.between(0.0, _FAR_M), lights_on, braking))
    return joined(parts)


def bonnet_mesh(colour: Bgr, size_m: Sequence[float] = (4.7, 1.85, 1.45)) -> Mesh:
    """Return only what a camera in the car sees of it: a rounded bonnet and the wings' edges."""
    length, width, height = size_m
    finish = Finish(Tag.CAR, Material.LACQUER, colour)
    along = np.array([0.19, 0.28, 0.37, 0.43, 0.46, 0.475]) * length
    drop = np.array([0.67, 0.645, 0.605, 0.56, 0.52, 0.47]) * height
    across = np.array([-0.47, -0.4, -0.24, 0.24, 0.4, 0.47]) * width
    bulge = np.array([-0.07, -0.005, 0.015, 0.015, -0.005, -0.07])
    narrowing = 1 - 0.16 * ((along - along[0]) / np.ptp(along)) ** 2
    grid = np.stack(
        [
            np.broadcast_to(along[:, None], (6, 6)),
            narrowing[:, None] * across[None, :],
            drop[:, None] + bulge[None, :],
        ],
        axis=-1,
    )
    corners = np.stack([grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:], grid[:-1, :-1]], axis=2)
    shade = 1 + 0.04 * np.linspace(-1, 1, 25)[:, None]
    colours = np.asarray(colour) * shade
    back, y, z = 0.02 * length, across[-1], drop[0] + 0.02
    base = np.array([[[along[0], -y, z], [along[0], y, z], [back, y, z], [back, -y, z]]])
    return joined(
        [
            facets(corners.reshape(-1, 4, 3), finish, colours=colours),
            facets(base, finish.but(Material.RUBBER, _DARK)),
        ]
    )


def _across(outline: Outline, size: np.ndarray, finish: Finish) -> Mesh:
    """Return what runs from the left side to the right: bumpers, bonnet, glass, roof."""
    edge = np.asarray(outline.edge) * size[[0, 2, 1]]
    x, z, half = edge.T
    left = np.stack([x, -half, z], axis=1)
    right = np.stack([x, half, z], axis=1)
    corners = np.stack([left[:-1], right[:-1], right[1:], left[1:]], axis=1)
    glass = finish.but(Material.GLASS, _PANE)
    bumper = finish.but(Material.RUBBER, _DARK)
    rear = glass if outline.has_rear_window else finish
    finishes = [bumper, finish, finish, glass, finish, rear, finish, finish, bumper]
    floor = np.array([[left[0], left[-1], right[-1], right[0]]])
    return joined(
        [facets(corners[i], kind) for i, kind in enumerate(finishes)] + [facets(floor, bumper)]
    )


def _boxes(outline: Outline, size: np.ndarray, finish: Finish) -> Mesh:
    """Return the vehicle as two boxes: what is left of it far off."""
    length, width, height = size
    belt = outline.edge[6][1] * height
    front, rear = (outline.edge[i][0] * length for i in (4, 5))
    front, rear = min(front + 0.1 * height, length / 2), max(rear - 0.1 * height, -length / 2)
    glass = finish.but(Material.GLASS, _PANE)
    low = 0.14 * height
    return joined(
        [
            box((length, 0.94 * width, belt - low), (0, 0, (belt + low) / 2), finish),
            box(
                (front - rear, 0.8 * width, height - belt),
                ((front + rear) / 2, 0, (height + belt) / 2),
                glass,
            ),
        ]
    )


def _side_outline(outline: Outline, size: np.ndarray, sign: int) -> np.ndarray:
    edge = np.asarray(outline.edge) * size[[0, 2, 1]]
    return np.stack([edge[:, 0], sign * edge[:, 2], edge[:, 1]], axis=1)


def _plain_side(outline: Outline, size: np.ndarray, finish: Finish, sign: int) -> Mesh:
    p = _side_outline(outline, size, sign)
    lower = polygon(p[[0, 9, 8, 7, 6, 3, 2, 1]])
    upper = np.array([[p[3], p[6], p[5], p[4]]])
    centre = side_centre(outline, size, sign)
    glass = finish.but(Material.GLASS, _PANE)
    parts = [
        facets(facing(lower, sign), finish, centre=centre),
        facets(facing(upper, sign), glass, centre=centre),
    ]
    radius = outline.radius * size[2]
    for x in np.array(outline.wheels) * size[0]:
        at = np.array([x, sign * size[1] * 0.47, radius])
        tyre = at + radius * np.array([[1, 0, -1], [-1, 0, -1], [-1, 0, 1], [1, 0, 1]]) * 0.9
        parts.append(stuck(tyre, finish.but(Material.RUBBER, TYRE), sign, centre, 2))
    return joined(parts)


def _side(outline: Outline, size: np.ndarray, finish: Finish, sign: int) -> Mesh:
    """Return a side with windows, doors' seams, a mirror and wheels."""
    p = _side_outline(outline, size, sign)
    centre = side_centre(outline, size, sign)
    shells = np.concatenate([polygon(p[[0, 9, 8, 7, 6, 3, 2, 1]]), [p[[3, 6, 5, 4]]]])
    parts = [facets(facing(shells, sign), finish, centre=centre)]
    glass = finish.but(Material.GLASS, _PANE)
    for low_from, low_to, high_from, high_to in outline.panes:
        low = _at_height(p, np.array([low_from, low_to]) * size[0], 0.07)
        high = _at_height(p, np.array([high_from, high_to]) * size[0], 0.86)
        pane = np.array([low[0], low[1], high[1], high[0]])
        parts.append(stuck(pane, glass, sign, centre, 1))
    parts += [wheel(x * size[0], outline, size, finish, sign) for x in outline.wheels]
    if outline.panes[0][0] > 0:
        base = np.array([p[3, 0] - 0.08 * size[2], sign * size[1] * 0.475, p[3, 2]])
        reach = np.array([[0, -1, 0], [0, 1, 0], [0, 1, 1], [0, -1, 1]])
        mirror = base + reach * np.array([1, 0.025 * size[1], 0.09 * size[2]])
        parts.append(facets(mirror, finish.but(Material.RUBBER, _DARK), rank=2))
    return joined(parts)


def _at_height(p: np.ndarray, x: np.ndarray, share: float) -> np.ndarray:
    """Return (n, 3) points of the window band at x, ``share`` of the way from belt to roof."""
    belt, roof = p[[3, 6]].mean(axis=0), p[[4, 5]].mean(axis=0)
    at = np.repeat((belt + share * (roof - belt))[None], len(x), axis=0)
    at[:, 0] = x
    return at
