"""Roads: lines without kinks, sections that fit each other, the ground under them."""

from dataclasses import replace
from itertools import pairwise
import math
import time

from carla_lite.roads.builder import Builder, Movement, Profile, Strip, Touch
from carla_lite.roads.ground import Ground
from carla_lite.roads.network import Mark, Network, Road
from carla_lite.roads.path import (
    backwards,
    bend,
    biarc,
    cut,
    draw,
    end_of,
    filleted,
    heights,
    length_of,
    loop_through,
    offset,
    place_on,
    Stance,
    start_of,
    taper,
)
from carla_lite.roads.scaling import scaled
from carla_lite.towns.catalogue import build_network, TOWN_NAMES
from carla_lite.towns.paint import town_paint
from carla_lite.towns.streets import Street, varied
import numpy as np
import pytest

RNG = np.random.default_rng(5)


def assert_same(one: Stance, two: Stance) -> None:
    assert (one.x, one.y) == pytest.approx((two.x, two.y), abs=1e-6)
    assert math.cos(one.heading - two.heading) == pytest.approx(1.0, abs=1e-9)


def assert_unbroken(line) -> None:
    for before, after in pairwise(line):
        assert after.s == pytest.approx(before.s + before.length)
        assert_same(end_of([before]), start_of([after]))


@pytest.mark.parametrize('join', [biarc, bend])
def test_lines_end_where_they_are_sent(join):
    for _ in range(200):
        start = Stance(*RNG.uniform(-50, 50, 2).tolist(), float(RNG.uniform(-4, 4)))
        end = Stance(*RNG.uniform(-50, 50, 2).tolist(), float(RNG.uniform(-4, 4)))
        line = join(start, end)
        assert_same(start_of(line), start)
        assert_same(end_of(line), end)
        assert_unbroken(line)


def test_a_bend_is_one_arc_of_the_radius_asked_for():
    line = bend(Stance(0, 0, 0), Stance(30, 30, math.pi / 2), most_m=10.0)
    assert [piece.curvature for piece in line] == pytest.approx([0, 0.1, 0])


def test_closed_lines_close():
    points = np.array([[0, 0], [60, 5], [70, 50], [20, 70], [-20, 40]], float)
    line = loop_through(points)
    assert_same(end_of(line[-1]), start_of(line[0]))
    ring = filleted(np.array([[30, 0], [60, 0], [60, 40], [0, 40], [0, 0], [30, 0]], float), 8.0)
    assert_same(end_of(ring), start_of(ring))
    assert length_of(ring) == pytest.approx(200 - 4 * (16 - 4 * math.pi))


def test_a_line_beside_another_keeps_its_distance():
    line = draw(Stance(3, 4, 1), [(20, 0), (15, 0.05), (12, -0.04), (9, 0)])
    beside = offset(line, 2.5)
    for share in np.linspace(0, 1, 9):
        at = place_on(beside, share * length_of(beside))
        # the nearest place of the line is 2.5 m off
        s = np.linspace(0, length_of(line), 4000)
        places = Road(0, line, ()).reference(s)
        off = np.hypot(places[:, 0] - at.x, places[:, 1] - at.y).min()
        assert off == pytest.approx(2.5, abs=1e-4)
    assert_same(end_of(backwards(line)), start_of(line).moved(0, 0, math.pi))


def test_a_part_of_a_line_lies_on_it():
    line = draw(Stance(3, 4, 1), [(20, 0), (15, 0.05), (12, -0.04)])
    part = cut(line, 12.0, 41.0)
    assert length_of(part) == pytest.approx(29.0)
    for s in (0.0, 10.0, 28.9):
        assert_same(place_on(part, s), place_on(line, 12.0 + s))


def test_profiles_meet_their_knots():
    (first, second) = heights([(0, 1.0, 0.1), (20, 3.0, 0.0), (50, 2.0, -0.05)])
    assert first.a + 20 * (first.b + 20 * (first.c + 20 * first.d)) == pytest.approx(3.0)
    assert first.b + 20 * (2 * first.c + 20 * 3 * first.d) == pytest.approx(0.0)
    assert (second.s, second.a, second.b) == (20, 3.0, 0.0)
    widening = taper(0.0, 3.0, 15.0)
    assert widening.a + 15 * (widening.b + 15 * (widening.c + 15 * widening.d)) == pytest.approx(
        3.0
    )


def test_changing_streets_keep_their_lanes():
    paint = town_paint(np.random.default_rng(0), 'city')
    plain = Street(2, 2, 3.2, sidewalk_m=2.0)
    turning = replace(plain, median_m=4.0, turn_m=(3.0, 0.0), parking=(True, False))
    profiles = varied([(0.0, plain.profile(paint)), (60.0, turning.profile(paint))], 20.0, 100.0)
    builder = Builder('T', 'city')
    number = builder.road(draw(Stance(0, 0, 0), [(100, 0)]), profiles)
    road = builder[number]
    first, middle, last = road.sections
    kinds = [lane.kind for lane in sorted(last.lanes, key=lambda lane: -lane.number)]
    assert kinds[kinds.index('parking') - 4 : kinds.index('parking')] == [
        'median', 'driving', 'driving', 'driving',
    ]  # fmt: skip
    links = {lane.number: lane.successor for lane in first.lanes}
    assert links[-1] == -3  # the median and the new lane lie inside the first lane
    for section, end in road.stretches()[:-1]:
        following = next(part for part in road.sections if part.s == end)
        for lane in section.lanes:
            if lane.successor is not None:
                here = road.lane_edges(section, lane.number, np.array([end]))
                there = road.lane_edges(following, lane.successor, np.array([end]))
                assert here == pytest.approx(there)
    assert middle.s == 40.0


