"""Traffic signs on poles."""

from typing import Literal

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.scenery.boards import patch
from carla_lite.scenery.parts import Bgr, board, disc, facets, Finish, shifted, tube
from carla_lite.tags import Tag
import numpy as np

SignKind = Literal['limit', 'forbidden', 'triangle', 'yield', 'stop', 'blue', 'yellow', 'arrow']

_FAR_M = 160.0
_POLE = Finish(Tag.POLES, Material.METAL, (135, 138, 138), 0.0, _FAR_M)
_FACE = Finish(Tag.TRAFFIC_SIGNS, Material.SIGN, (240, 242, 242), 0.0, _FAR_M)
_RED: Bgr = (35, 30, 200)
_WHITE: Bgr = (240, 242, 242)
_BLACK: Bgr = (30, 30, 30)
_BLUE: Bgr = (170, 85, 20)
_GREEN: Bgr = (70, 110, 20)
_YELLOW: Bgr = (30, 190, 240)


def sign_mesh(kind: SignKind, rng: np.random.Generator) -> Mesh:
    """Return a sign on its pole; its face looks along x."""
    z = float(rng.uniform(2.0, 2.5))
    pole = tube((-0.05, 0, 0), (-0.05, 0, z + 0.3), 0.035, _POLE)
    return joined([pole, shifted(_FACES[kind](rng), z=z)])


def _limit(rng: np.random.Generator) -> Mesh:
    parts = [
        disc((0, 0, 0), 0.38, _FACE.but(Material.SIGN, _RED), sides=12),
        disc((0, 0, 0), 0.28, _FACE, sides=12, rank=1),
    ]
    digits = _FACE.but(Material.SIGN, _BLACK).between(0, 50.0)
    return joined(parts + [patch(y, 0, 0.13, 0.24, 0, digits, 2) for y in (-0.09, 0.09)])


def _forbidden(rng: np.random.Generator) -> Mesh:
    return joined(
        [
            disc((0, 0, 0), 0.36, _FACE.but(Material.SIGN, _RED), sides=12),
            patch(0, 0, 0.5, 0.12, 0, _FACE, 1),
        ]
    )


def _corner(size: float, turn: float, colour: Bgr, rank: int) -> Mesh:
    angles = turn + np.arange(3) * 2 * np.pi / 3
    ring = np.stack([0 * angles, np.cos(angles), np.sin(angles)], axis=1) * size
    corners = ring[[0, 1, 2, 2]][None]
    return facets(corners, _FACE.but(Material.SIGN, colour), centre=(0, 0, 0), rank=rank)


def _triangle(rng: np.random.Generator) -> Mesh:
    mark = _FACE.but(Material.SIGN, _BLACK).between(0, 50.0)
    up = np.pi / 2
    return joined(
        [
            _corner(0.52, up, _RED, 0),
            _corner(0.34, up, _WHITE, 1),
            patch(0, -0.03, 0.08, 0.26, 0, mark, 2),
        ]
    )


def _yield(rng: np.random.Generator) -> Mesh:
    return joined([_corner(0.52, -np.pi / 2, _RED, 0), _corner(0.34, -np.pi / 2, _WHITE, 1)])


def _stop(rng: np.random.Generator) -> Mesh:
    text = _FACE.between(0, 60.0)
    return joined(
        [
            disc((0, 0, 0), 0.4, _FACE, sides=8),
            disc((0, 0, 0), 0.37, _FACE.but(Material.SIGN, _RED), sides=8, rank=1),
            *(patch(y, 0, 0.1, 0.2, 0, text, 2) for y in (-0.21, -0.07, 0.07, 0.21)),
        ]
    )


def _rectangle(colour: Bgr, wide: float, high: float) -> Mesh:
    return joined(
        [
            board((0, 0, 0), wide, high, _FACE),
            board((0, 0, 0), wide - 0.07, high - 0.07, _FACE.but(Material.SIGN, colour), rank=1),
            patch(0, 0, wide * 0.35, high * 0.5, 0, _FACE.between(0, 60.0), 2),
        ]
    )


def _blue(rng: np.random.Generator) -> Mesh:
    return _rectangle(_BLUE, 0.6, 0.6 if rng.random() < 0.5 else 0.9)


def _yellow(rng: np.random.Generator) -> Mesh:
    return _rectangle(_YELLOW, 0.7, 0.7)


def _arrow(rng: np.random.Generator) -> Mesh:
    return _rectangle(_GREEN, float(rng.uniform(0.9, 1.4)), 0.4)


_FACES = {
    'limit': _limit,
    'forbidden': _forbidden,
    'triangle': _triangle,
    'yield': _yield,
    'stop': _stop,
    'blue': _blue,
    'yellow': _yellow,
    'arrow': _arrow,
}
SIGN_KINDS: tuple[SignKind, ...] = tuple(_FACES)  # type: ignore[arg-type]
