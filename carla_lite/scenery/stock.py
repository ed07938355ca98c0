"""Things made once a town and put up many times, in changing colours."""

from collections.abc import Sequence
from dataclasses import replace

from carla_lite.materials import Material
from carla_lite.mesh import Mesh
from carla_lite.scenery import palettes
from carla_lite.scenery.buildings import building_mesh, draw_style
from carla_lite.scenery.houses import barn_mesh, house_mesh
from carla_lite.scenery.leaves import draw_foliage
from carla_lite.scenery.parts import Bgr
from carla_lite.scenery.people import Clothes, walker_mesh
from carla_lite.scenery.plants import bush_mesh, FINE_M, tree_mesh, TreeKind
from carla_lite.scenery.signs import SIGN_KINDS, sign_mesh
from carla_lite.scenery.vehicles import vehicle_mesh, VehicleKind
import numpy as np

#: A thing, its depth and its width.
Sized = tuple[Mesh, tuple[float, float]]

_STOREYS = (1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 8, 12)


def repainted(mesh: Mesh, colour: Bgr) -> Mesh:
    """Return a vehicle of another colour."""
    lacquer = (mesh.material == Material.LACQUER)[:, None]
    return replace(mesh, colour=np.where(lacquer, np.array(colour, np.uint8), mesh.colour))


def tinted(mesh: Mesh, rng: np.random.Generator, spread: float = 0.16) -> Mesh:
    """Return the same a little lighter or darker and of another hue."""
    factor = 1 + spread * rng.uniform(-1, 1) + spread * 0.4 * rng.uniform(-1, 1, 3)
    return replace(mesh, colour=np.clip(mesh.colour * factor, 0, 255).astype(np.uint8))


class Stock:
    """
    Shapes of one town.

    :param rng: draws them; :param autumn: share of trees that are not green.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        autumn = float(rng.choice([0.0, 0.05, 0.8], p=[0.45, 0.4, 0.15]))
        self._trees = [self._tree(autumn) for _ in range(10)]
        self._street_trees = [
            tree_mesh('street', float(rng.uniform(6.5, 11)), rng, draw_foliage(rng, autumn))
            for _ in range(4)
        ]
        self._bushes = [
            bush_mesh(float(rng.uniform(0.5, 1.6)), rng, draw_foliage(rng, autumn / 2))
            for _ in range(4)
        ]
        self._cars = [self._car() for _ in range(9)]
        self._walkers = [walker_mesh(*draw_person(rng)) for _ in range(14)]
        self._signs = [sign_mesh(kind, rng) for kind in SIGN_KINDS if kind != 'stop']

    def car(self) -> Sized:
        """Return a parked vehicle."""
        mesh, size = self._one(self._cars)
        return repainted(mesh, palettes.drawn(self._rng, palettes.LACQUERS)), size

    def tree(self) -> Mesh:
        """Return a tree."""
        return tinted(self._one(self._trees), self._rng)

    def street_tree(self) -> Mesh:
        """Return a tree whose crown leaves room for vehicles."""
        return tinted(self._one(self._street_trees), self._rng)

    def far_tree(self) -> Mesh:
        """Return a tree for where no road comes near: without its finest leaves."""
        mesh = self.tree()
        return mesh.rows(np.flatnonzero(mesh.far_m > FINE_M))

    def bush(self) -> Mesh:
        """Return a bush."""
        return tinted(self._one(self._bushes), self._rng)

    def sign(self) -> Mesh:
        """Return a traffic sign on its pole."""
        return self._one(self._signs)

    def walker(self) -> Mesh:
        """Return somebody."""
        return self._one(self._walkers)

    def blocks(self, count: int, with_shops: float) -> list[Sized]:
        """Return blocks of flats and offices of all sizes."""
        rng, made = self._rng, []
        for _ in range(count):
            depth, width = float(rng.uniform(9, 13)), float(rng.uniform(9, 26))
            storeys = int(
                rng.choice([1, 2, 3, 4, 5, 8, 12], p=[0.15, 0.2, 0.25, 0.2, 0.1, 0.06, 0.04])
            )
            mesh = building_mesh(depth, width, storeys, draw_style(rng, with_shops), rng)
            made.append((mesh, (depth, width)))
        return made

    def houses(self, count: int, barns: float = 0.0) -> list[Sized]:
        """
        Return houses.

        :param barns: share of barns and sheds among them.
        """
        rng, made = self._rng, []
        for _ in range(count):
            depth, width = float(rng.uniform(7, 11)), float(rng.uniform(7, 14))
            make = barn_mesh if rng.random() < barns else house_mesh
            made.append((make(depth, width, rng), (depth, width)))
        return made

    def pick(self, things: Sequence[Sized]) -> Sized:
        """Return one of them in another shade."""
        mesh, size = self._one(things)
        return tinted(mesh, self._rng), size

    def _tree(self, autumn: float) -> Mesh:
        rng = self._rng
        kinds: tuple[TreeKind, ...] = ('round', 'tall', 'conifer', 'bare', 'palm')
        kind = kinds[int(rng.choice(5, p=[0.56, 0.14, 0.16, 0.08, 0.06]))]
        height = float(rng.uniform(4.5, 12.0))
        return tree_mesh(kind, height, rng, draw_foliage(rng, autumn if kind == 'round' else 0.0))

    def _car(self) -> Sized:
        rng = self._rng
        kinds: tuple[VehicleKind, ...] = ('car', 'van', 'truck')
        kind = kinds[int(rng.choice(3, p=[0.8, 0.15, 0.05]))]
        low, high = {
            'car': ((3.7, 1.7, 1.42), (4.9, 1.9, 1.68)),
            'van': ((4.8, 1.9, 1.9), (5.6, 2.0, 2.4)),
            'truck': ((6.0, 2.1, 2.7), (7.5, 2.2, 3.2)),
        }[kind]
        length, width, height = (float(part) for part in rng.uniform(low, high))
        mesh = vehicle_mesh(kind, (length, width, height), (200, 200, 200))
        return mesh, (length, width)

    def _one(self, things):
        return things[int(self._rng.integers(len(things)))]


def draw_person(rng: np.random.Generator) -> tuple[float, Clothes, float]:
    """Return height, clothes and phase of the step of somebody."""
    clothes = Clothes(
        palettes.drawn(rng, palettes.COATS),
        palettes.drawn(rng, palettes.TROUSERS),
        palettes.drawn(rng, palettes.SKINS),
        palettes.drawn(rng, palettes.HAIRS),
    )
    height = float(rng.uniform(1.55, 1.92)) if rng.random() < 0.9 else float(rng.uniform(1.0, 1.4))
    return height, clothes, float(rng.random())
