"""What a town looks like today: the colours and wear that differ between towns, not its shape."""

from dataclasses import dataclass

from carla_lite.materials import Material
import numpy as np


@dataclass(frozen=True)
class Look:
    """
    Colours and textures of the materials that a town chooses.

    :param albedo: BGR 0..255 of each material up to ``FLOOR``.
    :param wear: share of the paint that is worn away, 0..1.
    :param texture: contrast of the surfaces' grain, 1 is usual.
    """

    albedo: dict[Material, tuple[float, float, float]]
    wear: float = 0.15
    texture: float = 1.0
    seed: int = 0


def draw_look(seed: int) -> Look:
    """Return one of the endless looks; the same seed gives the same one."""
    rng = np.random.default_rng([seed, 71])
    asphalt = rng.uniform(45, 125)
    return Look({Material.ASPHALT: (asphalt, asphalt, asphalt)}, seed=seed)
