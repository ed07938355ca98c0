"""What stands along the streets of cities and suburbs."""

from carla_lite.scenery.kerbside import lamps, parked, power_line, sidewalk, trees
from carla_lite.scenery.lots import backdrop, frontage
from carla_lite.scenery.medians import furnish_median
from carla_lite.scenery.overhead import bridge_railings, footbridges
from carla_lite.scenery.site import Site
from carla_lite.scenery.stock import Stock


def city(site: Site) -> None:
    """Fill the sides of streets with blocks, shops, parked cars, trees and people."""
    stock = Stock(site.rng)
    blocks = stock.blocks(18, with_shops=float(site.rng.uniform(0.3, 0.8)))
    bridge_railings(site)
    footbridges(site, every_m=500.0)
    for side in site.waysides:
        furnish_median(site, stock, side)
        lamps(site, side, float(site.rng.uniform(25, 40)))
    for side in site.waysides:
        parked(site, stock, side, float(site.rng.uniform(0.3, 0.9)))
        frontage(site, stock, side, blocks, (0.8, 6.0), (0.0, 5.0))
    for side in site.waysides:
        sidewalk(site, stock, side)
        backdrop(site, stock, side, blocks)


def suburb(site: Site) -> None:
    """Fill the sides of streets with houses behind fences and hedges, cars and trees."""
    stock = Stock(site.rng)
    houses = stock.houses(16)
    bridge_railings(site)
    for side in site.waysides:
        furnish_median(site, stock, side)
        lamps(site, side, float(site.rng.uniform(28, 40)))
        power_line(site, side, 0.9)
    for side in site.waysides:
        parked(site, stock, side, float(site.rng.uniform(0.1, 0.5)))
        frontage(site, stock, side, houses, (4.5, 10.0), (5.0, 11.0), has_yard=True)
    for side in site.waysides:
        sidewalk(site, stock, side)
        trees(site, stock, side, (10, 35), (5.0, 22.0))
