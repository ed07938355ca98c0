"""What stands beside carla_lite's roads and drives on them."""

from carla_lite.materials import Material
from carla_lite.mesh import Layer, Mesh
from carla_lite.pose import Pose
from carla_lite.roads.ground import Ground
from carla_lite.roads.network import Cubic, Lane, Network, Piece, Road, Section
from carla_lite.scenery import Scenery, scenery_of
from carla_lite.scenery.buildings import building_mesh, draw_style
from carla_lite.scenery.houses import house_mesh
from carla_lite.scenery.lanes import DrivingLanes
from carla_lite.scenery.overhead import gantries
from carla_lite.scenery.parts import normals
from carla_lite.scenery.people import walker_mesh
from carla_lite.scenery.plants import tree_mesh
from carla_lite.scenery.signals import traffic_light_mesh
from carla_lite.scenery.site import FIRST_INSTANCE, Site
from carla_lite.scenery.vehicles import bonnet_mesh, vehicle_mesh
from carla_lite.tags import Tag
import cv2
import numpy as np
import pytest

SIZES = {
    'car': (4.6, 1.85, 1.47),
    'van': (5.3, 2.0, 2.3),
    'truck': (7.4, 2.4, 3.2),
    'bus': (11.0, 2.55, 3.1),
    'motorcycle': (2.1, 0.75, 1.6),
    'bicycle': (1.7, 0.6, 1.75),
}
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


def extent(mesh: Mesh) -> np.ndarray:
    points = mesh.corners.reshape(-1, 3)
    return np.ptp(points, axis=0)


def tail_light(mesh: Mesh) -> int:
    """Return the greatest red of the lamps at a vehicle's back."""
    behind = mesh.corners[:, :, 0].mean(axis=1) < 0
    return int(mesh.colour[(mesh.material == Material.LAMP) & behind, 2].max())


class TestThings:
    @pytest.mark.parametrize('kind', SIZES)
    def test_vehicles_fill_their_box_and_stand_on_the_ground(self, kind):
        mesh = vehicle_mesh(kind, SIZES[kind], (30, 60, 90))
        points = mesh.corners.reshape(-1, 3)
        assert extent(mesh) == pytest.approx(SIZES[kind], rel=0.04)
        assert points[:, 2].min() == pytest.approx(0.0, abs=0.02)
        assert (points[:, :2].min(axis=0) + points[:, :2].max(axis=0)) == pytest.approx(
            (0, 0), abs=0.06
        )
        assert len(mesh) <= 130

    def test_vehicles_are_tagged_as_what_they_are(self):
        tags = {kind: set(vehicle_mesh(kind, SIZES[kind], (1, 2, 3)).tag) for kind in SIZES}
        assert tags['car'] == tags['van'] == {Tag.CAR}
        assert tags['truck'] == {Tag.TRUCK}
        assert tags['bus'] == {Tag.BUS}
        assert tags['motorcycle'] == {Tag.MOTORCYCLE, Tag.RIDER}
        assert tags['bicycle'] == {Tag.BICYCLE, Tag.RIDER}

    @pytest.mark.parametrize('kind', SIZES)
    def test_lamps_burn_only_when_they_are_on(self, kind):
        dark = vehicle_mesh(kind, SIZES[kind], (1, 2, 3))
        assert not (dark.material == Material.LAMP).any()
        lit = vehicle_mesh(kind, SIZES[kind], (1, 2, 3), lights_on=True)
        brakes = vehicle_mesh(kind, SIZES[kind], (1, 2, 3), lights_on=True, braking=True)
        for mesh in (lit, brakes):
            lamps = mesh.rows(np.flatnonzero(mesh.material == Material.LAMP))
            ahead = lamps.corners[:, :, 0].mean(axis=1) > 0
            assert ahead.any()
            assert (~ahead).any()
            assert (lamps.colour[ahead].min(axis=1) > 200).all()
        assert tail_light(brakes) > tail_light(lit) + 50

    def test_a_bonnet_lies_before_and_below_the_camera_behind_it(self):
        points = bonnet_mesh((1, 2, 3)).corners.reshape(-1, 3)
        assert points[:, 2].max() < 1.1
        assert points[:, 0].max() > 2.0
        # a camera at (0.8, 0, 1.4) with 90 degrees sees it as a low arch, not as half the picture
        rows = (1.4 - points[:, 2]) / np.maximum(points[:, 0] - 0.8, 0.05)
        assert 0.3 < rows[points[:, 0] > 2.0].min() < 0.8

    def test_walkers_are_as_tall_as_told_and_move_their_legs(self):
        still, stride = walker_mesh(1.8, phase=0.0), walker_mesh(1.8, phase=0.25)
        assert extent(still)[2] == pytest.approx(1.8, rel=0.03)
        assert extent(stride)[0] > extent(still)[0] + 0.4
        assert set(still.tag) == {Tag.PEDESTRIANS}

    def test_a_traffic_light_shows_one_colour_along_x(self):
        for state, channel in ((0, 2), (2, 1)):
            mesh = traffic_light_mesh(state)
            lit = mesh.rows(np.flatnonzero(mesh.material == Material.LAMP))
            assert (lit.colour.argmax(axis=1) == channel).all()
            assert (normals(lit.corners)[:, 0] > 0.99).all()
        assert not (traffic_light_mesh(3).material == Material.LAMP).any()
        assert set(traffic_light_mesh(1).tag) == {Tag.POLES, Tag.TRAFFIC_LIGHT}
        heights = [
            traffic_light_mesh(state).corners[traffic_light_mesh(state).material == Material.LAMP]
            for state in range(3)
        ]
        assert np.all(np.diff([part[:, :, 2].mean() for part in heights]) < -0.2)


