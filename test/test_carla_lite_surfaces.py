"""Surfaces: paint lies where the map says, everything is covered, nothing is too much."""

from dataclasses import fields

from carla_lite.materials import Material
from carla_lite.mesh import Layer, Mesh
from carla_lite.roads.ground import Ground
from carla_lite.roads.network import (
    Crossing,
    Cubic,
    Lane,
    Mark,
    Network,
    Piece,
    Road,
    Section,
    Signal,
    STOP_SIGN,
)
from carla_lite.surfaces import draw_style, Style, Surface, surface_of
from carla_lite.tags import Tag
from carla_lite.towns.catalogue import build_network, TOWN_NAMES
import cv2
import numpy as np
import pytest

CLEAN = Style(
    cracks=0, seams=0, patches=0, trenches=0, manholes=0, drains=0, tyre_marks=0, oil=0,
    arrows=0, words=0, bays=0, stop_lines=1,
)  # fmt: skip
GROUND_TAGS = {Tag.TERRAIN, Tag.GROUND, Tag.SIDEWALKS, Tag.ROADS}


def widths(metres: float) -> tuple[Cubic, ...]:
    return (Cubic(0.0, metres),)


def hilly_road(**changes) -> Road:
    """Return a straight and a bend on a slope, banked, with a lane that widens."""
    lanes = (
        Lane(-1, 'driving', (Cubic(0.0, 3.0, 0.01),), Mark('broken', 'white', 0.15, 3.0, 6.0)),
        Lane(-2, 'driving', widths(3.2), Mark('solid', 'white', 0.12)),
        Lane(-3, 'shoulder', widths(1.5)),
        Lane(1, 'driving', widths(3.5)),
        Lane(2, 'sidewalk', widths(2.0)),
    )
    pieces = (Piece(0, 5, -3, 0.4, 50), Piece(50, 51.053, 16.471, 0.4, 60, 0.02))
    parts = {
        'sections': (Section(0.0, lanes, Mark('solid solid', 'yellow', 0.1)),),
        'elevation': (Cubic(0.0, 2.0, 0.03),),
        'superelevation': (Cubic(0.0, 0.04),),
    }
    return Road(1, pieces, **(parts | changes))


def surface(road: Road, style: Style = CLEAN) -> Surface:
    network = Network('Test', (road,), setting='suburb')
    return surface_of(network, Ground(network), 1, style)


def fine(mesh: Mesh, layer: Layer, material: Material | None = None) -> np.ndarray:
    chosen = (mesh.layer == layer) & (mesh.near_m == 0)
    if material is not None:
        chosen &= mesh.material == material
    return mesh.corners[chosen].astype(float)


def spans_along(road: Road, t: np.ndarray, quads: np.ndarray, s: np.ndarray) -> np.ndarray:
    """
    Return (n, 2) s of the ends of the quads that lie along a line, checked to be within 1 cm.

    Contiguous quads are joined.
    """
    line = road.points(s, t)
    ends = np.stack([(quads[:, 0] + quads[:, 3]) / 2, (quads[:, 1] + quads[:, 2]) / 2], axis=1)
    away = np.linalg.norm(ends[:, :, None] - line, axis=-1)
    mine = away.min(axis=-1).max(axis=1) < 0.01
    spans = np.sort(s[away[mine].argmin(axis=-1)], axis=1)
    spans = spans[np.argsort(spans[:, 0])]
    joined = [list(spans[0])]
    for begin, end in spans[1:]:
        if begin - joined[-1][1] < 0.02:
            joined[-1][1] = end
        else:
            joined.append([begin, end])
    return np.array(joined)


@pytest.fixture(scope='module', params=TOWN_NAMES)
def town(request) -> tuple[Network, Ground, Surface]:
    network = build_network(request.param, 3)
    ground = Ground(network)
    return network, ground, surface_of(network, ground, 3)


def test_dashes_have_their_length_and_gap_on_the_lanes_edge_all_along_a_bend():
    road = hilly_road()
    s = np.arange(0.0, road.length, 0.005)
    edge = road.lane_edges(road.sections[0], -1, s)[:, 1]
    paint = fine(surface(road).mesh, Layer.PAINT, Material.WHITE_PAINT)
    spans = spans_along(road, edge, paint, s)
    assert len(spans) == 13  # of 9 m each on 110 m
    assert np.allclose(spans[:-1, 1] - spans[:-1, 0], 3.0, atol=0.02)
    assert np.allclose(np.diff(spans[:, 0]), 9.0, atol=0.02)


