"""How a town builds and keeps its roads: what its seed decides and its map does not say."""

from dataclasses import dataclass, replace

from carla_lite.materials import Material
import numpy as np

Colour = tuple[int, int, int]
Paving = tuple[Material, Colour]


@dataclass(frozen=True)
class Style:
    """
    Settings of the surface. Lengths are metres at scale 1, densities a 100 m of road.

    :param kerb_lift_m: height of sidewalks and medians over the road; 0 without kerbs.
    :param kerb_colours: BGR tints of kerb stones, one after the other along the kerb.
    :param gutter_m: width of the lighter strip before the kerb, 0 without.
    :param missing: share of the length of markings that is gone; ``ghosts``: that left a shadow.
    """

    seed: int = 0
    kerb_lift_m: float = 0.15
    kerb_top_m: float = 0.2
    kerb_colours: tuple[Colour, ...] = ((255, 255, 255),)
    kerb_stone_m: float = 0.0  # length of a painted stretch; 0: all of one colour
    gutter_m: float = 0.0
    apron_m: float = 0.4  # asphalt beyond the outermost lane where no kerb is
    grass_median: bool = True
    shoulder_gravel: bool = False
    parking_shade: int = 255
    bike_colour: Colour | None = None
    double_gap_m: float = 0.12
    missing: float = 0.0
    ghosts: float = 0.0
    crosswalk_kind: int = 0  # zebra, two lines, ladder
    crosswalk_line_m: float = 0.25
    kerb_line_m: float = 0.0  # a thin line that follows kerbs, so far from them; 0 without
    kerb_line_wide_m: float = 0.1
    track_zebras: float = 0.0  # share of a track's roads
    zebras_are_lines: bool = True
    mats_everywhere: bool = False  # not only under the track
    puzzle_m: float = 0.0  # length of the teeth of mats' joints, 0 for straight ones
    stop_lines: float = 0.9  # share of those that there could be; arrows and words too
    arrows: float = 0.6
    words: float = 0.1
    bays: float = 0.7
    cracks: float = 3.0
    light_cracks: float = 0.0
    seams: float = 0.5
    bright_joints: float = 0.0
    patches: float = 1.0
    trenches: float = 0.3
    manholes: float = 0.8
    drains: float = 1.0
    tyre_marks: float = 0.6
    oil: float = 1.0
    leaves: float = 0.0
    puddles: float = 0.0
    asphalt_tint: int = 225  # of the carriageway; what is brighter or darker differs from it
    wheel_paths: int = 0  # tint of the asphalt where wheels run, 0 without
    oil_strip: int = 215
    slab_m: float = 0.0  # concrete slabs' length, 0 for asphalt
    painted_median: bool = False
    track_material: Material = Material.ASPHALT  # what roads are made of; in a hall other things
    track_colour: Colour = (255, 255, 255)
    floor_colour: Colour = (255, 255, 255)  # white: linoleum, tiles, planks; else a carpet's
    court_lines: int = 0
    shift_ghosts_m: float = 0.3


def draw_style(seed: int, setting: str) -> Style:
    """
    Return the style of a seed.

    :param setting: ``city``, ``suburb``, ``highway``, ``country`` or ``hall``.
    """
    rng = np.random.default_rng([seed, 301])
    kerbed = setting in ('city', 'suburb') or (setting != 'hall' and rng.random() < 0.3)
    heavy = rng.choice([0.0, 0.3, 1.0, 2.2], p=[0.1, 0.35, 0.35, 0.2])
    style = Style(
        seed=seed,
        kerb_lift_m=float(rng.uniform(0.12, 0.18)) if kerbed and rng.random() < 0.92 else 0.0,
        kerb_top_m=float(rng.uniform(0.15, 0.3)),
        gutter_m=float(rng.uniform(0.25, 0.5)) if rng.random() < 0.4 else 0.0,
        apron_m=float(rng.uniform(0.15, 0.6)),
        grass_median=bool(rng.random() < 0.6),
        shoulder_gravel=setting == 'country' and bool(rng.random() < 0.5),
        parking_shade=int(rng.choice([255, 255, 215, 190])),
        double_gap_m=float(rng.uniform(0.1, 0.15)),
        missing=float(rng.choice([0.0, 0.03, 0.12], p=[0.4, 0.4, 0.2])),
        ghosts=float(rng.choice([0.0, 0.05, 0.15], p=[0.6, 0.25, 0.15])),
        crosswalk_kind=int(rng.integers(3)),
        crosswalk_line_m=float(rng.uniform(0.12, 0.32)),
        kerb_line_m=float(rng.uniform(0.12, 0.6)) if rng.random() < 0.4 else 0.0,
        kerb_line_wide_m=float(rng.uniform(0.07, 0.14)),
        arrows=float(rng.choice([0.0, 0.5, 0.9])),
        words=float(rng.choice([0.0, 0.08, 0.2])),
        bays=float(rng.choice([0.0, 0.5, 1.0])),
    )
    colours, stone = _kerb_paint(rng)
    style = replace(style, kerb_colours=colours, kerb_stone_m=stone, bike_colour=_bike(rng))
    style = _dirtied(style, rng, float(heavy), setting)
    return _indoors(style, rng) if setting == 'hall' else style


