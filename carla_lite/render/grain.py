"""What each material's surface looks like from near: a tile that repeats."""

from collections.abc import Callable

from carla_lite.materials import Material
from carla_lite.render.noise import fractal_noise, tiling_noise
import numpy as np

TILE_PX = 256
#: Metres that one tile covers.
TILE_M = dict.fromkeys(Material, 3.0) | {
    Material.ASPHALT: 4.0, Material.PATCH: 4.0, Material.CONCRETE: 5.0, Material.WHITE_PAINT: 1.5,
    Material.YELLOW_PAINT: 1.5, Material.SIDEWALK: 4.0, Material.KERB: 2.0, Material.MAT: 0.32,
    Material.WHITE_TAPE: 0.5, Material.YELLOW_TAPE: 0.5, Material.FLOOR: 1.6,
    Material.FACADE: 7.0, Material.BRICK: 2.0, Material.ROOF: 2.5, Material.LEAVES: 1.8,
    Material.CARPET: 0.6, Material.GRASS: 3.5,
}  # fmt: skip

Grain = Callable[[np.random.Generator], np.ndarray]


def draw_grain(material: Material, rng: np.random.Generator) -> np.ndarray:
    """Return a material's tile: (TILE_PX, TILE_PX) float32 factors of its albedo, mean 1."""
    grain = _GRAINS.get(material, _faint)(rng)
    return np.clip(grain / grain.mean(), 0.0, 1.99).astype(np.float32)


def _noise(rng: np.random.Generator, cell: float) -> np.ndarray:
    return tiling_noise(rng, TILE_PX, cell)


def _faint(rng: np.random.Generator) -> np.ndarray:
    return 1 + 0.02 * _noise(rng, 1.0) + 0.02 * _noise(rng, 20.0)


def _asphalt(rng: np.random.Generator) -> np.ndarray:
    """Stones in bitumen; some kinds show waves as CARLA's own does."""
    fine = rng.uniform(0.03, 0.13) * _noise(rng, rng.uniform(0.5, 1.0))
    middle = rng.uniform(0.01, 0.07) * tiling_noise(
        rng, TILE_PX, rng.uniform(2.0, 5.0), (rng.uniform(1, 3), 1.0)
    )
    stones = rng.uniform(0.0, 0.25) * (_noise(rng, 0.8) > 2.2)
    return 1 + fine + middle + stones + 0.03 * fractal_noise(rng, TILE_PX, 40.0)


def _concrete(rng: np.random.Generator) -> np.ndarray:
    grain = 1 + 0.03 * _noise(rng, 0.7) + 0.04 * fractal_noise(rng, TILE_PX, 50.0)
    grain[:, : rng.integers(1, 3)] *= rng.uniform(0.6, 0.95)
    return grain


def _paint(rng: np.random.Generator) -> np.ndarray:
    return 1 + 0.04 * _noise(rng, 0.8) + 0.04 * fractal_noise(rng, TILE_PX, 24.0)


