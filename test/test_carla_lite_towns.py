"""Towns from seeds: quick, the same again, different from each other, fit to drive in."""

from dataclasses import fields
import re
import time

from carla_lite.errors import CarlaLiteError
from carla_lite.roads.network import Network, TRAFFIC_LIGHT
from carla_lite.roads.opendrive import opendrive_of
from carla_lite.towns import build_town, TOWN_NAMES
from carla_lite.towns.catalogue import build_network
import cv2
import numpy as np
import pytest


@pytest.fixture(scope='module', params=TOWN_NAMES)
def town(request):
    begin = time.process_time()
    built = build_town(request.param, 2)
    return built, build_network(request.param, 2), time.process_time() - begin


def test_unknown_towns_are_named_with_the_known_ones():
    with pytest.raises(CarlaLiteError, match=r'Town77.*LiteLoop'):
        build_town('Town77', 0)


def test_towns_are_built_quickly(town):
    built, _, seconds = town
    assert seconds < 6.0  # about one on a quiet machine
    assert len(built.surface) > 300


def test_the_same_seed_gives_the_same_town(town):
    built, _, _ = town
    again = build_town(built.name, built.seed)
    assert again.opendrive == built.opendrive
    assert again.spawn_points == built.spawn_points
    for part in ('surface', 'scenery'):
        one, two = getattr(built, part), getattr(again, part)
        for field in fields(one):
            assert np.array_equal(getattr(one, field.name), getattr(two, field.name)), field.name


def test_vehicles_start_on_lanes_along_the_traffic(town):
    built, _, _ = town
    scale = built.scale
    paths = np.concatenate(built.lane_paths)
    places = np.array([[pose.x, pose.y, pose.z] for pose in built.spawn_points])
    assert len(places) >= (4 if scale < 1 else 15)
    for pose in built.spawn_points:
        off = np.hypot(paths[:, 0] - pose.x, paths[:, 1] - pose.y)
        near = int(off.argmin())
        assert off[near] < 1.1 * scale
        assert abs((paths[near, 3] - pose.yaw + 180) % 360 - 180) < 20
        ground = built.height_at(pose.x, pose.y)
        assert pose.z - ground == pytest.approx(0.3 * scale, abs=0.06)
    apart = np.linalg.norm(places[:, None] - places[None], axis=2) + 1e3 * np.eye(len(places))
    assert apart.min() >= 8 * scale


def test_every_light_is_a_signal_with_its_stop_line_before_the_junction(town):
    built, network, _ = town
    signals = {signal.number: signal for road in network.roads for signal in road.signals}
    lights = {number for number, signal in signals.items() if signal.kind == TRAFFIC_LIGHT}
    assert {light.signal_id for light in built.traffic_lights} == lights
    assert bool(lights) == (built.name == 'LiteTown')
    middles = {junction.number: junction.outline.mean(axis=0) for junction in network.junctions}
    for light in built.traffic_lights:
        to = middles[light.junction] - (light.stop.x, light.stop.y)
        ahead = light.stop.rotation()[:2, 0] @ to
        assert 0 < ahead < 45
        head = light.pose.rotation()[:2, 0] @ light.stop.rotation()[:2, 0]
        assert head == pytest.approx(-1, abs=1e-3)  # it looks at those who come
        assert np.hypot(light.pose.x - light.stop.x, light.pose.y - light.stop.y) < 25
    for junction in {light.junction for light in built.traffic_lights}:
        groups = {light.group for light in built.traffic_lights if light.junction == junction}
        assert groups == {0, 1} or groups == {0}


def test_roads_keep_off_each_other(town):
    _, network, _ = town
    per_m = 2.0 / network.scale
    outlines = [outline for road in network.roads if road.junction < 0 and not road.bridges
                for outline in outlines_of(road)]  # fmt: skip
    low = np.min([outline.min(axis=0) for outline in outlines], axis=0) - 2
    size = np.max([outline.max(axis=0) for outline in outlines], axis=0) - low + 2
    covered = np.zeros(np.ceil(size[::-1] * per_m).astype(int) + 4, np.uint8)
    for road in network.roads:
        if road.junction >= 0 or road.bridges:
            continue
        own = np.zeros_like(covered)
        for outline in outlines_of(road):
            cv2.fillPoly(own, [np.rint((outline - low) * per_m).astype(np.int32)], (1,))
        covered += cv2.erode(own, np.ones((3, 3), np.uint8))
    assert covered.max() <= 1