def test_ways_through_junctions_touch_the_lanes():
    builder = Builder('T', 'city')
    profile = Profile((Strip('driving', 3.0), Strip('driving', 3.4)), (Strip('driving', 3.0),))
    come = builder.road(draw(Stance(0, 0, 0), [(50, 0)]), [profile], elevation=heights(
        [(0, 0, 0), (50, 2, 0.05)]))  # fmt: skip
    go = builder.road(draw(Stance(70, 25, math.pi / 2), [(40, 0)]), [profile], elevation=heights(
        [(0, 3, 0.02), (40, 3, 0)]))  # fmt: skip
    move = Movement(Touch(come, 'end'), Touch(go, 'start'), ((-1, -1), (-2, -2)))
    (way,) = builder.ways_through(builder.junction([move]))
    for lane in (-1, -2):
        for road, s, other in ((builder[come], 50.0, 0.0), (builder[go], 0.0, way.length)):
            edges = road.lane_edges(road.section_at(s), lane, np.array([s]))[0]
            own = way.lane_edges(way.sections[0], lane, np.array([other]))[0]
            there = road.points(np.full(2, s), edges)
            assert way.points(np.full(2, other), own) == pytest.approx(there, abs=1e-6)


@pytest.fixture(scope='module', params=TOWN_NAMES)
def town(request) -> tuple[Network, Ground]:
    network = build_network(request.param, 3)
    return network, Ground(network)


def lane_places(network: Network):
    for road in network.roads:
        for section, end in road.stretches():
            for lane in section.lanes:
                s = np.linspace(section.s, end, 12)[1:-1]
                yield road, s, road.points(s, road.lane_edges(section, lane.number, s).mean(1))


def test_ground_carries_the_roads(town):
    network, ground = town
    for road, _, points in lane_places(network):
        if road.bridges:
            continue
        assert np.abs(ground.heights(points[:, :2]) - points[:, 2]).max() < 0.06
        assert ground.height_at(*points[0, :2]) == pytest.approx(
            ground.heights(points[:1, :2])[0], abs=1e-5
        )


def test_ground_knows_how_far_the_roads_are(town):
    network, ground = town
    scale = network.scale
    for _, _, points in lane_places(network):
        assert ground.clearance(points[:, :2]).max() < 0.6 * scale
    x0, y0, x1, y1 = ground.bounds
    far = np.array([[x0 + scale, y0 + scale], [x1 - scale, y1 - scale]])
    assert ground.clearance(far).min() > (5 if network.setting == 'hall' else 50) * scale
    road = max(network.roads, key=lambda road: road.length)
    section = road.sections[-1]
    outer = min(lane.number for lane in section.lanes)
    s = np.array([road.length - 1.0 * scale])
    edge = road.lane_edges(section, outer, s)[0, 1]
    for metres in (1.0, 3.0):
        beside = road.points(s, edge - metres * scale)[:, :2]
        if network.setting != 'city':  # no other road is near
            assert ground.clearance(beside)[0] == pytest.approx(metres * scale, abs=1.2 * scale)


def test_wheels_stand_on_the_bridge_or_under_it():
    network = build_network('LiteHighway', 3)
    ground = Ground(network)
    (road,) = [road for road in network.roads if road.bridges]
    middle = np.array([sum(road.bridges[0]) / 2])
    x, y, z = road.points(middle, np.zeros(1))[0]
    assert ground.height_at(x, y, z) == pytest.approx(z, abs=0.05)
    assert ground.height_at(x, y) < z - 4.5
    assert ground.height_at(x, y, z - 4.5) < z - 4.5


def test_ground_is_quick():
    network = build_network('LiteTown', 0)
    ground = Ground(network)
    x, y = RNG.uniform(-100, 100, (2, 4000)).tolist()
    begin = time.process_time()
    for place in zip(x, y, strict=True):
        ground.height_at(*place)
    assert (time.process_time() - begin) / 4000 < 40e-6


def test_scaling_changes_lengths_only():
    network = build_network('LiteCountry', 0)
    small = scaled(network, 0.1)
    assert small.scale == pytest.approx(0.1)
    for road, little in zip(network.roads, small.roads, strict=True):
        s, t = np.linspace(0, road.length, 7), np.full(7, 1.3)
        assert little.points(s * 0.1, t * 0.1) == pytest.approx(road.points(s, t) * 0.1)
        assert little.sections[0].middle == replace(
            road.sections[0].middle,
            width_m=road.sections[0].middle.width_m * 0.1,
            dash_m=road.sections[0].middle.dash_m * 0.1,
            gap_m=road.sections[0].middle.gap_m * 0.1,
        )


def test_marks_may_differ_along_a_street():
    paint = town_paint(np.random.default_rng(1), 'city')
    solid = replace(paint, lane=Mark('solid'))
    street = Street(2, 1)
    profiles = varied([(0.0, street.profile(paint)), (50.0, street.profile(solid))], 10.0, 80.0)
    builder = Builder('T', 'city')
    road = builder[builder.road(draw(Stance(0, 0, 0), [(80, 0)]), profiles)]
    kinds = [next(lane.mark.kind for lane in part.lanes if lane.number == -1)
             for part in road.sections]  # fmt: skip
    assert kinds == [paint.lane.kind, 'solid', 'solid']
