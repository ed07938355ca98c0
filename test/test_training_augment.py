from dataclasses import replace

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from rendered_roads import render_road, write_pairs
from seg_node.frame import Frame
from seg_node.labels import LANE_MARKING, UNLABELLED
from seg_node.preprocess import InputSpec, place, preprocess
import torch
from training.data.augment import augment, AugmentConfig, Sample
from training.data.blending import blend
from training.data.geometry import draw_movement, GeometryConfig
from training.data.label_table import lane_id, LANE_NAMES
from training.data.pairs import PairsFolder
from training.data.photometric import borrow_colors, change_paint, PhotometricConfig, spoil
from training.data.rain import fall_rain
from training.data.sampling import Draw, MixedSampler, TrainingSamples
from training.data.sources import SourceConfig
from training.errors import ConfigError, DataError

SPEC = InputSpec(width=128, height=96)
EVERYTHING = AugmentConfig(
    GeometryConfig(crop=1, warp=1),
    PhotometricConfig(paint=1, tone=1, shadow=1, night=1, rain=1, blur=1, noise=1, jpeg=1),
    cut_out=1,
)
STILL = GeometryConfig(flip=0, scale=(1, 1), aspect=1, shift=(0, 0), warp=0)


@given(seed=st.integers(0, 10**6), height=st.integers(20, 300), width=st.integers(20, 300))
@settings(max_examples=60, deadline=None)
def test_sample_has_the_input_size_and_known_labels_only(seed, height, width):
    image, mask = render_road(np.random.default_rng(seed), height, width)
    rng = np.random.default_rng(seed)
    image, mask, _ = augment(Sample(image, mask), AugmentConfig(), SPEC, rng)
    assert (image.shape, image.dtype) == ((96, 128, 3), np.uint8)
    assert (mask.shape, mask.dtype) == ((96, 128), np.uint8)


@given(
    seed=st.integers(0, 10**6),
    ids=st.lists(st.integers(0, 254), min_size=1, max_size=5, unique=True),
    size=st.tuples(st.integers(20, 300), st.integers(20, 300)),
)
@settings(max_examples=60, deadline=None)
def test_no_label_comes_out_that_did_not_go_in(seed, ids, size):
    rng = np.random.default_rng(seed)
    mask = rng.choice(np.array(ids, np.uint8), size)
    image = np.zeros((*size, 3), np.uint8)
    out = augment(Sample(image, mask), EVERYTHING, SPEC, rng).mask
    assert set(np.unique(out).tolist()) <= {*ids, UNLABELLED}


def test_same_state_gives_the_same_sample_and_another_state_another():
    pair = render_road(np.random.default_rng(0))
    first, again, other = (
        augment(Sample(*pair), AugmentConfig(), SPEC, np.random.default_rng(seed))
        for seed in (5, 5, 6)
    )
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_input_is_left_as_it_was():
    image, mask = render_road(np.random.default_rng(0))
    copies = image.copy(), mask.copy()
    for seed in range(20):
        augment(Sample(image, mask), EVERYTHING, SPEC, np.random.default_rng(seed))
    assert np.array_equal(image, copies[0])
    assert np.array_equal(mask, copies[1])


def warp_pair(image, mask, config, spec, rng):
    """Return picture and mask after one movement."""
    movement = draw_movement(image.shape[:2], config, spec, rng)
    return movement.picture(image), movement.mask(mask)


def test_without_movement_the_picture_lies_as_the_node_places_it():
    image, mask = render_road(np.random.default_rng(0), 150, 400)
    warped, labels = warp_pair(image, mask, STILL, SPEC, np.random.default_rng(0))
    batch, placement = preprocess(Frame(image), SPEC)
    assert np.array_equal(warped, batch[0])
    assert (placement.crop(labels) != UNLABELLED).all()
    assert np.count_nonzero(labels == UNLABELLED) == 96 * 128 - placement.width * placement.height


def lean(picture, mask):
    """Return by how many pixels a line's middle in the mask lies off that in the picture."""
    columns = np.arange(picture.shape[1])
    line = mask == LANE_MARKING
    # rows in which all of the line is seen: what is left of it at a border has another middle
    known = cv2.erode((mask != UNLABELLED).astype(np.uint8), np.ones((1, 9))) > 0
    rows = np.flatnonzero(line.any(axis=1) & ~(line & ~known).any(axis=1))
    bright = picture[rows].astype(float)
    shown = (bright * columns).sum(axis=1) / bright.sum(axis=1)
    labelled = (line[rows] * columns).sum(axis=1) / line[rows].sum(axis=1)
    return labelled - shown


