"""All remote calls: importing this module registers them."""

from carla_lite.server import actor_calls, map_calls, session_calls

__all__ = ['actor_calls', 'map_calls', 'session_calls']
