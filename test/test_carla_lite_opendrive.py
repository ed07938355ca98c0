"""The official client reads our maps as the roads are meant."""

from carla_lite.roads.network import Crossing, Network, Road, roadway, TRAFFIC_LIGHT
from carla_lite.roads.opendrive import junction_of_signal, opendrive_of
from carla_lite.towns.catalogue import build_network, TOWN_NAMES
import numpy as np
import pytest

carla = pytest.importorskip('carla')

_KINDS = {
    'none': 'NONE', 'solid': 'Solid', 'broken': 'Broken', 'solid solid': 'SolidSolid',
    'solid broken': 'SolidBroken', 'broken solid': 'BrokenSolid', 'broken broken': 'BrokenBroken',
}  # fmt: skip


@pytest.fixture(scope='module', params=[(name, seed) for name in TOWN_NAMES for seed in (0, 7)])
def read(request):
    network = build_network(*request.param)
    return network, carla.Map(network.name, opendrive_of(network))


def places(network: Network):
    """Yield road, section, lane and a place in the middle of each."""
    for road in network.roads:
        for section, end in road.stretches():
            for lane in section.lanes:
                for share in (0.2, 0.5, 0.8):
                    yield road, section, lane, section.s + share * (end - section.s)


def waypoint(client_map, road: Road, lane: int, s: float):
    found = client_map.get_waypoint_xodr(road.number, lane, float(s))
    assert found is not None, f'road {road.number} lane {lane} at {s:.2f} m is not in the map'
    return found


def test_waypoints_lie_where_the_roads_say(read):
    network, client_map = read
    for road, section, lane, s in places(network):
        found = waypoint(client_map, road, lane.number, s)
        edges = road.lane_edges(section, lane.number, np.array([s]))[0]
        x, y, z = road.points(np.array([s]), edges.mean(keepdims=True))[0]
        at = found.transform.location
        assert np.hypot(at.x - x, at.y - y) < 0.03
        assert road.superelevation or abs(at.z - z) < 0.01  # the client knows no banks
        assert found.lane_width == pytest.approx(abs(edges[1] - edges[0]), abs=1e-3)
        assert str(found.lane_type).lower() == lane.kind
        assert found.is_junction == (road.junction >= 0)


def test_lane_marks_are_those_of_the_lanes(read):
    network, client_map = read
    for road, section, lane, s in places(network):
        if lane.kind != 'driving':
            continue
        found = waypoint(client_map, road, lane.number, s)
        inside = lane.number - (1 if lane.number > 0 else -1)
        beside = {other.number: other.mark for other in section.lanes} | {0: section.middle}
        for seen, mark in (
            (found.right_lane_marking, lane.mark),
            (found.left_lane_marking, beside[inside]),
        ):
            assert str(seen.type) == _KINDS[mark.kind]
            if mark.kind != 'none':
                assert str(seen.color).lower() == mark.colour
                assert seen.width == pytest.approx(mark.width_m, abs=1e-4)


def test_traffic_never_comes_to_an_end(read):
    network, client_map = read
    step = 2.0 * network.scale
    waypoints = client_map.generate_waypoints(step)
    covered = {(found.road_id, found.section_id, found.lane_id) for found in waypoints}
    for road in network.roads:
        for index, section in enumerate(road.sections):
            for lane in section.lanes:
                if lane.kind == 'driving':
                    assert (road.number, index, lane.number) in covered
    for found in waypoints:
        following = found.next(step)
        assert following, f'road {found.road_id} lane {found.lane_id} s {found.s} ends'
        for then in following:
            assert str(then.lane_type) == 'Driving'
            way = then.transform.location.distance(found.transform.location)
            assert way < 1.6 * step + 0.05 * network.scale  # no jumps from lane to lane


def test_topology_joins_every_driving_lane(read):
    network, client_map = read
    starts = {(a.road_id, a.lane_id) for a, _ in client_map.get_topology()}
    lanes = {
        (road.number, lane.number)
        for road in network.roads
        for section in road.sections
        for lane in section.lanes
        if lane.kind == 'driving'
    }
    assert lanes == starts
    junctions = {road.junction for road in network.roads} - {-1}
    assert junctions == {junction.number for junction in network.junctions}
    for road in network.roads:
        if road.junction >= 0:
            found = waypoint(client_map, road, -1, road.length / 2)
            assert found.get_junction().id == road.junction


def test_signals_are_landmarks_ahead_of_the_lanes_they_are_for():
    network = build_network('LiteTown', 0)
    client_map = carla.Map(network.name, opendrive_of(network))
    signals = {signal.number: (road, signal) for road in network.roads for signal in road.signals}
    landmarks = {landmark.id: landmark for landmark in client_map.get_all_landmarks()}
    assert set(landmarks) == set(signals)
    lights = [item for item in signals.values() if item[1].kind == TRAFFIC_LIGHT]
    assert len(lights) >= 4
    for road, signal in lights:
        assert junction_of_signal(road, signal) >= 0
        back = -6.0 if signal.orientation == '+' else 6.0
        found = waypoint(client_map, road, signal.lanes[0], signal.s + back)
        ahead = {landmark.id for landmark in found.get_landmarks(12.0)}
        assert signal.number in ahead


def test_crossings_are_crosswalks():
    network = build_network('LiteTown', 0)
    client_map = carla.Map(network.name, opendrive_of(network))
    corners = np.array([[at.x, at.y, at.z] for at in client_map.get_crosswalks()])
    own = [corners_of(road, crossing) for road in network.roads for crossing in road.crossings]
    assert len(own) >= 4
    assert len(corners) == 5 * len(own)  # the client closes each
    for crossing in own:
        for corner in crossing:
            assert np.linalg.norm(corners - corner, axis=1).min() < 0.02


def corners_of(road: Road, crossing: Crossing) -> np.ndarray:
    right, left = roadway(road, crossing.s + crossing.width_m / 2)
    middle = crossing.s + crossing.width_m / 2
    x, y, heading = road.reference(np.array([middle]))[0]
    z = road.points(np.array([middle]), np.zeros(1))[0, 2]
    forward = np.array([np.cos(heading), np.sin(heading)])
    aside = np.array([-forward[1], forward[0]])
    flat = [
        np.array([x, y]) + u * forward + t * aside
        for u in (-crossing.width_m / 2, crossing.width_m / 2)
        for t in (right, left)
    ]
    return np.array([(px, -py, z) for px, py in flat])


def test_places_have_latitudes():
    network = build_network('LiteLoop', 0)
    client_map = carla.Map(network.name, opendrive_of(network))
    origin = client_map.transform_to_geolocation(carla.Location(0.0, 0.0, 0.0))
    assert (origin.latitude, origin.longitude) == pytest.approx((42.0, 2.0), abs=1e-6)
    east = client_map.transform_to_geolocation(carla.Location(1000.0, 0.0, 0.0))
    metres = (east.longitude - 2.0) * 111_320 * np.cos(np.radians(42.0))
    assert metres == pytest.approx(1000, abs=5)
