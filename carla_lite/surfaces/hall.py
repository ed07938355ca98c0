"""The floor of a hall and the mats on it that a track of small robots is taped to."""

from dataclasses import dataclass

from carla_lite.materials import Material
from carla_lite.mesh import joined, Layer, Mesh, quads
from carla_lite.surfaces.footprint import Footprint, REACH_M
from carla_lite.surfaces.polygons import oriented_boxes, polyline_quads
from carla_lite.surfaces.style import Style
from carla_lite.tags import Tag
import numpy as np

_PIECE_M = 3.0  # seams and lines are cut so short that each piece has the tag of what it lies on
_COURT_COLOURS = ((200, 80, 40), (40, 40, 200), (40, 150, 40), (30, 30, 30), (60, 200, 230))


@dataclass(frozen=True, eq=False)
class _Floor:
    """
    A turned frame of the hall: places in it are a, b.

    :param a: where mats' joints are, the outermost being the edge of the mats; ``b`` too.
    """

    turn: np.ndarray
    a: np.ndarray
    b: np.ndarray
    height: float

    def world(self, flat: np.ndarray) -> np.ndarray:
        """Return (n, 4, 3) of (n, 4, 2)."""
        places = flat @ self.turn.T
        return np.concatenate([places, np.full((*places.shape[:-1], 1), self.height)], axis=-1)


def hall_floor_of(paved: Footprint, corners: np.ndarray, style: Style, scale: float) -> Mesh:
    """
    Return the floor, the mats with their joints, and lines that were there before the track.

    :param corners: (n, 4, 3) of the track.
    """
    rng = np.random.default_rng([style.seed, 306])
    angle = rng.uniform(0, np.pi) if rng.random() < 0.5 else 0.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    spread = corners[..., :2].reshape(-1, 2) @ turn
    mat_m = float(rng.uniform(5.0, 12.0)) * scale
    low = spread.min(axis=0) - rng.uniform(0.5, 6.0, 2) * scale
    count = np.ceil((spread.max(axis=0) + rng.uniform(0.5, 6.0, 2) * scale - low) / mat_m)
    a, b = (low[i] + np.arange(int(count[i]) + 1) * mat_m for i in (0, 1))
    floor = _Floor(turn, a, b, float(corners[..., 2].min()))
    parts = [_tiles(floor, style, scale, rng)]
    if style.track_material == Material.MAT:
        parts.append(_joints(floor, paved, style, scale, rng))
    parts.append(_court_lines(floor, paved, style, scale, rng))
    return joined(parts)


def _tiles(floor: _Floor, style: Style, scale: float, rng: np.random.Generator) -> Mesh:
    """Return mats inside, floor around them."""
    reach, parts = REACH_M * scale, 6
    lines = [
        np.concatenate(
            [
                np.linspace(line[0] - reach, line[0], parts, endpoint=False),
                line,
                np.linspace(line[-1], line[-1] + reach, parts + 1)[1:],
            ]
        )
        for line in (floor.a, floor.b)
    ]
    a, b = np.meshgrid(*lines, indexing='ij')
    grid = np.stack([a, b], axis=-1)
    cells = np.stack([grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]], axis=2)
    inside = np.zeros(cells.shape[:2], bool)
    inside[parts:-parts, parts:-parts] = True
    mats = floor.world(cells[inside])
    shades = np.broadcast_to(style.track_colour, (len(mats), 3))
    if style.track_material == Material.MAT:  # no two are quite alike
        shades = (shades + rng.integers(-14, 11, (len(mats), 1))).clip(0, 255)
    if not style.mats_everywhere:
        inside[:] = False
        mats, shades = mats[:0], shades[:0]
    rest, colour = floor.world(cells[~inside]), style.floor_colour
    material = Material.FLOOR if colour == (255, 255, 255) else Material.CARPET
    return joined(
        [
            quads(mats, Tag.GROUND, style.track_material, Layer.TERRAIN, colour=shades),
            quads(rest, Tag.GROUND, material, Layer.TERRAIN, colour=colour),
        ]
    )