@pytest.mark.parametrize('upright', [True, False])
def test_a_line_stays_registered_to_its_picture(upright):
    image, mask = np.zeros((300, 400, 3), np.uint8), np.zeros((300, 400), np.uint8)
    middle = np.s_[:, 196:207] if upright else np.s_[146:157]
    image[middle], mask[middle] = 240, LANE_MARKING
    soft = np.stack([255 - 255 * mask, 255 * mask, 0 * mask], axis=2)
    leans = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        config = GeometryConfig(flip=0, crop=0.5, warp=0.7, shift=(0.05, 0.05))
        movement = draw_movement(mask.shape, config, SPEC, rng)
        shown, labels = movement.picture(image)[:, :, 0], movement.mask(mask)
        probable = movement.soft(soft)[:, :, 1]
        turned = (shown, labels, probable) if upright else (shown.T, labels.T, probable.T)
        for other in (turned[0], turned[2]):
            off = lean(other, turned[1])
            assert len(off) > 20
            assert abs(off.mean()) < 0.5, f'seed {seed}: {off.mean():.2f} pixels to one side'
            leans.append(off.mean())
    assert abs(np.mean(leans)) < 0.1, 'no side is preferred'


def test_soft_labels_add_up_inside_and_say_nothing_outside_and_under_covers():
    image, mask = render_road(np.random.default_rng(0), 120, 160)
    soft = np.stack([255 * (mask == label) for label in range(3)], axis=2).astype(np.uint8)
    covered = 0
    for seed in range(20):
        config = replace(EVERYTHING, cut_out=seed % 2)
        rng = np.random.default_rng(seed)
        sample = augment(Sample(image, mask, soft), config, SPEC, rng)
        assert (sample.soft.shape, sample.soft.dtype) == ((96, 128, 3), np.uint8)
        total = sample.soft.sum(axis=2)
        known = (sample.mask != UNLABELLED).astype(np.uint8)
        inside = cv2.erode(known, np.ones((5, 5)), borderValue=0) > 0
        assert np.abs(total[inside].astype(int) - 255).max(initial=0) <= 2
        outside = cv2.dilate(known, np.ones((5, 5))) == 0
        assert total[outside].max(initial=0) == 0
        sure = inside & (sample.soft.max(axis=2) > 230)
        assert (sample.soft.argmax(axis=2) == sample.mask)[sure].mean() > 0.99 or not sure.any()
        covered += config.cut_out and np.count_nonzero(outside)
    assert covered


def test_rain_adds_streaks_and_only_where_it_is_asked_for():
    road, _ = render_road(np.random.default_rng(3), 96, 128)
    still = PhotometricConfig(blur=0, noise=0, jpeg=0)
    assert np.array_equal(spoil(road, still, np.random.default_rng(0)), road)
    wet = spoil(road, replace(still, rain=1.0), np.random.default_rng(0))
    gray = np.full((96, 128, 3), 60, np.uint8)
    rain = fall_rain(gray, np.random.default_rng(0)).astype(float)[:, :, 0]
    assert wet.shape == road.shape
    assert (wet != road).any()
    assert rain.min() >= 60
    down, across = np.abs(np.diff(rain, axis=0)).mean(), np.abs(np.diff(rain, axis=1)).mean()
    assert 0 < down < 0.7 * across, 'streaks are longer than they are wide'


def test_crop_takes_part_of_the_picture_and_fills_the_canvas_as_any_picture_would():
    ramp = np.broadcast_to(np.arange(200, dtype=np.uint8), (100, 200))
    image, mask = cv2.merge([ramp] * 3), np.zeros((100, 200), np.uint8)
    config = replace(STILL, crop=1.0, crop_share=0.5)
    shares = []
    for seed in range(30):
        shown, labels = warp_pair(image, mask, config, SPEC, np.random.default_rng(seed))
        inside = shown[labels == 0]
        shares.append((int(inside.max()) - int(inside.min()) + 1) / 200)
    assert 0.45 < min(shares) < 0.6
    assert max(shares) > 0.9