def things() -> dict[str, Mesh]:
    rng = np.random.default_rng(4)
    return {
        'car': vehicle_mesh('car', SIZES['car'], (9, 9, 9)),
        'truck': vehicle_mesh('truck', SIZES['truck'], (9, 9, 9)),
        'walker': walker_mesh(1.8),
        'tree': tree_mesh('round', 8.0, rng),
        'conifer': tree_mesh('conifer', 9.0, rng),
        'house': house_mesh(9.0, 12.0, rng),
        'block': building_mesh(12.0, 24.0, 4, draw_style(rng), rng),
    }


class TestLevelsOfDetail:
    @pytest.mark.parametrize('name', things())
    def test_something_of_full_size_is_seen_at_every_distance(self, name):
        mesh = things()[name]
        whole = extent(mesh.rows(np.flatnonzero(mesh.near_m == 0)))
        last = float(mesh.far_m.max())
        counts = []
        for distance in np.concatenate(
            [[0.0], np.arange(0.5, last, 0.5), mesh.near_m, [last - 1e-3]]
        ):
            seen = (mesh.near_m <= distance) & (distance < mesh.far_m)
            assert (extent(mesh.rows(np.flatnonzero(seen))) > 0.5 * whole).all(), distance
            counts.append(int(seen.sum()))
        assert last >= 100
        assert counts[-1] <= 40
        assert counts[-1] < counts[0] / 2

    @pytest.mark.parametrize('name', ['car', 'truck', 'walker', 'house', 'block'])
    def test_what_is_painted_last_is_what_is_nearest(self, name):
        mesh = things()[name]
        right = []
        for turn in range(0, 360, 24):
            reach = 0.75 * max(extent(mesh)[:2]) + 5.0
            camera = reach * np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn)), 0])
            camera[2] = 1.4
            right.append(painted_right(mesh, camera))
        assert np.mean(right) > 0.97
        assert min(right) > 0.9


def painted_right(mesh: Mesh, camera: np.ndarray) -> float:
    """Share of rays whose last painted quad is, to 40 cm, the nearest one."""
    distance = np.linalg.norm(mesh.anchor - camera, axis=1)
    shown = mesh.rows(np.flatnonzero((mesh.near_m <= distance) & (distance < mesh.far_m)))
    distance = np.linalg.norm(shown.anchor - camera, axis=1)
    own = np.linalg.norm(shown.corners.mean(axis=1) - camera, axis=1)
    order = np.lexsort((-own, -distance))
    corners = shown.corners[order].astype(float)
    low, high = corners.reshape(-1, 3).min(axis=0), corners.reshape(-1, 3).max(axis=0)
    targets = np.random.default_rng(0).uniform(low, high, (1500, 3))
    rays = targets - camera
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    reach = np.full((len(rays), len(corners)), np.inf)
    for a, b, c in ((0, 1, 2), (0, 2, 3)):
        reach = np.minimum(reach, hits(camera, rays, corners[:, a], corners[:, b], corners[:, c]))
    reach = reach[np.isfinite(reach).any(axis=1)]
    last = len(corners) - 1 - np.argmax(np.isfinite(reach)[:, ::-1], axis=1)
    painted = reach[np.arange(len(reach)), last]
    return float(np.mean(painted - reach.min(axis=1) < 0.4))


def hits(origin, rays, a, b, c) -> np.ndarray:
    """Distances (rays, triangles) to triangles, infinite beside them (Möller and Trumbore)."""
    with np.errstate(divide='ignore', invalid='ignore'):
        cross = np.cross(rays[:, None], (c - a)[None])
        scale = np.einsum('rtk,tk->rt', cross, b - a)
        u = np.einsum('rtk,tk->rt', cross, origin - a) / scale
        other = np.cross(origin - a, b - a)
        v = rays @ other.T / scale
        distance = np.einsum('tk,tk->t', other, c - a) / scale
        inside = (u >= 0) & (v >= 0) & (u + v <= 1) & (distance > 0)
    return np.where(inside, distance, np.inf)


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

    def test_moved_things_keep_their_shape(self):
        mesh = vehicle_mesh('car', SIZES['car'], (1, 2, 3))
        moved = mesh.moved(Pose(100.0, 50.0, 3.0, yaw=90.0), 7)
        assert extent(moved)[[1, 0, 2]] == pytest.approx(extent(mesh), abs=1e-3)
        assert set(moved.instance) == {7}
