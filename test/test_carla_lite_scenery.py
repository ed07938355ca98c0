"""What stands beside carla_lite's roads, and where."""

from carla_lite.materials import Material
from carla_lite.mesh import Layer, Mesh
from carla_lite.roads.ground import Ground
from carla_lite.roads.network import Cubic, Lane, Network, Piece, Road, Section
from carla_lite.scenery import Scenery, scenery_of
from carla_lite.scenery.lanes import DrivingLanes
from carla_lite.scenery.overhead import gantries
from carla_lite.scenery.parts import normals
from carla_lite.scenery.site import FIRST_INSTANCE, Site
from carla_lite.tags import Tag
import cv2
import numpy as np
import pytest

SETTINGS = ('city', 'suburb', 'highway', 'country', 'hall')


def street(setting: str) -> Network:
    """Return a bend and a straight of one width; in a hall a tenth of that size."""
    scale = 0.1 if setting == 'hall' else 1.0
    kinds = {
        'city': ('driving', 'driving', 'parking', 'sidewalk'),
        'suburb': ('driving', 'sidewalk'),
        'highway': ('median', 'driving', 'driving', 'shoulder'),
        'country': ('driving',),
        'hall': ('driving', 'shoulder'),
    }[setting]
    widths = {'driving': 3.4, 'parking': 2.3, 'sidewalk': 2.5, 'shoulder': 2.0, 'median': 1.5}
    lanes = [
        Lane(sign * (number + 1), kind, (Cubic(0.0, widths[kind] * scale),))
        for sign in (-1, 1)
        for number, kind in enumerate(kinds)
    ]
    pieces = (
        Piece(0.0, 0.0, 0.0, 0.3, 160 * scale, 1 / (130 * scale)),
        Piece(160 * scale, 110 * scale, 125 * scale, 0.3 + 160 / 130, 120 * scale),
    )
    end = Road(1, pieces[:1], (Section(0.0, ()),)).reference(np.array([160 * scale]))[0]
    joined_pieces = (pieces[0], Piece(160 * scale, *(float(v) for v in end), 120 * scale))
    hill = (Cubic(0.0, 2.0 * scale, 0.02),)
    road = Road(1, joined_pieces, (Section(0.0, tuple(lanes)),), elevation=hill)
    return Network('Try', (road,), setting=setting, scale=scale)


@pytest.fixture(scope='module')
def places() -> dict[str, tuple[Network, Ground, Scenery]]:
    made = {}
    for setting in SETTINGS:
        network = street(setting)
        ground = Ground(network)
        made[setting] = network, ground, scenery_of(network, ground, 5, network.scale)
    return made


def lane_picture(network: Network) -> tuple[np.ndarray, np.ndarray, float]:
    """Return a raster of driving lanes, 15 cm narrower each side, its origin, its cell's size."""
    cell = 0.1 * network.scale
    strips = []
    for road in network.roads:
        for section, end in road.stretches():
            s = np.linspace(section.s, end, max(int((end - section.s) / network.scale), 2))
            for lane in section.lanes:
                if lane.kind == 'driving':
                    inner, outer = road.lane_edges(section, lane.number, s).T
                    shrink = 0.15 * network.scale * np.sign(outer - inner)
                    left = road.points(s, inner + shrink)[:, :2]
                    right = road.points(s, outer - shrink)[:, :2]
                    strips.append(np.concatenate([left, right[::-1]]))
    low, high = (
        np.min([p.min(axis=0) for p in strips], 0),
        np.max([p.max(axis=0) for p in strips], 0),
    )
    picture = np.zeros(np.ceil((high - low) / cell).astype(int)[::-1] + 1, np.uint8)
    for strip in strips:
        cv2.fillPoly(picture, [np.round((strip - low) / cell).astype(np.int32)], (1,))
    return picture, low, cell


def samples(mesh: Mesh) -> np.ndarray:
    """(n, 3) points all over the quads."""
    shares = np.linspace(0, 1, 5)
    u, v = (part.ravel()[None, :, None] for part in np.meshgrid(shares, shares))
    a, b, c, d = (mesh.corners[:, None, i] for i in range(4))
    points = (1 - v) * ((1 - u) * a + u * b) + v * ((1 - u) * d + u * c)
    return points.reshape(-1, 3)