@pytest.mark.parametrize('seed', range(12))
def test_mask_follows_the_picture(seed):
    """The picture shows its own mask, so after any transform both must still agree."""
    _, mask = render_road(np.random.default_rng(seed), 120, 160)
    shown = cv2.merge([(mask == LANE_MARKING).astype(np.uint8) * 200] * 3) + 20
    config = replace(GeometryConfig(), warp=1.0)
    image, labels = warp_pair(shown, mask, config, SPEC, np.random.default_rng(seed))
    inside, lane = labels != UNLABELLED, labels == LANE_MARKING
    core = cv2.erode(lane.astype(np.uint8), np.ones((3, 3))) > 0
    away = cv2.dilate(lane.astype(np.uint8), np.ones((5, 5))) == 0
    edge = cv2.erode(inside.astype(np.uint8), np.ones((5, 5))) > 0
    assert image[core].min(initial=255) > 90
    assert image[away & edge].max(initial=0) < 60
    outside = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3))) == 0
    assert image[outside].max(initial=0) == 0


def test_hidden_pixels_are_not_asked_for():
    image, mask = render_road(np.random.default_rng(0), 96, 128)
    mask[:] = 0
    config = AugmentConfig(STILL, PhotometricConfig(), cut_out=1.0)
    labels = augment(Sample(image, mask), config, SPEC, np.random.default_rng(1)).mask
    assert place(image.shape[:2], SPEC).width == 128
    assert (labels == UNLABELLED).any()


def test_only_what_is_called_lane_marking_is_repainted():
    image, mask = render_road(np.random.default_rng(0))
    paint = PhotometricConfig(paint=1)
    for seed in range(5):
        usual, elsewhere = (
            change_paint(image, shown, lane_id(labels), paint, np.random.default_rng(seed))
            for shown, labels in (
                (mask, LANE_NAMES),
                (np.array([0, 3, 2], np.uint8)[mask], ('sky', 'tree', 'road', 'lane_marking')),
            )
        )
        assert np.array_equal(usual, elsewhere)
        assert (usual != image)[mask == LANE_MARKING].any(axis=1).mean() > 0.5
        beside = cv2.dilate((mask == LANE_MARKING).astype(np.uint8), np.ones((3, 3))) == 0
        assert np.array_equal(usual[beside], image[beside])


def test_a_table_without_lane_marking_is_repainted_nowhere(tmp_path):
    write_pairs(tmp_path / 'roads', 1, ('building',))
    table = ('sky', 'building', 'road')
    drawn = []
    for paint in (0.0, 1.0):
        source = SourceConfig(path='roads', remap={'0': 0, '1': 1, '2': 2})
        folder = PairsFolder.open(source, tmp_path, table)
        config = replace(EVERYTHING, photometric=replace(EVERYTHING.photometric, paint=paint))
        drawn.append(TrainingSamples([folder], SPEC, config)[Draw(0, 0, (1, 0, 0))]['image'])
    assert torch.equal(*drawn)


def test_blend_mixes_by_share():
    black, white = np.zeros((1, 3, 3), np.uint8), np.full((1, 3, 3), 255, np.uint8)
    share = np.array([[0, 128, 255]], np.uint8)
    assert blend(black, white, share)[0, :, 0].tolist() == [0, 128, 255]


def test_colours_move_towards_those_of_another_picture():
    road, _ = render_road(np.random.default_rng(0))
    other = np.full((50, 70, 3), (20, 60, 200), np.uint8)
    other[::2] = (40, 90, 250)
    moved = borrow_colors(road, other, np.random.default_rng(0))
    for channel in range(3):
        before, after, wanted = (p[:, :, channel].mean() for p in (road, moved, other))
        assert abs(after - wanted) < 0.7 * abs(before - wanted)
    shades = [moved[road[:, :, 0] == level, 0].mean() for level in np.unique(road[:, :, 0])]
    assert (np.diff(shades) >= 0).all(), 'what was lighter stays lighter'


