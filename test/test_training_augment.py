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
from training.data.augment import augment, AugmentConfig
from training.data.geometry import GeometryConfig, warp_pair
from training.data.pairs import PairsFolder
from training.data.photometric import blend, PhotometricConfig
from training.data.sampling import MixedSampler, TrainingSamples
from training.data.sources import SourceConfig

SPEC = InputSpec(width=128, height=96)
STILL = GeometryConfig(flip=0, scale=(1, 1), aspect=1, shift=(0, 0), warp=0)


@given(seed=st.integers(0, 10**6), height=st.integers(20, 300), width=st.integers(20, 300))
@settings(max_examples=60, deadline=None)
def test_sample_has_the_input_size_and_known_labels_only(seed, height, width):
    image, mask = render_road(np.random.default_rng(seed), height, width)
    rng = np.random.default_rng(seed)
    image, mask = augment(image, mask, AugmentConfig(), SPEC, rng)
    assert (image.shape, image.dtype) == ((96, 128, 3), np.uint8)
    assert (mask.shape, mask.dtype) == ((96, 128), np.uint8)
    assert set(np.unique(mask)) <= {0, 1, 2, UNLABELLED}


def test_same_state_gives_the_same_sample_and_another_state_another():
    pair = render_road(np.random.default_rng(0))
    first, again, other = (
        augment(*pair, AugmentConfig(), SPEC, np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_input_is_left_as_it_was():
    image, mask = render_road(np.random.default_rng(0))
    copies = image.copy(), mask.copy()
    for seed in range(20):
        augment(image, mask, AugmentConfig(cut_out=1), SPEC, np.random.default_rng(seed))
    assert np.array_equal(image, copies[0])
    assert np.array_equal(mask, copies[1])


def test_without_movement_the_picture_lies_as_the_node_places_it():
    image, mask = render_road(np.random.default_rng(0), 150, 400)
    warped, labels = warp_pair(image, mask, STILL, SPEC, np.random.default_rng(0))
    batch, placement = preprocess(Frame(image), SPEC)
    assert np.array_equal(warped, batch[0])
    assert (placement.crop(labels) != UNLABELLED).all()
    assert np.count_nonzero(labels == UNLABELLED) == 96 * 128 - placement.width * placement.height


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
    _, labels = augment(image, mask, config, SPEC, np.random.default_rng(1))
    assert place(image.shape[:2], SPEC).width == 128
    assert (labels == UNLABELLED).any()


def test_blend_mixes_by_share():
    black, white = np.zeros((1, 3, 3), np.uint8), np.full((1, 3, 3), 255, np.uint8)
    share = np.array([[0, 128, 255]], np.uint8)
    assert blend(black, white, share)[0, :, 0].tolist() == [0, 128, 255]


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
