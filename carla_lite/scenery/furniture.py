"""Small things of streets: lamp posts, power poles, benches, bins, shelters, cones."""

from carla_lite.materials import Material
from carla_lite.mesh import joined, Mesh
from carla_lite.pose import Pose
from carla_lite.scenery import palettes
from carla_lite.scenery.parts import anchored, Bgr, board, box, disc, Finish, shifted, tube
from carla_lite.tags import Tag
import numpy as np

_POLE = Finish(Tag.POLES, Material.METAL, (98, 102, 102), 0.0, 220.0)
_POLE_FINE_M = 60.0
_THING = Finish(Tag.STATIC, Material.METAL, (80, 84, 80), 0.0, 80.0)


def lamp_post_mesh(
    height_m: float, arm_m: float, colour: Bgr
) -> tuple[Mesh, list[tuple[float, float, float]]]:
    """
    Return a street lamp whose arm reaches along x, and where its bulb is.

    :param arm_m: 0 for a lantern on top of its post.
    """
    pole = _POLE.but(Material.METAL, colour).between(0.0, _POLE_FINE_M)
    lamp = pole.but(Material.LAMP, (200, 232, 245))
    far = pole.between(_POLE_FINE_M, _POLE.far_m)
    bulb = (arm_m, 0.0, height_m + 0.1 + 0.1 * (arm_m == 0))
    parts = [
        tube((0, 0, 0), (0, 0, height_m), (0.1, 0.06), pole, sides=4),
        tube((0, 0, 0), (0, 0, height_m), (0.1, 0.08), far, sides=2),
        board(bulb, 0.3, 0.15, far.but(Material.LAMP, lamp.colour)),
    ]
    if arm_m > 0:
        end = (arm_m, 0.0, height_m + 0.25)
        parts.append(tube((0, 0, height_m), end, 0.08, far, sides=2))
        parts.append(tube((0, 0, height_m - 0.05), end, 0.045, pole))
        parts.append(box((0.7, 0.26, 0.12), end, pole, rank=1))
        parts.append(box((0.5, 0.2, 0.06), (arm_m, 0, height_m + 0.16), lamp))
        return joined(parts), [bulb]
    parts.append(box((0.34, 0.34, 0.45), (0, 0, height_m + 0.2), lamp))
    parts.append(box((0.46, 0.46, 0.08), (0, 0, height_m + 0.46), pole, rank=1))
    return joined(parts), [bulb]


def power_pole_mesh(height_m: float) -> Mesh:
    """Return a wooden pole with a cross-arm along x, 0.6 m under its top."""
    wood = Finish(Tag.POLES, Material.WOOD, (62, 78, 95), 0.0, 220.0)
    return joined(
        [
            tube((0, 0, -0.3), (0, 0, height_m), (0.15, 0.1), wood, sides=5),
            box((2.0, 0.1, 0.12), (0, 0, height_m - 0.6), wood, rank=1),
        ]
    )


def wires_mesh(start: np.ndarray, end: np.ndarray, aside: np.ndarray) -> Mesh:
    """
    Return three wires that sag between two poles, in the world.

    :param start: (3,) the middle of one's cross-arm, ``end``: of the other's.
    :param aside: (3,) from the middle wire to the next.
    """
    wire = Finish(Tag.POLES, Material.RUBBER, (40, 40, 40), 0.0, 70.0)
    middle = (start + end) / 2
    low = middle - [0, 0, 0.03 * float(np.linalg.norm(end - start))]
    pieces = [
        anchored(tube(a + side * aside, b + side * aside, 0.015, wire, sides=2), (a + b) / 2)
        for side in (-1, 0, 1)
        for a, b in ((start, low), (low, end))
    ]
    return joined(pieces)


def bench_mesh() -> Mesh:
    """Return a wooden bench; one sits looking along x."""
    wood = _THING.but(Material.WOOD, (60, 100, 150))
    return joined(
        [
            box((0.45, 1.7, 0.06), (0, 0, 0.45), wood),
            box((0.06, 1.7, 0.35), (-0.24, 0, 0.72), wood),
            *(box((0.4, 0.08, 0.42), (0, y, 0.21), _THING) for y in (-0.7, 0.7)),
        ]
    )


def bin_mesh(colour: Bgr) -> Mesh:
    """Return a litter bin or dustbin."""
    body = _THING.but(Material.METAL, colour)
    return joined(
        [
            box((0.5, 0.55, 0.95), (0, 0, 0.475), body),
            box((0.56, 0.6, 0.08), (0, 0, 1.0), body.but(Material.METAL, (50, 50, 50)), rank=1),
        ]
    )


def hydrant_mesh() -> Mesh:
    """Return a red hydrant."""
    red = _THING.but(Material.LACQUER, (35, 35, 180))
    return joined(
        [
            tube((0, 0, 0), (0, 0, 0.65), (0.13, 0.1), red, sides=6),
            box((0.16, 0.4, 0.14), (0, 0, 0.45), red, rank=1),
            box((0.2, 0.2, 0.12), (0, 0, 0.7), red),
        ]
    )


