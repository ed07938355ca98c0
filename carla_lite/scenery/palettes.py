"""Colours that things have: BGR."""

from collections.abc import Sequence

from carla_lite.scenery.parts import Bgr
import numpy as np

PLASTER: tuple[Bgr, ...] = (
    (205, 222, 232), (175, 205, 225), (140, 185, 215), (120, 160, 195), (200, 205, 200),
    (225, 225, 222), (150, 165, 170), (160, 190, 170), (190, 180, 165), (120, 130, 190),
    (95, 140, 180), (175, 175, 205), (235, 238, 240), (90, 105, 120), (110, 150, 130),
)  # fmt: skip
BRICKS: tuple[Bgr, ...] = (
    (60, 75, 140), (70, 90, 160), (55, 60, 105), (110, 140, 170), (80, 110, 150), (90, 95, 120),
)  # fmt: skip
CONCRETES: tuple[Bgr, ...] = ((150, 155, 158), (125, 130, 132), (180, 182, 184), (105, 110, 118))
BOARDS: tuple[Bgr, ...] = (
    (70, 110, 160), (60, 85, 120), (200, 205, 208), (140, 120, 95), (120, 150, 140), (55, 60, 120),
)  # fmt: skip
TILES: tuple[Bgr, ...] = (
    (55, 75, 140), (65, 70, 95), (70, 70, 72), (50, 60, 85), (95, 105, 120), (60, 95, 165),
    (85, 75, 65),
)  # fmt: skip
TRIMS: tuple[Bgr, ...] = ((238, 240, 242), (210, 216, 220), (180, 200, 214), (90, 95, 98))
SHOPS: tuple[Bgr, ...] = (
    (40, 50, 190), (150, 70, 30), (60, 130, 50), (40, 170, 220), (50, 50, 55), (230, 232, 235),
    (120, 60, 120), (170, 150, 40), (30, 110, 220),
)  # fmt: skip
LACQUERS: tuple[Bgr, ...] = (
    (235, 236, 236), (225, 225, 222), (165, 168, 168), (120, 122, 124), (62, 62, 64), (28, 28, 29),
    (18, 18, 19), (40, 36, 150), (120, 66, 30), (150, 90, 40), (70, 92, 60), (140, 165, 190),
    (30, 60, 110), (28, 150, 220), (60, 110, 200), (90, 60, 90),
)  # fmt: skip
COATS: tuple[Bgr, ...] = (
    (40, 38, 36), (110, 70, 45), (60, 55, 150), (180, 182, 185), (90, 120, 70), (60, 140, 190),
    (150, 110, 140), (220, 222, 225), (70, 75, 95),
)  # fmt: skip
TROUSERS: tuple[Bgr, ...] = (
    (90, 65, 45),
    (45, 42, 42),
    (110, 130, 145),
    (75, 80, 85),
    (60, 75, 95),
)
SKINS: tuple[Bgr, ...] = ((150, 180, 225), (120, 155, 205), (75, 110, 160), (50, 70, 105))
HAIRS: tuple[Bgr, ...] = (
    (25, 30, 38),
    (40, 62, 95),
    (90, 140, 180),
    (150, 152, 155),
    (30, 38, 60),
)


def drawn(rng: np.random.Generator, palette: Sequence[Bgr], spread: float = 0.1) -> Bgr:
    """Return one of the colours, a little lighter or darker and of a slightly other hue."""
    colour = np.asarray(palette[int(rng.integers(len(palette)))], np.float64)
    shade = 1 + spread * rng.uniform(-1, 1)
    blue, green, red = np.clip(colour * shade + rng.uniform(-60, 60, 3) * spread, 0, 255)
    return int(blue), int(green), int(red)
