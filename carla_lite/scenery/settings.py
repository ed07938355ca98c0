"""What stands beside the roads of each kind of place."""

from collections.abc import Callable

from carla_lite.roads.network import Setting
from carla_lite.scenery.hall import hall
from carla_lite.scenery.open_country import country, highway
from carla_lite.scenery.site import Site
from carla_lite.scenery.streets import city, suburb

PLANS: dict[Setting, Callable[[Site], None]] = {
    'city': city,
    'suburb': suburb,
    'highway': highway,
    'country': country,
    'hall': hall,
}