def _joints(
    floor: _Floor, paved: Footprint, style: Style, scale: float, rng: np.random.Generator
) -> Mesh:
    """Return the seams between mats; some gape and show the floor."""
    width = float(rng.uniform(0.015, 0.06)) * scale
    lines = [((x, floor.b[0]), (x, floor.b[-1])) for x in floor.a]
    lines += [((floor.a[0], y), (floor.a[-1], y)) for y in floor.b]
    dark = rng.random() < 0.7
    material, shade = (Material.TAR, 220) if dark else (Material.CONCRETE, 255)
    flat = (
        [_teeth(np.array(line), style.puzzle_m * scale, width) for line in lines]
        if style.puzzle_m
        else [_pieces(np.array(line), width, scale) for line in lines]
    )
    mesh = _tagged(np.concatenate(flat), floor, paved, material, (shade,) * 3, scale)
    return mesh if style.mats_everywhere else mesh.rows(np.flatnonzero(mesh.tag == Tag.ROADS))


def _teeth(ends: np.ndarray, tooth: float, width: float) -> np.ndarray:
    """Return (n, 4, 2) pieces of a joint like that of a jigsaw puzzle."""
    length = float(np.linalg.norm(ends[1] - ends[0]))
    along = (ends[1] - ends[0]) / length
    count = 4 * max(2, int(length / (2 * tooth)))
    # up, on, down, on: a square wave with slanted flanks
    s = np.arange(count + 1) * (length / count)
    side = np.array([0.0, 1.0, 1.0, 0.0])[np.arange(count + 1) % 4] * tooth * 0.6
    across = np.array([-along[1], along[0]])
    return polyline_quads(ends[0] + along * s[:, None] + across * side[:, None], width)


def _court_lines(
    floor: _Floor, paved: Footprint, style: Style, scale: float, rng: np.random.Generator
) -> Mesh:
    """Return coloured lines of a playing field: no lane markings, though they look alike."""
    low = np.array([floor.a[0], floor.b[0]]) - 20 * scale
    high = np.array([floor.a[-1], floor.b[-1]]) + 20 * scale
    parts = []
    for _ in range(style.court_lines):
        level = rng.random() < 0.5
        ends = rng.uniform(low, high, (2, 2))
        ends[1, int(level)] = ends[0, int(level)]
        colour = _COURT_COLOURS[rng.integers(len(_COURT_COLOURS))]
        width = float(rng.uniform(0.3, 0.6)) * scale
        flat = _pieces(ends, width, scale)
        parts.append(_tagged(flat, floor, paved, Material.LACQUER, colour, scale))
    mesh = joined(parts)
    if style.track_material != Material.MAT or not len(mesh):
        return mesh
    # mats lie on such lines
    middle = mesh.corners.mean(axis=1)[:, :2] @ floor.turn
    inner = (middle > (floor.a[0], floor.b[0])) & (middle < (floor.a[-1], floor.b[-1]))
    bare = ~inner.all(axis=1) if style.mats_everywhere else mesh.tag == Tag.GROUND
    return mesh.rows(np.flatnonzero(bare))


def _pieces(ends: np.ndarray, width: float, scale: float) -> np.ndarray:
    """Return (n, 4, 2) pieces of a straight line; ``ends``: (2, 2)."""
    start, stop = ends
    length = float(np.linalg.norm(stop - start))
    count = max(1, int(np.ceil(length / (_PIECE_M * scale))))
    middle = start + (stop - start) * ((np.arange(count) + 0.5) / count)[:, None]
    angle = float(np.arctan2(*(stop - start)[::-1]))
    return oriented_boxes(middle, np.full(count, length / count), np.full(count, width), angle)


def _tagged(
    flat: np.ndarray,
    floor: _Floor,
    paved: Footprint,
    material: Material,
    colour: tuple[int, int, int],
    scale: float,
) -> Mesh:
    """Return pieces of lines, those on the track tagged as such; ``flat``: (n, 4, 2)."""
    corners = floor.world(flat)
    on_track = paved.clearance(corners.mean(axis=1)[:, :2]) == 0
    far_m = (35.0 if len(flat) > 1000 else 60.0) * scale  # teeth are many
    return joined(
        [
            quads(corners[chosen], tag, material, Layer.DIRT, colour=colour, far_m=far_m)
            for chosen, tag in ((on_track, Tag.ROADS), (~on_track, Tag.GROUND))
        ]
    )
