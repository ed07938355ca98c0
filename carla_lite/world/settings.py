"""How time passes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """
    CARLA's world settings, in wire order.

    :param synchronous: time stands still until a client ticks.
    :param no_rendering: cameras send nothing.
    :param fixed_delta_s: seconds of each tick; ``None`` for as long as it really took.
    """

    synchronous: bool = False
    no_rendering: bool = False
    fixed_delta_s: float | None = None
    substepping: bool = True
    max_substep_s: float = 0.01
    max_substeps: int = 10
    max_culling_distance_m: float = 0.0
    deterministic_ragdolls: bool = True
    tile_stream_distance_m: float = 3000.0
    actor_active_distance_m: float = 2000.0
    spectator_as_ego: bool = True