def bollard_mesh(colour: Bgr = (60, 62, 62)) -> Mesh:
    """Return a post with a white band."""
    body = _THING.but(Material.METAL, colour)
    white = _THING.but(Material.SIGN, (235, 238, 240))
    return joined(
        [
            tube((0, 0, 0), (0, 0, 0.75), 0.07, body, sides=5),
            tube((0, 0, 0.75), (0, 0, 0.87), 0.073, white, sides=5),
            tube((0, 0, 0.87), (0, 0, 0.95), 0.07, body, sides=5),
        ]
    )


def reflector_post_mesh() -> Mesh:
    """Return the white post with a black band of country roads."""
    white = _THING.but(Material.SIGN, (235, 238, 240)).between(0.0, 100.0)
    black = white.but(Material.SIGN, (25, 25, 25))
    return joined(
        [
            box((0.1, 0.12, 0.75), (0, 0, 0.375), white),
            box((0.1, 0.12, 0.2), (0, 0, 0.85), black),
            box((0.1, 0.12, 0.06), (0, 0, 0.98), white),
        ]
    )


def cone_mesh() -> Mesh:
    """Return an orange cone with white rings."""
    orange = _THING.but(Material.SIGN, (20, 90, 240))
    white = _THING.but(Material.SIGN, (238, 240, 242))
    rings = [(0.03, 0.3, 0.15, 0.12, orange), (0.3, 0.43, 0.12, 0.08, white),
             (0.43, 0.55, 0.08, 0.06, orange), (0.55, 0.62, 0.06, 0.04, white),
             (0.62, 0.75, 0.04, 0.02, orange)]  # fmt: skip
    cones = [tube((0, 0, a), (0, 0, b), (r, s), kind, sides=6) for a, b, r, s, kind in rings]
    return joined([box((0.4, 0.4, 0.04), (0, 0, 0.02), orange), *cones])


def shelter_mesh() -> Mesh:
    """Return a bus shelter, open along x."""
    metal = _THING.but(Material.METAL, (120, 124, 126)).between(0.0, 140.0)
    glass = metal.but(Material.GLASS, (150, 145, 130))
    poster = metal.but(Material.SIGN, (60, 120, 210))
    return joined(
        [
            board((-0.7, 0, 1.25), 3.6, 2.1, glass),
            *(
                box((1.3, 0.06, 2.0), (0, y, 1.2), kind)
                for y, kind in ((-1.8, poster), (1.8, glass))
            ),
            *(tube((x, y, 0), (x, y, 2.4), 0.05, metal) for x in (-0.7, 0.7) for y in (-1.8, 1.8)),
            box((1.8, 4.0, 0.14), (0.1, 0, 2.45), metal),
            box((0.35, 2.6, 0.06), (-0.4, 0, 0.5), metal.but(Material.WOOD, (70, 110, 150))),
        ]
    )


def cabinet_mesh(colour: Bgr) -> Mesh:
    """Return a grey or green electricity cabinet."""
    return box((0.4, 1.1, 1.2), (0, 0, 0.6), _THING.but(Material.METAL, colour))


def barrier_board_mesh() -> Mesh:
    """Return a red and white barrier of road works, facing x."""
    white = _THING.but(Material.SIGN, (238, 240, 242)).between(0.0, 120.0)
    red = white.but(Material.SIGN, (35, 30, 200))
    parts = [board((0, 0, 0.95), 2.0, 0.25, white)]
    for y in (-0.75, -0.25, 0.25, 0.75):
        stripe = board((0, y, 0.95), 0.25, 0.25, red, rank=1)
        parts.append(stripe)
    return joined([*parts, *(box((0.5, 0.06, 0.9), (0, y, 0.45), _THING) for y in (-0.9, 0.9))])


def hay_bale_mesh() -> Mesh:
    """Return a round bale that lies along y."""
    straw = _THING.but(Material.CLOTH, (90, 165, 200)).between(0.0, 200.0)
    roll = tube((0, -0.6, 0.65), (0, 0.6, 0.65), 0.65, straw, sides=9)
    end = shifted(disc((0, 0, 0), 0.62, straw, sides=8), 0.6, 0.0, 0.65)
    return joined([roll, end.moved(Pose(yaw=90)), end.moved(Pose(yaw=-90))])


def street_things(rng: np.random.Generator) -> list[tuple[Mesh, tuple[float, float]]]:
    """Return what stands on sidewalks, with its depth and width in metres."""
    green = palettes.drawn(rng, ((70, 100, 60), (90, 92, 92), (140, 90, 50)))
    return [
        (bench_mesh(), (0.7, 1.8)),
        (bin_mesh(green), (0.6, 0.6)),
        (hydrant_mesh(), (0.4, 0.4)),
        (cabinet_mesh(palettes.drawn(rng, ((150, 152, 152), (100, 130, 105)))), (0.5, 1.2)),
        (bollard_mesh(), (0.2, 0.2)),
        (bin_mesh(palettes.drawn(rng, palettes.SHOPS)), (0.6, 0.6)),
    ]