def _slabs(rng: np.random.Generator) -> np.ndarray:
    """Flagstones with joints."""
    across, along = rng.choice([2, 3, 4, 8]), rng.choice([2, 4, 8])
    grain = 1 + 0.05 * _noise(rng, 0.8) + 0.04 * fractal_noise(rng, TILE_PX, 30.0)
    tint = 1 + 0.05 * rng.standard_normal((along, across))
    grain *= np.kron(tint, np.ones((TILE_PX // along, TILE_PX // across + 1)))[:, :TILE_PX]
    joint = rng.uniform(0.6, 0.95)
    grain[(np.arange(TILE_PX) % (TILE_PX // along)) < 2] *= joint
    grain[:, (np.arange(TILE_PX) % (TILE_PX // across)) < 2] *= joint
    return grain


def _kerb(rng: np.random.Generator) -> np.ndarray:
    grain = 1 + 0.06 * _noise(rng, 0.8) + 0.05 * fractal_noise(rng, TILE_PX, 30.0)
    grain[:, :3] *= 0.6
    grain[:3] *= 0.8
    return grain


def _grass(rng: np.random.Generator) -> np.ndarray:
    blades = 0.22 * tiling_noise(rng, TILE_PX, 0.9, (0.6, 1.5)) + 0.10 * _noise(rng, 6.0)
    return 1 + blades + 0.08 * fractal_noise(rng, TILE_PX, 60.0)


def _gravel(rng: np.random.Generator) -> np.ndarray:
    return 1 + 0.16 * _noise(rng, 1.2) + 0.10 * _noise(rng, 0.5) + 0.05 * _noise(rng, 25.0)


def _leaves(rng: np.random.Generator) -> np.ndarray:
    return 1 + 0.35 * _noise(rng, 2.5) + 0.25 * _noise(rng, 1.0)


def _mat(rng: np.random.Generator) -> np.ndarray:
    """Rubber with ribs, diamonds or dots, or nearly smooth."""
    y, x = np.mgrid[0:TILE_PX, 0:TILE_PX] * (2 * np.pi / TILE_PX)
    waves = int(rng.integers(6, 24))
    kind = rng.integers(4)
    pattern = {
        0: np.sin(waves * x), 1: np.sin(waves * (x + y)) * np.sin(waves * (x - y)),
        2: np.sin(waves * x) * np.sin(waves * y), 3: np.zeros_like(x),
    }[int(kind)]  # fmt: skip
    return 1 + rng.uniform(0.05, 0.25) * pattern + 0.06 * _noise(rng, 0.9)


def _facade(rng: np.random.Generator) -> np.ndarray:
    """Two by two windows with frames in a wall."""
    grain = 1 + 0.04 * _noise(rng, 1.0) + 0.03 * fractal_noise(rng, TILE_PX, 40.0)
    wide, high = int(rng.integers(40, 90)), int(rng.integers(50, 95))
    frame = int(rng.integers(2, 6))
    for row in (0, 128):
        for column in (0, 128):
            top, left = row + (128 - high) // 2, column + (128 - wide) // 2
            grain[top - frame : top + high + frame, left - frame : left + wide + frame] = (
                rng.uniform(1.1, 1.7)
            )
            grain[top : top + high, left : left + wide] = rng.uniform(0.15, 0.7)
            grain[top : top + high, left + wide // 2 - 1 : left + wide // 2 + 1] = 1.2
    if rng.random() < 0.5:
        grain[:6] *= 1.3
    return grain


def _brick(rng: np.random.Generator) -> np.ndarray:
    grain = 1 + 0.06 * _noise(rng, 1.0)
    rows = 16
    step = TILE_PX // rows
    for row in range(rows):
        band = slice(row * step, (row + 1) * step)
        shift = (row % 2) * 16
        grain[band] *= np.roll(np.repeat(rng.normal(1, 0.1, 8), 32), shift)
        grain[row * step : row * step + 2] = 1.25
        grain[band, (np.arange(8) * 32 + shift) % TILE_PX] = 1.25
    return grain


def _roof(rng: np.random.Generator) -> np.ndarray:
    rows = np.abs(np.sin(np.arange(TILE_PX) * np.pi / 16))[:, None]
    return 0.8 + 0.3 * rows + 0.08 * _noise(rng, 1.0)


def _planks(rng: np.random.Generator) -> np.ndarray:
    grain = 1 + 0.10 * tiling_noise(rng, TILE_PX, 1.0, (1.0, 12.0))
    grain[:, (np.arange(TILE_PX) % 32) < 2] *= 0.6
    return grain


def _floor(rng: np.random.Generator) -> np.ndarray:
    """Linoleum, tiles or planks."""
    kind = rng.integers(3)
    if kind == 0:
        return 1 + 0.015 * _noise(rng, 0.8) + 0.02 * fractal_noise(rng, TILE_PX, 50.0)
    return _slabs(rng) if kind == 1 else 0.7 + 0.3 * _planks(rng).T


_GRAINS: dict[Material, Grain] = {
    Material.ASPHALT: _asphalt, Material.PATCH: _asphalt, Material.CONCRETE: _concrete,
    Material.WHITE_PAINT: _paint, Material.YELLOW_PAINT: _paint, Material.WHITE_TAPE: _paint,
    Material.YELLOW_TAPE: _paint, Material.KERB: _kerb, Material.SIDEWALK: _slabs,
    Material.GRASS: _grass, Material.SOIL: _gravel, Material.GRAVEL: _gravel,
    Material.LEAVES: _leaves, Material.MAT: _mat, Material.FLOOR: _floor,
    Material.FACADE: _facade, Material.WALL: _concrete, Material.BRICK: _brick,
    Material.ROOF: _roof, Material.BARK: _planks, Material.WOOD: _planks,
    Material.CARPET: _gravel,
}  # fmt: skip
