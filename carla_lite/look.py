"""What a town looks like today: the colours and wear that differ between towns, not its shape."""

from dataclasses import dataclass

from carla_lite.materials import Material
import numpy as np

_BGR = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """
    Colours and textures of the materials that a town chooses.

    :param albedo: BGR 0..255 of each material up to ``FLOOR``.
    :param wear: share of the paint that is worn away, 0..1; single marks differ around it.
    :param texture: contrast of the surfaces' grain, 1 is usual.
    :param blotches: contrast of large stains on the ground, 0..1.
    :param grime: how far paint takes the colour of what is under it, 0..1.
    """

    albedo: dict[Material, _BGR]
    wear: float = 0.12
    texture: float = 1.0
    blotches: float = 0.08
    grime: float = 0.0
    seed: int = 0


def usual_look() -> Look:
    """Return a plain one: grey asphalt, white and yellow paint; for comparing with."""
    return Look(
        {
            Material.ASPHALT: (92, 92, 92), Material.CONCRETE: (150, 152, 152),
            Material.WHITE_PAINT: (225, 225, 225), Material.YELLOW_PAINT: (60, 180, 220),
            Material.KERB: (150, 152, 155), Material.SIDEWALK: (140, 143, 146),
            Material.GRASS: (55, 105, 80), Material.SOIL: (70, 95, 120),
            Material.GRAVEL: (125, 135, 140), Material.PATCH: (70, 70, 70),
            Material.TAR: (38, 38, 38), Material.LEAVES: (50, 95, 65),
            Material.BARK: (60, 75, 90), Material.MAT: (58, 56, 56),
            Material.WHITE_TAPE: (228, 228, 228), Material.YELLOW_TAPE: (50, 185, 225),
            Material.FLOOR: (135, 150, 165),
        }
    )  # fmt: skip


def draw_look(seed: int) -> Look:
    """Return one of the endless looks; the same seed gives the same one."""
    rng = np.random.default_rng([seed, 71])
    asphalt = _asphalt(rng)
    white = _white(rng, asphalt)
    mat = _tinted(rng, rng.uniform(28, 110), 0.12)
    albedo = {
        Material.ASPHALT: asphalt,
        Material.CONCRETE: _tinted(rng, rng.uniform(120, 195), 0.06),
        Material.WHITE_PAINT: white,
        Material.YELLOW_PAINT: _yellow(rng),
        Material.KERB: _tinted(rng, rng.uniform(95, 225), 0.06),
        Material.SIDEWALK: _tinted(rng, rng.uniform(85, 210), 0.09),
        Material.GRASS: _grass(rng),
        Material.SOIL: _scaled((60, 90, 120), rng.uniform(0.6, 1.5)),
        Material.GRAVEL: _tinted(rng, rng.uniform(90, 190), 0.08),
        Material.PATCH: _scaled(
            asphalt, rng.choice([rng.uniform(0.55, 0.9), rng.uniform(1.1, 1.35)])
        ),
        Material.TAR: _scaled(asphalt, rng.uniform(0.3, 0.75)),
        Material.LEAVES: _leaves(rng),
        Material.BARK: _tinted(rng, rng.uniform(40, 120), 0.15),
        Material.MAT: mat,
        Material.WHITE_TAPE: _tinted(rng, rng.uniform(170, 250), 0.05),
        Material.YELLOW_TAPE: _yellow(rng),
        Material.FLOOR: _tinted(rng, rng.uniform(60, 225), 0.16),
    }
    return Look(
        albedo,
        wear=float(rng.choice([0.0, rng.uniform(0.02, 0.2), rng.uniform(0.15, 0.5)])),
        texture=float(rng.uniform(0.15, 1.5)),
        blotches=float(rng.uniform(0.0, 0.16)),
        grime=float(rng.choice([0.0, rng.uniform(0.0, 0.4)])),
        seed=seed,
    )


def _asphalt(rng: np.random.Generator) -> _BGR:
    """Black and new, grey and old, or bleached and sandy as in some of CARLA's towns."""
    kind = rng.choice(3, p=[0.3, 0.4, 0.3])
    if kind == 2:
        level = rng.uniform(115, 205)
        warm = rng.uniform(0.0, 0.16)
        return (level * (1 - warm), level, level * (1 + 0.6 * warm))
    return _tinted(rng, rng.uniform(28, 70) if kind == 0 else rng.uniform(65, 130), 0.07)


def _white(rng: np.random.Generator, asphalt: _BGR) -> _BGR:
    """
    Return fresh paint, or in a third of the towns paint that hardly differs from the road.

    Without the latter, a network that had seen only fresh paint left out most of the bleached
    lines of a real CARLA town: recall .38 at a precision of .80.
    """
    if rng.random() < 0.35:
        level = max(asphalt) * rng.uniform(1.07, 1.4)
        return _tinted(rng, float(np.clip(level, 70, 250)), 0.03)
    return _tinted(rng, rng.uniform(175, 250), 0.04)


def _yellow(rng: np.random.Generator) -> _BGR:
    """From pale lemon to orange."""
    red = rng.uniform(165, 250)
    return (red * rng.uniform(0.1, 0.62), red * rng.uniform(0.66, 0.95), red)


def _grass(rng: np.random.Generator) -> _BGR:
    green = rng.uniform(65, 150)
    return (green * rng.uniform(0.3, 0.65), green, green * rng.uniform(0.6, 1.12))


def _leaves(rng: np.random.Generator) -> _BGR:
    green = rng.uniform(60, 150)
    return (green * rng.uniform(0.35, 0.7), green, green * rng.uniform(0.5, 1.5))


def _tinted(rng: np.random.Generator, level: float, spread: float) -> _BGR:
    """Return a grey of a level with a little colour."""
    blue, green, red = np.clip(level * (1 + spread * rng.uniform(-1, 1, 3)), 5, 252)
    return (float(blue), float(green), float(red))


def _scaled(colour: _BGR, factor: float) -> _BGR:
    blue, green, red = (min(252.0, channel * float(factor)) for channel in colour)
    return (blue, green, red)