@pytest.mark.parametrize('setting', SETTINGS)
class TestPlaces:
    def test_driving_lanes_are_free_to_the_height_of_a_car(self, places, setting):
        network, ground, scenery = places[setting]
        picture, low, cell = lane_picture(network)
        points = samples(scenery.mesh)
        rise = points[:, 2] - ground.heights(points[:, :2])
        points = points[rise < 2.2 * network.scale]
        column, row = np.floor((points[:, :2] - low) / cell).astype(int).T
        rows, columns = picture.shape
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        assert inside.any()
        assert not picture[row[inside], column[inside]].any()

    def test_nothing_is_under_a_road(self, places, setting):
        network, ground, scenery = places[setting]
        points = samples(scenery.mesh)
        on_road = points[ground.clearance(points[:, :2]) < -0.5 * network.scale]
        assert (on_road[:, 2] > ground.heights(on_road[:, :2]) - 0.45).all()

    def test_the_same_seed_gives_the_same_and_another_gives_another(self, places, setting):
        network, ground, scenery = places[setting]
        again = scenery_of(network, ground, 5, network.scale)
        other = scenery_of(network, ground, 6, network.scale)
        assert np.array_equal(again.mesh.corners, scenery.mesh.corners)
        assert np.array_equal(again.mesh.colour, scenery.mesh.colour)
        assert np.array_equal(again.lamps, scenery.lamps)
        assert len(other.mesh) != len(scenery.mesh)

    def test_there_is_much_but_not_too_much(self, places, setting):
        mesh = places[setting][2].mesh
        numbers = np.unique(mesh.instance)
        assert (mesh.layer == Layer.OBJECT).all()
        assert numbers.min() >= FIRST_INSTANCE
        assert 4 <= len(numbers) < 900
        assert 150 < len(mesh) < 45_000
        for values in (mesh.corners, mesh.anchor):
            assert values.dtype == np.float32
            assert np.isfinite(values).all()

    def test_what_belongs_there_is_there(self, places, setting):
        mesh = places[setting][2].mesh
        wanted = {
            'city': {Tag.BUILDINGS, Tag.CAR, Tag.POLES, Tag.PEDESTRIANS, Tag.TRAFFIC_SIGNS},
            'suburb': {Tag.BUILDINGS, Tag.VEGETATION, Tag.FENCES, Tag.POLES, Tag.PEDESTRIANS},
            'highway': {Tag.GUARD_RAIL, Tag.VEGETATION, Tag.BUILDINGS, Tag.TRAFFIC_SIGNS},
            'country': {Tag.VEGETATION, Tag.FENCES, Tag.STATIC, Tag.TRAFFIC_SIGNS},
            'hall': {Tag.WALLS, Tag.STATIC},
        }[setting]
        assert wanted <= {Tag(tag) for tag in np.unique(mesh.tag)}