def test_lines_have_their_width_and_doubles_their_gap():
    road = hilly_road()
    s = np.arange(0.0, road.length, 0.005)
    mesh = surface(road).mesh
    apart = (0.1 + CLEAN.double_gap_m) / 2
    yellow = fine(mesh, Layer.PAINT, Material.YELLOW_PAINT)
    for t in (apart, -apart):
        assert np.allclose(
            spans_along(road, np.full_like(s, t), yellow, s), [[0, road.length]], atol=0.01
        )
    across = np.linalg.norm(yellow[:, 0] - yellow[:, 3], axis=1)
    assert np.allclose(across, 0.1, atol=0.001)
    white = fine(mesh, Layer.PAINT, Material.WHITE_PAINT)
    across = np.linalg.norm(white[:, 0] - white[:, 3], axis=1)
    assert set(across.round(2)) == {0.12, 0.15}


def test_a_line_by_the_kerb_lies_wholly_on_the_road():
    road = hilly_road(
        sections=(
            Section(
                0.0,
                (
                    Lane(-1, 'driving', widths(3.5), Mark('solid', width_m=0.2)),
                    Lane(-2, 'sidewalk', widths(2.0)),
                ),
            ),
        ),
        superelevation=(),
    )
    paint = fine(surface(road).mesh, Layer.PAINT)
    s = np.arange(0.0, road.length, 0.005)
    spans = spans_along(road, np.full_like(s, -3.4), paint, s)
    assert np.allclose(spans, [[0, road.length]], atol=0.01)


def test_missing_and_removed_markings_are_not_labelled_as_lines():
    road = hilly_road()
    whole = surface(road).mesh
    worn = surface(road, Style(**{**vars(CLEAN), 'missing': 0.4, 'ghosts': 1.0})).mesh
    count = [(mesh.tag == Tag.ROAD_LINES).sum() for mesh in (whole, worn)]
    assert count[1] < 0.9 * count[0]
    ghosts = worn.layer == Layer.DIRT
    assert ghosts.any()
    assert set(worn.tag[ghosts]) == {Tag.ROADS}


def test_stop_line_ends_at_its_sign_and_spans_its_lanes():
    sign = Signal('7', 100.0, -8.0, STOP_SIGN, '+', (-1, -2))
    road = hilly_road(signals=(sign,), superelevation=(), elevation=(Cubic(0, 0),))
    without, with_line = (
        fine(surface(item).mesh, Layer.PAINT)
        for item in (hilly_road(superelevation=(), elevation=(Cubic(0, 0),)), road)
    )
    known = {tuple(quad.ravel().round(3)) for quad in without}
    line = np.array([quad for quad in with_line if tuple(quad.ravel().round(3)) not in known])
    places = line.reshape(-1, 3)
    lanes = road.lane_edges(road.sections[0], -2, np.array([100.0]))[0, 1]
    far_edge = road.points(np.full(50, 100.0), np.linspace(0, lanes, 50))
    depth = np.linalg.norm(places[:, None] - far_edge, axis=-1).min(axis=1)
    assert 0.3 <= depth.max() <= 0.6
    for end in far_edge[[0, -1]]:
        assert np.linalg.norm(places - end, axis=1).min() < 0.02


def test_markings_end_where_pedestrians_cross():
    crossing = Crossing(105.0, 3.0)
    road = hilly_road(crossings=(crossing,))
    result = surface(road)
    s = np.arange(0.0, road.length, 0.005)
    yellow = fine(result.mesh, Layer.PAINT, Material.YELLOW_PAINT)
    apart = (0.1 + CLEAN.double_gap_m) / 2
    assert np.allclose(spans_along(road, np.full_like(s, apart), yellow, s), [[0, 105]], atol=0.01)
    (corners,) = result.crosswalks
    assert corners.shape == (4, 3)
    assert corners.dtype == np.float32
    bars = fine(result.mesh, Layer.PAINT, Material.WHITE_PAINT).mean(axis=1)[:, :2]
    inside = [
        cv2.pointPolygonTest(corners[:, :2].copy(), point.tolist(), False) > 0 for point in bars
    ]
    assert sum(inside) >= 8


def test_kerbs_stand_over_the_road():
    road = hilly_road(superelevation=(), elevation=(Cubic(0.0, 2.0),))
    mesh = surface(road).mesh
    faces = mesh.corners[(mesh.material == Material.KERB) & (mesh.near_m == 0)]
    heights = faces[:, :, 2] - 2.0
    assert np.isclose(heights.max(), CLEAN.kerb_lift_m, atol=1e-4)
    assert np.isclose(heights.min(), 0.0, atol=1e-4)
    assert set(mesh.tag[mesh.material == Material.KERB]) == {Tag.SIDEWALKS}


