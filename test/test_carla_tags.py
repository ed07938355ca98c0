"""CARLA's class numbers and colours to label ids, and which road lines are lane markings."""

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from seg_node.carla.config import CameraMount
from seg_node.carla.lane_marks import lane_marks_only, MapLines, strip
from seg_node.carla.pose import Pose
from seg_node.carla.tags import (
    labels_of_picture,
    labels_of_tags,
    NEW_TAGS,
    OLD_TAGS,
    recognise,
    recognise_table,
    table_of_version,
    TagError,
    TagTable,
)
from seg_node.labels import BACKGROUND, LANE_MARKING, ROAD, UNLABELLED

BOTH = pytest.mark.parametrize('table', [OLD_TAGS, NEW_TAGS], ids=['old', 'new'])


def palette_picture(tags: np.ndarray, table: TagTable) -> np.ndarray:
    """Return (H, W, 4) uint8 BGRA, as the ros-bridge publishes it."""
    colors = np.array(table.colors, np.uint8)[tags][:, :, ::-1]
    return np.dstack([colors, np.full(tags.shape, 255, np.uint8)])


def tag_picture(tags: np.ndarray) -> np.ndarray:
    """Return (H, W, 4) uint8 BGRA, as CARLA's own topics and the Python API have it."""
    picture = np.zeros((*tags.shape, 4), np.uint8)
    picture[:, :, 2], picture[:, :, 3] = tags, 255
    return picture


def street(table: TagTable) -> np.ndarray:
    """Return (40, 60) uint8 tags: sky above, road with a line below."""
    tags = np.full((40, 60), 13 if table is OLD_TAGS else 11, np.uint8)
    tags[20:] = table.road
    tags[20:, 28:31] = table.road_line
    return tags


def test_the_tables_are_carlas() -> None:
    # PythonAPI documentation, ref_sensors, of 0.9.13 and of 0.9.16
    old = {0: UNLABELLED, 6: LANE_MARKING, 7: ROAD, 8: BACKGROUND, 22: BACKGROUND, 23: UNLABELLED}
    new = {0: UNLABELLED, 1: ROAD, 24: LANE_MARKING, 6: BACKGROUND, 7: BACKGROUND, 28: BACKGROUND}
    for table, expected in ((OLD_TAGS, old), (NEW_TAGS, new)):
        tags = np.array([list(expected)], np.uint8)
        assert labels_of_tags(tags, table).tolist() == [list(expected.values())]


@pytest.mark.parametrize(
    ('version', 'table'),
    [
        ('0.9.13', OLD_TAGS),
        ('0.9.5', OLD_TAGS),
        ('0.9.14', NEW_TAGS),
        ('0.9.16-dirty', NEW_TAGS),
        ('0.10.0', NEW_TAGS),
    ],
)
def test_the_version_tells_the_table(version: str, table: TagTable) -> None:
    assert table_of_version(version) is table


def test_an_unknown_version_is_an_error() -> None:
    with pytest.raises(TagError, match="'ue4-dev' names no release"):
        table_of_version('ue4-dev')


@BOTH
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_numbers_and_colours_mean_the_same(table: TagTable, data) -> None:
    size = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    cells = data.draw(
        st.lists(
            st.integers(0, len(table.colors) - 1),
            min_size=size[0] * size[1],
            max_size=size[0] * size[1],
        )
    )
    tags = np.array(cells, np.uint8).reshape(size)
    expected = labels_of_tags(tags, table)
    assert recognise(tag_picture(tags)) == 'tags'
    assert np.array_equal(labels_of_picture(tag_picture(tags), table), expected)
    if tags.any():  # all black is number 0 everywhere: the same either way
        assert recognise(palette_picture(tags, table)) == 'palette'
    colored = labels_of_picture(palette_picture(tags, table), table)
    assert np.array_equal(colored, expected)
    assert set(np.unique(colored)) <= {BACKGROUND, LANE_MARKING, ROAD, UNLABELLED}


@BOTH
def test_a_street_tells_its_table(table: TagTable) -> None:
    tags = street(table)
    assert recognise_table(tags) is table
    labels = labels_of_picture(tag_picture(tags))
    assert np.array_equal(labels == LANE_MARKING, tags == table.road_line)
    assert np.array_equal(labels == ROAD, tags == table.road)


def test_poles_and_traffic_lights_are_not_taken_for_an_old_road() -> None:
    tags = street(NEW_TAGS)
    tags[tags == NEW_TAGS.road_line] = 6  # a pole before the camera
    tags[5:12, 5:9] = 7  # a traffic light in the upper half
    assert recognise_table(tags) is NEW_TAGS


def test_what_cannot_be_told_is_an_error() -> None:
    with pytest.raises(TagError, match='no road in this picture'):
        recognise_table(np.full((20, 20), 11, np.uint8))
    photo = np.random.default_rng(0).integers(0, 255, (20, 20, 4), np.uint8)
    with pytest.raises(TagError, match=r'no semantic picture: .* use a semantic camera'):
        labels_of_picture(photo)


