"""Colours, labels and depth of a view come from one geometry, and it is the right one."""

from dataclasses import replace

from carla_lite.look import draw_look, usual_look
from carla_lite.materials import Material
from carla_lite.mesh import joined, Layer, quads
from carla_lite.pose import Pose
from carla_lite.render.ingredients import Ingredients
from carla_lite.render.lens import LensEffects
from carla_lite.render.picture import CameraView, Picture
from carla_lite.render.renderer import Instant
from carla_lite.tags import Tag
from carla_lite.weather import PRESETS, Weather
import numpy as np
import pytest
from small_town import box, LINE_WIDTH_M, LINE_Y_M, project, renderer, road, town

NOON = Instant(PRESETS['ClearNoon'])
VIEW = CameraView(640, 360, 90.0, Pose(0.0, 0.0, 1.5, pitch=-4.0))


@pytest.fixture(scope='module')
def seen() -> Picture:
    return renderer(town()).render(VIEW, NOON)


def test_everything_has_the_pictures_size_and_type(seen: Picture) -> None:
    assert (seen.bgr.shape, seen.bgr.dtype) == ((360, 640, 3), np.uint8)
    assert (seen.tags.shape, seen.tags.dtype) == ((360, 640), np.uint8)
    assert (seen.instances.shape, seen.instances.dtype) == ((360, 640), np.uint16)
    assert (seen.depth_m.shape, seen.depth_m.dtype) == ((360, 640), np.float32)
    assert set(np.unique(seen.tags)) == {Tag.ROADS, Tag.TERRAIN, Tag.SKY, Tag.ROAD_LINES}


@pytest.mark.parametrize('distance_m', [5.0, 8.0, 12.0, 20.0])
def test_a_line_is_where_it_projects_to_and_as_wide(seen: Picture, distance_m: float) -> None:
    left, right = LINE_Y_M - LINE_WIDTH_M / 2, LINE_Y_M + LINE_WIDTH_M / 2
    edges = project(VIEW, np.array([[distance_m, left, 0], [distance_m, right, 0.0]]))
    row = int(edges[0, 1])
    middles, widths, wanted_middles, wanted_widths = [], [], [], []
    for y in range(row - 4, row + 5):
        columns = np.flatnonzero(seen.tags[y] == Tag.ROAD_LINES)
        middles.append(columns.mean() + 0.5)
        widths.append(len(columns))
        at = _ground_at_row(y)
        ends = project(VIEW, np.array([[at, left, 0], [at, right, 0.0]]))[:, 0]
        wanted_middles.append(ends.mean())
        wanted_widths.append(ends[1] - ends[0])
    assert np.mean(middles) == pytest.approx(np.mean(wanted_middles), abs=0.35)
    assert np.mean(widths) == pytest.approx(np.mean(wanted_widths), abs=0.5)


def _ground_at_row(row: int) -> float:
    """Return the distance on the x axis of the ground seen at the middle of a row."""
    angle = np.arctan((row + 0.5 - VIEW.height / 2) / VIEW.focal_px) - np.radians(VIEW.pose.pitch)
    return VIEW.pose.z / np.tan(angle)


def test_paint_is_bright_where_it_is_labelled_and_nowhere_else(seen: Picture) -> None:
    near = np.s_[200:, :]
    bright = seen.bgr[near].min(axis=2) > 165
    labelled = seen.tags[near] == Tag.ROAD_LINES
    overlap = (bright & labelled).sum() / (bright | labelled).sum()
    shifted = [np.roll(labelled, shift, axis=1) for shift in (-1, 1)]
    assert overlap > 0.85
    assert all((bright & other).sum() < (bright & labelled).sum() for other in shifted)


def test_depth_is_the_planes(seen: Picture) -> None:
    for row, column in ((250, 320), (300, 100), (359, 639)):
        assert seen.tags[row, column] != Tag.SKY
        up = (VIEW.height / 2 - row - 0.5) / VIEW.focal_px
        pitch = np.radians(VIEW.pose.pitch)
        wanted = -VIEW.pose.z / (np.sin(pitch) + up * np.cos(pitch))
        assert seen.depth_m[row, column] == pytest.approx(wanted, rel=1e-4)
    assert seen.depth_m[0, 0] == 1000.0


