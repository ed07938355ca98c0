"""How a town's roads are marked: one style for the town, with exceptions."""

from dataclasses import dataclass, replace
from typing import Literal

from carla_lite.roads.network import Mark, MarkKind, Setting
import numpy as np

#: Painted and unpainted length of lane lines, metres, as road authorities have them.
DASHES = ((1.5, 3.0), (2.0, 4.0), (3.0, 3.0), (3.0, 4.5), (3.0, 6.0), (3.0, 9.0), (4.0, 8.0),
          (6.0, 12.0), (6.0, 6.0), (9.0, 9.0))  # fmt: skip
_EDGE_DASHES = ((1.0, 1.0), (1.5, 1.5), (3.0, 3.0))
_CENTRES: tuple[tuple[MarkKind, float], ...] = (
    ('broken', 0.34),
    ('solid', 0.18),
    ('solid solid', 0.20),
    ('solid broken', 0.09),
    ('broken solid', 0.09),
    ('broken broken', 0.06),
    ('none', 0.04),
)


@dataclass(frozen=True)
class Paint:
    """
    Marks of one road.

    :param lane: between lanes of one direction, ``edge`` at the roadway's edge, ``centre`` between
        the directions, ``inner`` along a median.
    :param bay: round parking, ``guide`` through junctions.
    """

    lane: Mark
    edge: Mark
    centre: Mark
    inner: Mark
    bay: Mark
    guide: Mark


def town_paint(rng: np.random.Generator, setting: Setting) -> Paint:
    """Draw a town's style."""
    dash_m, gap_m = DASHES[rng.integers(len(DASHES))]
    width_m = float(rng.choice([0.10, 0.12, 0.15, 0.15, 0.20]))
    centre_colour: Literal['white', 'yellow'] = 'yellow' if rng.random() < 0.5 else 'white'
    white = Mark('broken', 'white', width_m, dash_m, gap_m)
    centre = replace(white, kind=_centre(rng), colour=centre_colour)
    edge = replace(white, kind=_edge(rng, setting))
    if edge.kind == 'broken':
        dash = _EDGE_DASHES[rng.integers(len(_EDGE_DASHES))]
        edge = replace(edge, dash_m=dash[0], gap_m=dash[1])
    if setting == 'highway':
        edge = replace(edge, width_m=float(rng.choice([0.15, 0.20, 0.25])))
    inner = replace(white, kind='solid' if rng.random() < 0.85 else 'none', colour=centre_colour)
    kinds: tuple[MarkKind, ...] = ('solid', 'broken', 'none')
    bay = replace(white, kind=kinds[rng.choice(3, p=[0.5, 0.2, 0.3])], dash_m=0.6, gap_m=0.6)
    guide = Mark('broken' if rng.random() < 0.4 else 'none', 'white', 0.12, 0.5, 1.0)
    return Paint(white, edge, centre, inner, bay, guide)


def road_paint(rng: np.random.Generator, town: Paint, lanes_a_side: int) -> Paint:
    """Draw what one road has: mostly the town's style."""
    lane, edge, centre = town.lane, town.edge, town.centre
    if rng.random() < 0.35:
        centre = replace(centre, kind=_centre(rng))
    if lanes_a_side > 1 and centre.kind in ('none', 'broken', 'broken broken'):
        centre = replace(centre, kind='solid solid' if rng.random() < 0.7 else 'solid')
    if rng.random() < 0.2:
        edge = replace(edge, kind='none' if edge.kind != 'none' else 'solid')
    if rng.random() < 0.15:
        lane = replace(lane, kind='solid')
    if rng.random() < 0.2:
        dash_m, gap_m = DASHES[rng.integers(len(DASHES))]
        lane = replace(lane, dash_m=dash_m, gap_m=gap_m)
    if rng.random() < 0.3:
        dash_m, gap_m = DASHES[rng.integers(len(DASHES))]
        centre = replace(centre, dash_m=dash_m, gap_m=gap_m)
    return replace(town, lane=lane, edge=edge, centre=centre)


def _centre(rng: np.random.Generator) -> MarkKind:
    kinds, shares = zip(*_CENTRES, strict=True)
    return kinds[rng.choice(len(kinds), p=np.array(shares) / sum(shares))]


def _edge(rng: np.random.Generator, setting: str) -> MarkKind:
    solid, broken = {'highway': (0.95, 0.05), 'suburb': (0.6, 0.1), 'city': (0.45, 0.1)}.get(
        setting, (0.45, 0.15)
    )
    draw = rng.random()
    if draw < solid:
        return 'solid'
    return 'broken' if draw < solid + broken else 'none'
