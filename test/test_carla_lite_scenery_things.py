"""Single things of carla_lite: vehicles, walkers, lights, trees, houses."""

from carla_lite.materials import Material
from carla_lite.mesh import Mesh
from carla_lite.pose import Pose
from carla_lite.scenery.buildings import building_mesh, draw_style
from carla_lite.scenery.houses import house_mesh
from carla_lite.scenery.parts import normals
from carla_lite.scenery.people import walker_mesh
from carla_lite.scenery.plants import tree_mesh
from carla_lite.scenery.signals import traffic_light_mesh
from carla_lite.scenery.vehicles import bonnet_mesh, vehicle_mesh
from carla_lite.tags import Tag
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

    def test_moved_things_keep_their_shape(self):
        mesh = vehicle_mesh('car', SIZES['car'], (1, 2, 3))
        moved = mesh.moved(Pose(100.0, 50.0, 3.0, yaw=90.0), 7)
        assert extent(moved)[[1, 0, 2]] == pytest.approx(extent(mesh), abs=1e-3)
        assert set(moved.instance) == {7}


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