def _indoors(style: Style, rng: np.random.Generator) -> Style:
    grey = int(rng.integers(25, 120))
    blue, green, red = (int(value) for value in np.clip(grey + rng.integers(-12, 13, 3), 5, 200))
    carpet = (blue, green, red)
    stuff = (Material.MAT, Material.MAT, Material.FLOOR, Material.CARPET, Material.CONCRETE)
    material = stuff[int(rng.integers(len(stuff)))]
    tint = int(rng.integers(215, 245))
    return replace(
        style,
        kerb_lift_m=0.0,
        kerb_line_m=0.0,
        track_zebras=float(rng.choice([0.0, 0.4, 0.8])),
        zebras_are_lines=False,
        mats_everywhere=bool(rng.random() < 0.35),
        puzzle_m=float(rng.uniform(0.4, 0.9)) if rng.random() < 0.6 else 0.0,
        track_material=material,
        track_colour=carpet if material == Material.CARPET else (tint,) * 3,
        floor_colour=carpet if rng.random() < 0.25 else (255, 255, 255),
        court_lines=int(rng.integers(0, 9)) if rng.random() < 0.5 else 0,
        arrows=0.0 if rng.random() < 0.9 else 0.5,
        words=0.0,
        cracks=0.0,
        light_cracks=style.light_cracks / 3,
        patches=0.0,
        trenches=0.0,
        manholes=0.0,
        puddles=0.0,
        leaves=style.leaves / 4,
        wheel_paths=0,
        slab_m=0.0,
    )


def _kerb_paint(rng: np.random.Generator) -> tuple[tuple[Colour, ...], float]:
    plain, white, red, yellow = (255,) * 3, (250, 250, 250), (60, 60, 210), (50, 190, 235)
    choices: list[tuple[tuple[Colour, ...], float]] = [
        ((plain,), 0.0),
        ((plain,), 0.0),
        ((plain,), 0.0),
        (((200, 200, 200),), 0.0),
        ((plain, plain, yellow), 12.0),
        ((plain, red, plain, white), 9.0),
        ((white, red), 1.5),
    ]
    return choices[int(rng.integers(len(choices)))]


def _bike(rng: np.random.Generator) -> Colour | None:
    return [None, (70, 80, 150), (90, 130, 80)][int(rng.integers(3))]


def _dirtied(style: Style, rng: np.random.Generator, heavy: float, setting: str) -> Style:
    def density(most: float) -> float:
        return float(rng.uniform(0, most) * heavy)

    urban = 1.0 if setting in ('city', 'suburb') else 0.25
    tint = int(rng.integers(200, 236))
    return replace(
        style,
        asphalt_tint=tint,
        wheel_paths=tint + int(rng.integers(-18, 19)) if rng.random() < 0.6 else 0,
        oil_strip=tint - int(rng.integers(0, 25)),
        slab_m=float(rng.uniform(4, 8)) if rng.random() < 0.15 else 0.0,
        painted_median=bool(rng.random() < 0.3),
        shift_ghosts_m=float(rng.uniform(0.15, 0.6)),
        cracks=density(6),
        light_cracks=density(2.5),
        seams=density(1.2),
        bright_joints=density(1.0) if rng.random() < 0.4 else 0.0,
        patches=density(2.5),
        trenches=density(0.8),
        manholes=density(2.0) * urban,
        drains=2.0 * urban if style.kerb_lift_m else 0.0,
        tyre_marks=density(1.5),
        oil=density(2.5),
        leaves=density(5) if rng.random() < 0.4 else 0.0,
        puddles=density(1.2) if rng.random() < 0.4 else 0.0,
    )
