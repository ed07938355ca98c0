"""What stands beside the roads and what drives on them."""

from carla_lite.scenery.placing import Scenery, scenery_of

__all__ = ['Scenery', 'scenery_of']