def outlines_of(road):
    for section, end in road.stretches():
        s = np.linspace(section.s, end, max(int((end - section.s) / 0.5) + 2, 3))
        numbers = [0, *(lane.number for lane in section.lanes)]
        right, left = (
            road.lane_edges(section, number, s)[:, 1] if number else np.zeros(len(s))
            for number in (min(numbers), max(numbers))
        )
        yield np.vstack([road.points(s, right), road.points(s, left)[::-1]])[:, :2]


def test_names_and_numbers_are_nobody_elses(town):
    built, network, _ = town
    roads = [road.number for road in network.roads]
    junctions = [junction.number for junction in network.junctions]
    numbers = roads + junctions  # clients know junctions from roads by the number
    assert len(numbers) == len(set(numbers))
    signals = [signal.number for road in network.roads for signal in road.signals]
    assert len(signals) == len(set(signals))
    found = re.findall(r'<(?:signal|object) [^>]*\bid="([^"]+)"', built.opendrive)
    assert len(found) == len(set(found))


def test_no_two_towns_maps_have_the_same_name():
    texts = [opendrive_of(build_network(name, 0)) for name in TOWN_NAMES]
    names = [
        match[1] for text in texts if (match := re.search(r'<header[^>]*name="([^"]+)"', text))
    ]
    assert names == list(TOWN_NAMES)
    assert len(set(TOWN_NAMES)) == len(TOWN_NAMES)


def marks(network: Network):
    for road in network.roads:
        for section in road.sections:
            yield section.middle
            yield from (lane.mark for lane in section.lanes)


def test_seeds_make_different_towns():
    """What a network should learn not to rely on differs from seed to seed."""
    towns = [build_network(name, seed) for name in TOWN_NAMES for seed in range(12)]
    seen = [mark for network in towns for mark in marks(network)]
    assert {'none', 'solid', 'broken', 'solid solid', 'solid broken', 'broken solid',
            'broken broken'} == {mark.kind for mark in seen}  # fmt: skip
    assert {mark.colour for mark in seen} == {'white', 'yellow'}
    assert len({(mark.dash_m, mark.gap_m) for mark in seen if mark.kind == 'broken'}) > 12
    kinds = {lane.kind for network in towns for road in network.roads
             for part in road.sections for lane in part.lanes}  # fmt: skip
    assert kinds >= {'driving', 'parking', 'sidewalk', 'median', 'shoulder', 'biking', 'none'}
    for name in TOWN_NAMES:
        shapes = {tuple(round(road.length, 2) for road in network.roads)
                  for network in towns if network.name == name}  # fmt: skip
        assert len(shapes) == 12
    lanes = {sum(lane.kind == 'driving' and lane.number < 0 for lane in part.lanes)
             for network in towns for road in network.roads for part in road.sections}  # fmt: skip
    assert lanes >= {1, 2, 3, 4}


def test_the_track_fits_a_hall():
    for seed in range(12):
        network = build_network('LiteTrack', seed)
        assert (network.setting, network.scale) == ('hall', 0.1)
        points = np.concatenate(
            [road.points(np.linspace(0, road.length, 20), np.zeros(20)) for road in network.roads]
        )
        assert (np.ptp(points[:, :2], axis=0) < 11).all()
        for road in network.roads:
            for lane in road.sections[0].lanes:
                if lane.kind == 'driving':
                    assert 0.25 < lane.widths[0].a < 0.55
                    assert lane.mark.kind == 'none' or 0.02 <= lane.mark.width_m <= 0.05
            if road.junction < 0:
                assert max(abs(piece.curvature) for piece in road.pieces) < 1 / 0.4
