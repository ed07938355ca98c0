"""All remote calls: importing this module registers them."""

from carla_lite.server import (
    actor_calls,
    batch_calls,
    map_calls,
    physics_calls,
    session_calls,
    traffic_calls,
    vehicle_calls,
)

__all__ = [
    'actor_calls',
    'batch_calls',
    'map_calls',
    'physics_calls',
    'session_calls',
    'traffic_calls',
    'vehicle_calls',
]
