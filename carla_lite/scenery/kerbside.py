"""What stands along any street: lamps, signs, trees, parked cars, people."""

from collections.abc import Sequence
import math

from carla_lite.scenery import palettes
from carla_lite.scenery.furniture import lamp_post_mesh, power_pole_mesh, street_things, wires_mesh
from carla_lite.scenery.plants import FINE_M
from carla_lite.scenery.site import Choice, Site
from carla_lite.scenery.stock import Stock
from carla_lite.scenery.waysides import Wayside
import numpy as np

#: Turns a spot's yaw, which looks across at the road, to along the traffic of its side.
WITH_TRAFFIC, AGAINST_TRAFFIC = 90.0, -90.0


def lamps(site: Site, side: Wayside, every_m: float) -> None:
    """Put up street lamps, on the sidewalk where there is one."""
    rng = site.rng
    arm = float(rng.choice([0.0, 1.0, 1.8]))
    height = float(rng.uniform(5.5, 9.0)) if arm else float(rng.uniform(3.5, 5.0))
    colour = palettes.drawn(rng, ((98, 102, 102), (45, 50, 45), (150, 152, 152), (60, 70, 85)))
    mesh, bulbs = lamp_post_mesh(height, arm, colour)
    s = side.every(rng, every_m * 0.9, every_m * 1.1)
    on_sidewalk(site, side, s, 0.45, (0.3, 0.3), mesh, bulbs)


def on_sidewalk(
    site: Site,
    side: Wayside,
    s: np.ndarray,
    out_m: float,
    size_m: tuple[float, float],
    choice: Choice,
    bulbs: Sequence[Sequence[float]] = (),
    turn: float = 0.0,
    yaw: float = 0.0,
) -> None:
    """Put things so far from the kerb if there is a sidewalk, else beside the road."""
    walk = side.sidewalk_m(s) > out_m + size_m[0] / 2 + 0.1
    spots = side.spots(s[walk], out_m, 'kerb')
    beside = side.spots(s[~walk], out_m + 0.4)
    for place, clear_m in ((spots, None), (beside, 0.2)):
        place[:, 3] += yaw
        site.put(place, size_m, choice, clear_m=clear_m, bulbs=bulbs, turn=turn)


def parked(site: Site, stock: Stock, side: Wayside, share: float) -> None:
    """
    Park vehicles on parking lanes.

    :param share: of the places that are taken.
    """
    rng = site.rng
    s = side.every(rng, 5.8, 7.5, margin_m=9.0)
    s = s[rng.random(len(s)) < share]
    for place in s:
        mesh, size = stock.car()
        bay = side.bay_m(place + np.linspace(-0.55, 0.55, 5) * size[0]).min()
        aside = (bay - size[1]) / 2 - 0.1
        if aside < 0:
            continue
        spots = side.spots(place, rng.uniform(-0.5, 1.0) * aside, 'parking')
        spots[:, 3] += WITH_TRAFFIC
        site.put(spots, size, mesh, clear_m=None, turn=math.degrees(aside / size[0]))


def sidewalk(site: Site, stock: Stock, side: Wayside) -> None:
    """Put up trees, signs, benches and people between kerb and buildings."""
    rng = site.rng
    things = street_things(rng)
    if rng.random() < 0.5:
        s = side.off_bridges(side.every(rng, 8, 16))
        on_sidewalk(site, side, s, 0.6, (0.5, 0.5), stock.street_tree)
    s = side.every(rng, 25, 70)
    on_sidewalk(site, side, s, 0.8, (0.1, 0.1), stock.sign, yaw=AGAINST_TRAFFIC)
    for place in side.every(rng, 12, 45):
        mesh, size = things[int(rng.integers(len(things)))]
        on_sidewalk(site, side, np.array([place]), 0.55, size, mesh)
    for place in side.every(rng, 6, 40, margin_m=3.0):
        width = float(side.sidewalk_m(np.array([place]))[0])
        if width > 1.2:
            spots = side.spots(place, rng.uniform(0.5, width - 0.4), 'kerb')
            spots[:, 3] += float(rng.choice([WITH_TRAFFIC, AGAINST_TRAFFIC]))
            site.put(spots, (0.4, 0.4), stock.walker, clear_m=None, turn=25.0)


def trees(
    site: Site,
    stock: Stock,
    side: Wayside,
    every_m: tuple[float, float],
    out_m: tuple[float, float],
) -> None:
    """Scatter trees and bushes beside the road, at distances from its edge."""
    rng = site.rng
    s = side.off_bridges(side.every(rng, *every_m, margin_m=1.0))
    spots = side.spots(s, rng.uniform(*out_m, len(s)))
    near = ~site.is_clear(spots[:, :2], FINE_M + 2.0)
    for some, make in ((spots[near], stock.tree), (spots[~near], stock.far_tree)):
        site.put(some, (1.2, 1.2), make, clear_m=4.2, turn=180.0)
    s = side.off_bridges(side.every(rng, every_m[0] * 0.7, every_m[1], margin_m=1.0))
    spots = side.spots(s, rng.uniform(0.8, out_m[1] * 0.6, len(s)))
    site.put(spots, (0.9, 0.9), stock.bush, clear_m=0.5, turn=180.0)


def power_line(site: Site, side: Wayside, out_m: float) -> None:
    """Put up wooden poles about every 40 m, and wires from each to the next."""
    length = float(side.s[-1] - side.s[0])
    count = int(length / 40)
    if count < 2 or site.rng.random() < 0.5:
        return
    height = float(site.rng.uniform(7, 9))
    pole = power_pole_mesh(height)
    before: np.ndarray | None = None
    for s in side.off_bridges(np.linspace(side.s[0] + 8, side.s[-1] - 8, count)):
        spots = side.spots(s, out_m)
        if not site.put(spots, (0.4, 0.4), pole, clear_m=0.1):
            before = None
            continue
        turn = np.radians(spots[0, 3])
        top = spots[0, :3]
        top[2] = site.ground.heights(spots[:, :2])[0] + height - 0.5
        if before is not None:
            site.add(wires_mesh(before, top, 0.9 * np.array([np.cos(turn), np.sin(turn), 0.0])))
        before = top