class TestStreets:
    def test_lamps_hang_over_the_kerbs_of_a_city(self, places):
        _, ground, scenery = places['city']
        assert 8 <= len(scenery.lamps) <= 2 * 280 / 22
        rise = scenery.lamps[:, 2] - ground.heights(scenery.lamps[:, :2])
        assert ((rise > 3.0) & (rise < 10.0)).all()
        assert (np.abs(ground.clearance(scenery.lamps[:, :2])) < 8.0).all()

    def test_parked_cars_stand_along_the_traffic_of_their_side(self, places):
        network, _, scenery = places['city']
        road, mesh = network.roads[0], scenery.mesh
        s = np.arange(0.0, road.length, 0.5)
        middle = road.points(s, np.zeros(len(s)))[:, :2]
        yaw = np.radians(road.yaw(s))
        checked = 0
        for number in np.unique(mesh.instance[mesh.tag == Tag.CAR]):
            rows = np.flatnonzero((mesh.instance == number) & (mesh.material == Material.SIGN))
            red = rows[mesh.colour[rows, 2] > mesh.colour[rows, 1] * 3]
            rear = mesh.corners[red].mean(axis=(0, 1))[:2]
            whole = mesh.corners[mesh.instance == number].mean(axis=(0, 1))[:2]
            nearest = np.argmin(np.linalg.norm(middle - whole, axis=1))
            along = np.array([np.cos(yaw[nearest]), np.sin(yaw[nearest])])
            aside = whole - middle[nearest]
            is_right = along[0] * aside[1] - along[1] * aside[0] > 0
            forward = (whole - rear) @ along
            assert (forward > 0.3) if is_right else (forward < -0.3)
            checked += 1
        assert checked > 5

    @pytest.mark.parametrize('is_one_way', [False, True])
    def test_direction_boards_face_the_traffic_on_posts_beside_the_lanes(self, is_one_way):
        network = street('highway')
        road = network.roads[0]
        if is_one_way:
            right = [lane for lane in road.sections[0].lanes if lane.number < 0]
            beyond = [Lane(1, 'shoulder', (Cubic(0, 1.0),)), Lane(2, 'median', (Cubic(0, 3.0),))]
            lanes = Section(0.0, (*right[1:], *beyond))
            network = Network('Way', (Road(1, road.pieces, (lanes,)),), setting='highway')
            road = network.roads[0]
        site = Site(network, Ground(network), 1)
        gantries(site, every_m=100.0)
        mesh = site.mesh
        boards = mesh.rows(np.flatnonzero(mesh.tag == Tag.TRAFFIC_SIGNS))
        assert len(boards) > 3
        assert boards.corners[:, :, 2].min() > 4.5
        s = np.arange(0.0, road.length)
        near = np.argmin(
            np.linalg.norm(
                road.points(s, 0 * s)[:, None, :2] - boards.corners.mean(axis=1)[None, :, :2],
                axis=2,
            ),
            axis=0,
        )
        yaw = np.radians(road.yaw(s[near]))
        facing = normals(boards.corners)
        against = facing[:, 0] * np.cos(yaw) + facing[:, 1] * np.sin(yaw)
        middle = road.points(s[near], 0 * near)[:, :2]
        aside = boards.corners.mean(axis=1)[:, :2] - middle
        is_right = np.cos(yaw) * aside[:, 1] - np.sin(yaw) * aside[:, 0] > 0
        assert (np.where(is_right, against, -against) < -0.9).all()
        if is_one_way:
            assert is_right.all()
        low = mesh.corners[mesh.tag == Tag.POLES].reshape(-1, 3)
        low = low[low[:, 2] - site.ground.heights(low[:, :2]) < 3.0]
        assert len(low)
        assert not DrivingLanes(network).hold(low[:, :2]).any()

    def test_buildings_keep_their_distance(self, places):
        for setting, least in (('city', 0.0), ('suburb', 3.0), ('highway', 2.0)):
            _, ground, scenery = places[setting]
            mesh = scenery.mesh
            walls = mesh.corners[(mesh.tag == Tag.BUILDINGS) & (mesh.material != Material.CLOTH)]
            assert ground.clearance(walls.reshape(-1, 3)[:, :2]).min() > least - 1.0

    def test_things_in_a_hall_have_their_full_size(self, places):
        network, _, scenery = places['hall']
        mesh = scenery.mesh
        walls = mesh.corners[mesh.tag == Tag.WALLS].reshape(-1, 3)
        assert np.ptp(walls[:, 2]) > 2.0
        low, high = walls[:, :2].min(axis=0), walls[:, :2].max(axis=0)
        road = network.roads[0]
        edge = road.points(np.linspace(0, road.length, 50), np.zeros(50))[:, :2]
        assert ((edge > low) & (edge < high)).all()

    def test_a_town_far_from_the_origin_is_filled_as_well(self):
        network = street('city')
        road = network.roads[0]
        far = tuple(
            Piece(p.s, p.x + 5000.0, p.y - 3000.0, p.heading, p.length, p.curvature)
            for p in road.pieces
        )
        moved = Network('Far', (Road(1, far, road.sections),), setting='city')
        mesh = scenery_of(moved, Ground(moved), 5).mesh
        assert len(mesh) > 5000
        assert np.abs(mesh.anchor[:, :2] - [5000.0, 3000.0]).max() < 600