CAMERA = CameraMount('front', 320, 180, 90.0)
LANE_M, PAINT_M = 3.5, 0.15


def ground_under(
    camera: CameraMount, pose: Pose, bank: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x, y and depth of the ground z = bank y for each pixel, (H, W), nan in the sky."""
    columns, rows = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    rays = np.stack(
        [
            np.ones_like(columns),
            (columns - camera.width / 2) / camera.focal_px,
            (camera.height / 2 - rows) / camera.focal_px,
        ],
        axis=-1,
    )
    rays = rays @ pose.matrix[:3, :3].T
    with np.errstate(divide='ignore', invalid='ignore'):
        sinking = rays[..., 2] - bank * rays[..., 1]
        depth = np.where(sinking < -1e-3, (bank * pose.y_m - pose.z_m) / sinking, np.nan)
    return pose.x_m + depth * rays[..., 0], pose.y_m + depth * rays[..., 1], depth


def straight_road() -> MapLines:
    """Return two lanes along x with a solid line at either side and one between."""
    middles = [Pose(x_m=x) for x in np.arange(0.5, 100.0, 1.0)]
    sides = (-LANE_M, 0.0, LANE_M)
    return MapLines(
        np.array([strip(pose, y, PAINT_M / 2 + 0.25, 1.0) for pose in middles for y in sides]),
        np.array([strip(pose, y, LANE_M / 2, 1.0) for pose in middles for y in (-1.75, 1.75)]),
    )


@pytest.mark.parametrize(
    ('pose', 'crosswalk_m'),
    [
        (Pose(x_m=10.0, y_m=-1.75, z_m=1.6), 8),
        (Pose(x_m=10.0, y_m=1.0, z_m=1.2, pitch_deg=-12.0, yaw_deg=15.0, roll_deg=4.0), 8),
        (Pose(x_m=10.0, y_m=-3.2, z_m=0.15, pitch_deg=-3.0), 1),  # lines beside the lens
        (Pose(x_m=30.0, y_m=2.0, z_m=3.0, pitch_deg=-25.0, yaw_deg=-160.0), 8),
    ],
)
@pytest.mark.parametrize(('bank', 'with_depth'), [(0.0, False), (0.0, True), (0.06, True)])
def test_markings_stay_and_crosswalk_word_and_kerb_go(
    pose: Pose, crosswalk_m: int, bank: float, with_depth: bool
) -> None:
    """The map knows nothing of the bank: then only the depth can tell where paint lies."""
    x, y, depth_m = ground_under(CAMERA, pose, bank)
    ahead = np.hypot(x - pose.x_m, y - pose.y_m)
    seen = (ahead < 60.0) & (x > 0) & (x < 100)
    marking = seen & (np.abs(np.abs(y) - LANE_M) < PAINT_M / 2) | seen & (np.abs(y) < PAINT_M / 2)
    along = np.abs(x - pose.x_m)
    crosswalk = (along > crosswalk_m) & (along < crosswalk_m + 3)
    crosswalk &= seen & (np.abs(y) > 0.8) & (np.abs(y) < 2.7)
    kerb = seen & (np.abs(np.abs(y) - LANE_M - 1.0) < 0.1)
    labels = np.where(seen & (np.abs(y) < LANE_M), ROAD, BACKGROUND).astype(np.uint8)
    labels[marking | crosswalk | kerb] = LANE_MARKING
    before = labels.copy()

    kept = lane_marks_only(
        labels, CAMERA, pose, straight_road(), np.nan_to_num(depth_m) if with_depth else None
    )

    assert min(marking.sum(), crosswalk.sum(), kerb.sum()) > 20, 'all three are in the picture'
    assert np.all(kept[marking] == LANE_MARKING)
    # Far away a pixel of tolerance is much ground: only what lies near must be told apart.
    near = ahead < crosswalk_m + 3
    assert np.mean(kept[crosswalk & near] == ROAD) > 0.95
    assert np.mean(kept[kerb & near] == BACKGROUND) > 0.95
    assert np.array_equal(labels, before), 'the input stays as it was'
    others = before != LANE_MARKING
    assert np.array_equal(kept[others], before[others])


def test_nothing_to_filter_and_no_lines() -> None:
    nothing = MapLines(np.zeros((0, 4, 3)), np.zeros((0, 4, 3)))
    road = np.full((180, 320), ROAD, np.uint8)
    assert lane_marks_only(road, CAMERA, Pose(z_m=1.6), nothing) is road
    painted = np.full((180, 320), LANE_MARKING, np.uint8)
    assert not np.any(lane_marks_only(painted, CAMERA, Pose(z_m=1.6), nothing) == LANE_MARKING)
