"""What stands along highways and country roads."""

from carla_lite.materials import Material
from carla_lite.scenery import palettes
from carla_lite.scenery.along import guard_rail, rail_fence
from carla_lite.scenery.boards import billboard_mesh, chevron_mesh
from carla_lite.scenery.furniture import cone_mesh, hay_bale_mesh, reflector_post_mesh
from carla_lite.scenery.kerbside import AGAINST_TRAFFIC, lamps, power_line, trees
from carla_lite.scenery.lots import backdrop, frontage
from carla_lite.scenery.medians import furnish_median, median_barrier
from carla_lite.scenery.overhead import bridge_railings, footbridges, gantries, noise_wall
from carla_lite.scenery.parts import Finish
from carla_lite.scenery.plants import grass_tuft_mesh
from carla_lite.scenery.site import Site
from carla_lite.scenery.stock import Stock
from carla_lite.scenery.waysides import Wayside
from carla_lite.tags import Tag
import numpy as np


def highway(site: Site) -> None:
    """Fill the sides of highways with rails, boards, walls, trees and far buildings."""
    rng, stock = site.rng, Stock(site.rng)
    blocks = stock.blocks(8, with_shops=0.0)
    lit = rng.random() < 0.6
    bridge_railings(site)
    gantries(site, every_m=300.0)
    footbridges(site, every_m=900.0)
    for side in site.waysides:
        furnish_median(site, stock, side)
        if lit:
            lamps(site, side, 38.0)
        _rails(site, side)
        _signs(site, stock, side, (60, 160))
    for side in site.waysides:
        for start in side.every(rng, 120, 260):
            _wall_or_billboard(site, side, float(start))
        trees(site, stock, side, (8, 24), (5.0, 55.0))
        backdrop(site, stock, side, blocks)


def country(site: Site) -> None:
    """Fill the sides of country roads with fences, fields, woods and a few farms."""
    rng, stock = site.rng, Stock(site.rng)
    farms = stock.houses(10, barns=0.5)
    post, bale = reflector_post_mesh(), hay_bale_mesh()
    tufts = [grass_tuft_mesh(float(rng.uniform(0.2, 0.5)), rng) for _ in range(3)]
    bridge_railings(site)
    for side in site.waysides:
        furnish_median(site, stock, side)
        power_line(site, side, 2.5)
        _bends(site, side)
        s = side.off_bridges(np.arange(side.s[0] + 6, side.s[-1] - 6, 25.0))
        site.put(side.spots(s, 0.9), (0.15, 0.15), post, clear_m=0.2)
        _signs(site, stock, side, (80, 200))
    for side in site.waysides:
        for start in side.every(rng, 70, 160, margin_m=2.0):
            _stretch(site, stock, side, float(start))
        s = side.off_bridges(side.every(rng, 4, 14))
        spots = side.spots(s, rng.uniform(0.7, 2.5, len(s)))
        site.put(spots, (0.4, 0.4), lambda: tufts[int(rng.integers(3))], clear_m=0.3)
        s = side.off_bridges(side.every(rng, 60, 220))
        site.put(side.spots(s, rng.uniform(9, 40, len(s))), (1.5, 1.5), bale, turn=180.0)
        if rng.random() < 0.6:
            frontage(site, stock, side, farms, (8.0, 25.0), (40.0, 140.0))


def _rails(site: Site, side: Wayside) -> None:
    """Put guard rails along most of a side; a half of the strip in the middle has its own."""
    rng, s, end = site.rng, float(side.s[0]) + 1, float(side.s[-1]) - 1
    if not side.lanes.any() and side.sidewalk_m(side.s).min() > 0.7:
        path = side.spots(np.linspace(s, end, max(2, int((end - s) / 4))), 0.4, 'kerb')[:, :3]
        for run in site.off_lanes(path):
            site.add(median_barrier(run, side.sign, rng))
        return
    while s < end:
        length = float(rng.uniform(60, 250))
        if rng.random() < 0.8:
            for path in site.lines(side, (s, min(s + length, end)), 1.0, 4.0, 0.15):
                site.add(guard_rail(path, side.sign))
        s += length + 4.0


def _signs(site: Site, stock: Stock, side: Wayside, every_m: tuple[float, float]) -> None:
    spots = side.spots(side.off_bridges(side.every(site.rng, *every_m)), 1.5)
    spots[:, 3] += AGAINST_TRAFFIC
    site.put(spots, (0.2, 0.2), stock.sign, clear_m=0.5, turn=4.0)


def _wall_or_billboard(site: Site, side: Wayside, start: float) -> None:
    rng = site.rng
    if rng.random() < 0.5:
        length, out_m = float(rng.uniform(40, 110)), float(rng.uniform(3.0, 6.0))
        for path in site.lines(side, (start, min(start + length, side.s[-1])), out_m, 5.0, 2.0):
            site.add(noise_wall(path, rng))
    else:
        spots = side.spots(start, rng.uniform(8, 16))
        spots[:, 3] += AGAINST_TRAFFIC * 0.75
        site.put(spots, (1.0, 8.0), billboard_mesh(rng), clear_m=4.0)


def _bends(site: Site, side: Wayside) -> None:
    """Put arrow boards or a guard rail on the outside of sharp bends."""
    for piece in side.road.pieces:
        if abs(piece.curvature) < 1 / 180 or piece.curvature * side.sign > 0:
            continue
        span = (max(piece.s, side.s[0] + 2), min(piece.s + piece.length, side.s[-1] - 2))
        if site.rng.random() < 0.5:
            for path in site.lines(side, span, 1.0, 4.0, 0.15):
                site.add(guard_rail(path, side.sign))
        else:
            s = np.arange(*span, 14.0)
            spots = side.spots(s, 1.4)
            spots[:, 3] += AGAINST_TRAFFIC * 0.8
            site.put(spots, (0.3, 1.3), chevron_mesh(side.sign > 0), clear_m=0.4)


def _stretch(site: Site, stock: Stock, side: Wayside, start: float) -> None:
    """Make some hundred metres a wood, a fenced meadow, an avenue or road works."""
    rng = site.rng
    end = min(start + float(rng.uniform(50, 130)), float(side.s[-1]) - 2)
    kind = int(rng.choice(4, p=[0.35, 0.4, 0.2, 0.05]))
    if kind == 0:
        count = int((end - start) / 3)
        s = side.off_bridges(rng.uniform(start, end, max(count, 0)))
        spots = side.spots(s, rng.uniform(5, 35, len(s)))
        site.put(spots, (1.5, 1.5), stock.tree, clear_m=4.2, turn=180.0)
    elif kind == 1:
        wood = palettes.drawn(rng, palettes.BOARDS)
        is_white = rng.random() < 0.3
        fence = Finish(
            Tag.FENCES, Material.WOOD, (235, 238, 240) if is_white else wood, 0.0, 140.0
        )
        for path in site.lines(side, (start, end), float(rng.uniform(1.8, 4.0)), 3.0, 0.8):
            site.add(rail_fence(path, fence, (0.4, 0.75, 1.1), 1.2))
    elif kind == 2:
        s = side.off_bridges(np.arange(start, end, float(rng.uniform(8, 15))))
        site.put(side.spots(s, 2.2), (0.8, 0.8), stock.street_tree, clear_m=1.2, turn=180.0)
    else:
        s = np.arange(start, min(start + 40, end), 4.0)
        site.put(side.spots(s, 0.6), (0.4, 0.4), cone_mesh(), clear_m=0.2)