def test_the_near_hides_the_far() -> None:
    boxes = [box(30, 0, (2, 6, 3), 2), box(12, 0.5, (2, 2, 2), 1)]
    for scenery in (boxes, boxes[::-1]):
        picture = renderer(town(scenery=scenery)).render(VIEW, NOON)
        middle = project(VIEW, np.array([[11.0, 0.5, 1.0]]))[0].astype(int)
        assert picture.instances[middle[1], middle[0]] == 1
        assert picture.depth_m[middle[1], middle[0]] == pytest.approx(11.0, abs=0.1)
        beside = project(VIEW, np.array([[29.0, -2.0, 1.0]]))[0].astype(int)
        assert picture.instances[beside[1], beside[0]] == 2


def test_a_kerb_hides_the_paint_behind_it() -> None:
    kerb = quads(
        [[[5, 1.6, 0], [40, 1.6, 0], [40, 1.6, 0.5], [5, 1.6, 0.5]]],
        Tag.SIDEWALKS, Material.KERB, Layer.SIDEWALK,
    )  # fmt: skip
    bare, hidden = (
        renderer(town(joined([road(), *more]))).render(VIEW, NOON) for more in ([], [kerb])
    )
    at = project(VIEW, np.array([[12.0, LINE_Y_M, 0.0]]))[0].astype(int)
    assert bare.tags[at[1], at[0]] == Tag.ROAD_LINES
    assert hidden.tags[at[1], at[0]] == Tag.SIDEWALKS


def test_ground_under_the_camera_is_there() -> None:
    for yaw in (33.0, 90.0, 180.0):
        down = CameraView(320, 240, 100.0, Pose(3.0, 0.0, 1.2, pitch=-60.0, yaw=yaw))
        picture = renderer(town()).render(down, NOON)
        assert (picture.tags != Tag.SKY).all()
    down = CameraView(320, 240, 100.0, Pose(3.0, 0.0, 1.2, pitch=-60.0, yaw=33.0))
    picture = renderer(town()).render(down, NOON)
    assert set(np.unique(picture.tags)) <= {Tag.ROADS, Tag.ROAD_LINES, Tag.TERRAIN}
    assert (picture.tags[-20:] == Tag.ROADS).all()


def test_the_same_again_and_other_noise_at_another_tick() -> None:
    made = renderer(town(scenery=[box(15, 3, (2, 2, 2))]), draw_look(4), Ingredients())
    rain = Instant(PRESETS['HardRainNoon'], frame=7)
    lens = LensEffects(noise=8.0, jpeg_quality=70)
    first, again = (made.render(VIEW, rain, lens) for _ in range(2))
    other = made.render(VIEW, replace(rain, frame=8), lens)
    np.testing.assert_array_equal(first.bgr, again.bgr)
    np.testing.assert_array_equal(first.tags, other.tags)
    assert (first.bgr != other.bgr).mean() > 0.3


@pytest.mark.parametrize('name', sorted(PRESETS))
def test_weather_changes_colours_never_labels(seen: Picture, name: str) -> None:
    made = renderer(town(), usual_look(), Ingredients(grain=False, wear=False))
    picture = made.render(VIEW, Instant(PRESETS[name]))
    np.testing.assert_array_equal(picture.tags, seen.tags)
    assert picture.bgr.std() > 3


def test_night_is_dark_and_headlights_light_the_road() -> None:
    made = renderer(town(), usual_look(), Ingredients())
    night = Weather(sun_altitude_angle=-40.0)
    dark = made.render(VIEW, Instant(night))
    lit = made.render(VIEW, Instant(night, headlights=(Pose(0.0, 0.0, 0.0),)))
    day = made.render(VIEW, NOON)
    ahead = np.s_[230:300, 280:360]
    assert dark.bgr[ahead].mean() < 0.3 * day.bgr[ahead].mean()
    assert lit.bgr[ahead].mean() > 2 * dark.bgr[ahead].mean()


