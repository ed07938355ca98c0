"""What stands beside the roads of each kind of place."""

from collections.abc import Callable

from carla_lite.materials import Material
from carla_lite.mesh import Mesh
from carla_lite.scenery.parts import box, Finish, tube
from carla_lite.scenery.site import Site
from carla_lite.scenery.vehicles import vehicle_mesh
from carla_lite.tags import Tag
import numpy as np


def town(site: Site) -> None:
    """Put up houses, lamp posts and parked cars."""
    pole = Finish(Tag.POLES, Material.METAL, (90, 92, 92))
    post = tube((0, 0, 0), (0, 0, 7), 0.08, pole, sides=4)
    car = vehicle_mesh('car', (4.5, 1.8, 1.45), (60, 40, 160))
    for side in site.waysides:
        s = side.every(site.rng, 25, 40)
        site.put(side.spots(s, 0.4, 'kerb'), (0.3, 0.3), post, clear_m=None, bulbs=[(1.0, 0, 7)])
        s = side.every(site.rng, 6, 30)
        s = s[np.isfinite(np.interp(s, side.s, side.parking))]
        spots = side.spots(s, 0.0, 'parking')
        spots[:, 3] += 90 * side.sign
        site.put(spots, (4.5, 1.8), car, clear_m=None)
        s = side.off_bridges(side.every(site.rng, 16, 30))
        site.put(side.spots(s, 14.0), (12.0, 14.0), lambda: _block(site), clear_m=2.0)


def _block(site: Site) -> Mesh:
    blue, green, red = (int(v) for v in site.rng.integers(90, 220, 3))
    height = float(site.rng.uniform(5, 18))
    finish = Finish(Tag.BUILDINGS, Material.FACADE, (blue, green, red))
    return box((12, 14, height), (0, 0, height / 2), finish)


PLANS: dict[str, Callable[[Site], None]] = {
    'city': town,
    'suburb': town,
    'highway': town,
    'country': town,
    'hall': lambda site: None,
}