def test_styles_are_mixed_across_sets(tmp_path):
    for name in ('roads', 'red'):
        write_pairs(tmp_path / name, 3, ('road',))
    for path in (tmp_path / 'red/images').iterdir():
        cv2.imwrite(str(path), np.full((64, 128, 3), (10, 10, 240), np.uint8))
    folders = [PairsFolder.open(SourceConfig(path=name), tmp_path) for name in ('roads', 'red')]
    plain = AugmentConfig(STILL, PhotometricConfig(tone=0, saturation=0, hue_deg=0), 0, borrow=0)
    redness = []
    for config in (plain, replace(plain, borrow=1.0)):
        samples = TrainingSamples(folders, SPEC, config)
        drawn = [samples[Draw(0, 0, (1, 0, position))] for position in range(12)]
        redness.append(np.mean([sample['image'][:, :, 2].float().mean() for sample in drawn]))
        # labels are those of the set whose picture it is
        assert all((sample['truth'] == drawn[0]['truth']).all() for sample in drawn)
    assert redness[1] > redness[0] + 10


@pytest.mark.parametrize(('cls', 'change', 'told'), [
    (GeometryConfig, {'flip': 2}, r'geometry\.flip is 2: use 0 to 1'),
    (GeometryConfig, {'scale': (2, 1)}, r'geometry\.scale is \[2, 1\]: give the smaller'),
    (GeometryConfig, {'scale': (0, 1)}, r'geometry\.scale is \[0, 1\]'),
    (GeometryConfig, {'aspect': 0.5}, r'geometry\.aspect is 0\.5: use 1 to'),
    (GeometryConfig, {'shift': (0.1, float('nan'))}, r'geometry\.shift is \[0\.1, nan\]'),
    (GeometryConfig, {'crop_share': 2}, r'geometry\.crop_share is 2'),
    (GeometryConfig, {'perspective': 0.5}, r'geometry\.perspective is 0\.5'),
    (PhotometricConfig, {'night': -1}, r'photometric\.night is -1'),
    (PhotometricConfig, {'gamma': 0}, r'photometric\.gamma is 0: use 1 to'),
    (PhotometricConfig, {'noise_sigma': 0}, r'photometric\.noise_sigma is 0'),
    (PhotometricConfig, {'contrast': -0.1}, r'photometric\.contrast is -0\.1: use 0 or more'),
    (AugmentConfig, {'borrow': 1.5}, r'--augment\.borrow is 1\.5'),
])  # fmt: skip
def test_settings_that_change_no_picture_are_refused(cls, change, told):
    with pytest.raises(ConfigError, match=told):
        cls(**change)


def test_a_picture_moved_off_the_canvas_leaves_nothing_to_learn():
    image, mask = render_road(np.random.default_rng(0))
    config = GeometryConfig(scale=(0.1, 0.1), shift=(3, 3), warp=0)
    shown = [warp_pair(image, mask, config, SPEC, np.random.default_rng(s)) for s in range(60)]
    away = [picture for picture, labels in shown if (labels == UNLABELLED).all()]
    assert 30 < len(away) < 60
    assert not np.any(away)


def test_sources_without_any_weight_are_refused():
    with pytest.raises(DataError, match='every source has weight 0'):
        MixedSampler([3, 4], [0, 0], 8, 1)


def test_sampler_draws_by_weight_and_uses_every_sample():
    sampler = MixedSampler([50, 7], [2, 1], 90, seed=3)
    draws = list(sampler)
    assert len(draws) == len(sampler) == 90
    first = [draw.sample for draw in draws if draw.source == 0]
    second = [draw.sample for draw in draws if draw.source == 1]
    assert (len(first), len(second)) == (60, 30)
    assert set(first) == set(range(50))
    assert max(second.count(i) for i in range(7)) <= 30 // 7 + 1
    assert list(sampler) == draws
    sampler.set_epoch(1)
    assert list(sampler) != draws


def test_samples_do_not_depend_on_who_reads_them(tmp_path):
    write_pairs(tmp_path / 'roads', 4, ('lane_marking',))
    folder = PairsFolder.open(SourceConfig(path='roads'), tmp_path)
    draw = next(iter(MixedSampler([4], [1], 4, seed=0)))
    first, again = (TrainingSamples([folder], SPEC, AugmentConfig())[draw] for _ in range(2))
    assert np.array_equal(first['image'], again['image'])
    assert first['annotated'].tolist() == [False, True, False]
    assert first['covers'].tolist() == np.eye(3, dtype=bool).tolist()
    assert first['image'].shape == (96, 128, 3)