def test_a_shadow_falls_away_from_the_sun() -> None:
    """The sun stands left (y < 0): a box's shadow lies to its right, as long as it is high."""
    sun = Weather(cloudiness=0.0, sun_azimuth_angle=-90.0, sun_altitude_angle=45.0)
    made = town(scenery=[box(12, -3, (1, 1, 2))])
    with_shadow, without = (
        renderer(made, usual_look(), Ingredients(grain=False, wear=False, shadows=on)).render(
            VIEW, Instant(sun)
        )
        for on in (True, False)
    )
    darker = with_shadow.bgr.mean(axis=2) < 0.8 * without.bgr.mean(axis=2)
    for y_m, shaded in ((-1.5, True), (-0.8, True), (-0.2, False), (-4.5, False)):
        column, row = project(VIEW, np.array([[12.0, y_m, 0.0]]))[0].astype(int)
        assert darker[row, column] == shaded, y_m
    np.testing.assert_array_equal(with_shadow.tags, without.tags)


def test_a_bent_lens_bends_labels_and_depth_alike() -> None:
    made = renderer(town(scenery=[box(9, -2, (2, 2, 2))]), usual_look(), replace(_PLAIN_LENS))
    bent = made.render(VIEW, NOON, LensEffects(distortion=-0.2))
    straight = made.render(VIEW, NOON)
    assert (bent.tags != straight.tags).mean() > 0.008
    near = np.s_[200:, :]
    bright = bent.bgr[near].min(axis=2) > 165
    labelled = bent.tags[near] == Tag.ROAD_LINES
    assert (bright & labelled).sum() / (bright | labelled).sum() > 0.8
    assert ((bent.tags == Tag.CAR) == (bent.instances == 1)).all()


_PLAIN_LENS = Ingredients(
    grain=False, wear=False, dirt=False, shadows=False, lamps=False, weather=False
)


def test_worn_paint_keeps_its_label() -> None:
    worn = replace(usual_look(), wear=0.5)
    made = renderer(town(), worn, Ingredients(grain=False, shadows=False))
    picture = made.render(VIEW, NOON)
    line = picture.tags[250:] == Tag.ROAD_LINES
    paint = picture.bgr[250:].min(axis=2)[line]
    assert (paint < 130).mean() > 0.1
    assert (paint > 180).mean() > 0.1
    np.testing.assert_array_equal(picture.tags, renderer(town()).render(VIEW, NOON).tags)


def test_levels_of_detail_are_drawn_at_their_distance() -> None:
    near = replace(box(10, 0, (1, 2, 2), 1), far_m=np.full(5, 20, np.float32))
    far = replace(box(10, 0, (1, 2, 2), 2), near_m=np.full(5, 20, np.float32))
    made = renderer(town(scenery=[near, far]))
    for x, instance in ((0.0, 1), (-15.0, 2)):
        picture = made.render(replace(VIEW, pose=replace(VIEW.pose, x=x)), NOON)
        assert set(np.unique(picture.instances)) == {0, instance}


def test_where_a_town_has_no_ground_there_is_terrain_up_to_the_horizon() -> None:
    for yaw in (0.0, 17.0, 44.9, 90.0, 200.0):
        view = replace(VIEW, pose=replace(VIEW.pose, yaw=yaw))
        picture = renderer(town(joined([]))).render(view, NOON)
        horizon = int(VIEW.height / 2 + VIEW.focal_px * np.tan(np.radians(VIEW.pose.pitch)))
        assert (picture.tags[: horizon - 1] == Tag.SKY).all()
        assert (picture.tags[horizon + 2 :] == Tag.TERRAIN).all()


@pytest.mark.parametrize('size', [(1, 1), (2, 1), (1, 5), (7, 3), (33, 17)])
def test_tiny_pictures(size: tuple[int, int]) -> None:
    made = renderer(town(), usual_look(), Ingredients())
    view = replace(VIEW, width=size[0], height=size[1])
    picture = made.render(view, Instant(PRESETS['HardRainNoon']), LensEffects(noise=2, blur_px=1))
    assert picture.bgr.shape == (size[1], size[0], 3)
    assert picture.tags.shape == picture.depth_m.shape == (size[1], size[0])