def test_quads_are_convex_flat_enough_and_not_degenerate(town):
    network, _, result = town
    corners = result.mesh.corners.astype(float)
    step = np.roll(corners, -1, axis=1) - corners
    turns = np.cross(step, np.roll(step, -1, axis=1))
    normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    area = np.linalg.norm(normal, axis=1) / 2
    assert area.min() > 1e-6 * network.scale**2
    unit = normal / (2 * area[:, None])
    bent = np.einsum('nki,ni->nk', turns, unit) / area[:, None]
    assert (bent > -0.02).all()
    assert np.isfinite(corners).all()


def test_layers_have_their_tags_and_anchors_lie_in_the_town(town):
    network, ground, result = town
    mesh = result.mesh
    painted = set(mesh.tag[mesh.layer == Layer.PAINT])
    # a track's zebras are no lane markings: style.zebras_are_lines
    assert painted - {Tag.ROADS} == {Tag.ROAD_LINES}
    assert Tag.ROADS not in painted or network.setting == 'hall'
    assert set(mesh.tag[mesh.layer == Layer.ROAD]) == {Tag.ROADS}
    assert Tag.ROAD_LINES not in mesh.tag[mesh.layer != Layer.PAINT]
    assert set(mesh.tag) <= {*GROUND_TAGS, Tag.ROAD_LINES, Tag.BRIDGE}
    low_x, low_y, high_x, high_y = np.array(ground.bounds) + np.array([-8, -8, 8, 8])
    assert (mesh.anchor[:, :2] > (low_x, low_y)).all()
    assert (mesh.anchor[:, :2] < (high_x, high_y)).all()
    if network.scale < 1:
        paints = set(mesh.material[mesh.layer == Layer.PAINT])
        assert paints <= {Material.WHITE_TAPE, Material.YELLOW_TAPE}


def test_paint_lies_on_pavement_and_the_ground_has_no_holes(town):
    network, ground, result = town
    mesh = result.mesh
    pixel = 0.2 * network.scale
    low = np.array(ground.bounds[:2])
    size = np.ceil((np.array(ground.bounds[2:]) - low) / pixel).astype(int)
    road = np.zeros(size[::-1], np.uint8)
    everything = np.zeros(size[::-1], np.uint8)
    ground_layers = (Layer.TERRAIN, Layer.ROAD, Layer.SIDEWALK)
    for quad, layer in zip(mesh.corners, mesh.layer, strict=True):
        places = np.round((quad[:, :2] - low) / pixel * 16).astype(np.int32)
        if layer == Layer.ROAD:
            cv2.fillConvexPoly(road, places, 1, shift=4)
        if layer in ground_layers:
            cv2.fillConvexPoly(everything, places, 1, shift=4)
    paint = mesh.corners[mesh.layer == Layer.PAINT].reshape(-1, 3)[:, :2]
    columns, rows = np.round((paint - low) / pixel).astype(int).T
    assert cv2.dilate(road, np.ones((3, 3), np.uint8))[rows, columns].all()
    beside = cv2.distanceTransform(1 - road, cv2.DIST_L2, 5) * pixel < 30 * network.scale
    assert (everything[beside] == 0).mean() < 0.001


def test_the_same_seed_gives_the_same_surface(town):
    network, ground, result = town
    again = surface_of(network, ground, 3).mesh
    other = surface_of(network, ground, 4).mesh
    for part in fields(Mesh):
        assert np.array_equal(getattr(result.mesh, part.name), getattr(again, part.name))
    assert len(other) != len(again)


def test_a_camera_has_not_too_much_to_draw(town):
    network, _, result = town
    mesh = result.mesh
    assert len(mesh) < 60_000
    rng = np.random.default_rng(0)
    counts = []
    for road in network.roads[:: max(1, len(network.roads) // 12)]:
        s = rng.uniform(0, road.length, 1)
        place, yaw = road.points(s, np.zeros(1))[0], np.radians(road.yaw(s)[0])
        to = mesh.anchor - place
        distance = np.linalg.norm(to, axis=1)
        ahead, aside = (
            to[:, :2] @ [np.cos(yaw), np.sin(yaw)],
            to[:, :2] @ [-np.sin(yaw), np.cos(yaw)],
        )
        seen = (distance >= mesh.near_m) & (distance < mesh.far_m) & (np.abs(aside) < ahead)
        counts.append(seen.sum())
    assert np.median(counts) < 2500


def test_styles_differ_and_fit_their_setting():
    styles = [draw_style(seed, 'city') for seed in range(40)]
    assert len({style.kerb_top_m for style in styles}) == 40
    assert any(style.cracks == 0 for style in styles)
    assert any(style.cracks > 4 for style in styles)
    assert all(draw_style(seed, 'hall').kerb_lift_m == 0 for seed in range(10))
