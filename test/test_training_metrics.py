import math

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest
from seg_node.labels import LANE_MARKING, ROAD, UNLABELLED
from seg_node.lane_f1 import TOLERANCE_PX
from training.evaluation.counts import pool
from training.evaluation.judge import Judge

ALL = np.array([True, True, True])
LANE_ONLY = np.array([False, True, False])
PLANES = arrays(np.uint8, (7, 24), elements=st.sampled_from([0, 1, 2]))
TRUTHS = arrays(np.uint8, (7, 24), elements=st.sampled_from([0, 0, 0, 1, 2, 255]))


def brute_force(predicted, truth, tolerance):
    """Say the pooled numbers pixel by pixel: IoU of each label, lane precision and recall."""
    pixels = [
        (y, x) for y in range(truth.shape[0]) for x in range(truth.shape[1])
        if truth[y, x] != UNLABELLED
    ]  # fmt: skip

    def ratio(part, whole):
        return part / whole if whole else 1.0

    def near(point, others):
        return any(math.dist(point, other) <= tolerance for other in others)

    ious = []
    for label in range(3):
        said = {p for p in pixels if predicted[p] == label}
        true = {p for p in pixels if truth[p] == label}
        ious.append(ratio(len(said & true), len(said | true)))
    said = [p for p in pixels if predicted[p] == LANE_MARKING]
    true = [p for p in pixels if truth[p] == LANE_MARKING]
    precision = ratio(sum(near(p, true) for p in said), len(said))
    recall = ratio(sum(near(p, said) for p in true), len(true))
    return ious, precision, recall


@given(predicted=PLANES, truth=TRUTHS)
@settings(max_examples=60, deadline=None)
def test_agrees_with_brute_force(predicted, truth):
    # widened so that the tolerance is one pixel and a half: distances of 1, sqrt 2 and 2 differ
    wide = (0, 0), (0, 256 - predicted.shape[1])
    predicted = np.pad(predicted, wide)
    truth = np.pad(truth, wide, constant_values=UNLABELLED)
    summary = Judge(ALL).count(predicted, truth).summary()
    ious, precision, recall = brute_force(predicted, truth, TOLERANCE_PX * 256 / 512)
    assert summary['lane_iou'] == pytest.approx(ious[LANE_MARKING])
    assert summary['road_iou'] == pytest.approx(ious[ROAD])
    assert summary['mean_iou'] == pytest.approx(np.mean(ious))
    assert summary['lane_precision'] == pytest.approx(precision)
    assert summary['lane_recall'] == pytest.approx(recall)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0
    assert summary['lane_f1_3px'] == pytest.approx(f1)


@pytest.mark.parametrize(('width', 'shift', 'expected'), [
    (512, 3, 1.0), (512, 4, 0.0), (1024, 6, 1.0), (1024, 7, 0.0), (256, 1, 1.0), (256, 2, 0.0),
])  # fmt: skip
def test_tolerance_scales_with_the_width(width, shift, expected):
    truth = np.zeros((40, width), np.uint8)
    predicted = truth.copy()
    truth[10], predicted[10 + shift] = LANE_MARKING, LANE_MARKING
    summary = Judge(LANE_ONLY).count(predicted, truth).summary()
    assert summary['lane_f1_3px'] == expected
    assert summary['lane_iou'] == 0


def test_picture_without_lane_counts_one_alone_and_nothing_in_a_pool():
    empty = np.zeros((8, 16), np.uint8)
    half = empty.copy()
    half[2, :8] = LANE_MARKING
    full = empty.copy()
    full[2] = LANE_MARKING
    nothing = Judge(LANE_ONLY).count(empty, empty)
    assert set(nothing.summary().values()) == {1.0}
    assert pool([nothing, nothing])['lane_iou'] == 1
    something = Judge(LANE_ONLY).count(half, full)
    pooled, alone = pool([nothing, something]), something.summary()
    # its pixels are right all the same
    assert (pooled.pop('accuracy'), alone.pop('accuracy')) == (1 - 8 / 256, 1 - 8 / 128)
    assert pooled == alone
    assert alone['lane_iou'] == 0.5


def test_lane_seen_by_one_side_only_counts_zero():
    empty = np.zeros((8, 16), np.uint8)
    lane = empty.copy()
    lane[4] = LANE_MARKING
    missed = Judge(LANE_ONLY).count(empty, lane).summary()
    invented = Judge(LANE_ONLY).count(lane, empty).summary()
    assert (missed['lane_iou'], missed['lane_f1_3px']) == (0, 0)
    assert (invented['lane_iou'], invented['lane_f1_3px']) == (0, 0)
    assert (missed['lane_precision'], missed['lane_recall']) == (1, 0)


def test_pools_pixels_not_pictures():
    big, small = np.zeros((10, 100), np.uint8), np.zeros((10, 100), np.uint8)
    big[:5], small[0, 0] = LANE_MARKING, LANE_MARKING
    empty = np.zeros_like(big)
    right = Judge(LANE_ONLY).count(big, big)
    wrong = Judge(LANE_ONLY).count(empty, small)
    assert pool([right, wrong])['lane_iou'] == pytest.approx(500 / 501)


def test_lane_only_set_does_not_judge_the_rest():
    truth = np.zeros((8, 16), np.uint8)
    truth[4] = LANE_MARKING
    predicted = np.full_like(truth, ROAD)
    predicted[4] = LANE_MARKING
    summary = Judge(LANE_ONLY).count(predicted, truth).summary()
    assert summary['lane_iou'] == summary['mean_iou'] == 1
    assert 'road_iou' not in summary


def test_paint_is_road_for_a_set_that_knows_no_lanes():
    truth = np.full((8, 16), ROAD, np.uint8)
    predicted = truth.copy()
    predicted[4] = LANE_MARKING
    road_only = np.array([False, False, True])
    assert Judge(road_only).count(predicted, truth).summary()['road_iou'] == 1
    assert Judge(ALL).count(predicted, truth).summary()['road_iou'] == 7 / 8


def test_a_union_of_labels_forgives_either_and_nothing_else():
    """The truth's lane markings are paint and some kerbs; the model tells them apart."""
    labels = ('background', 'lane_marking', 'road', 'kerb')
    lane, kerb = 1, 3
    covers = np.eye(4, dtype=bool)
    covers[lane, kerb] = True
    judge = Judge(np.array([False, True, False, False]), covers, labels)
    truth = np.zeros((40, 512), np.uint8)
    truth[10], truth[30] = lane, lane
    predicted = np.zeros_like(truth)
    predicted[10], predicted[30], predicted[20] = lane, kerb, kerb
    summary = judge.count(predicted, truth).summary()
    assert summary['lane_iou'] == summary['lane_f1_3px'] == summary['accuracy'] == 1
    predicted[20] = lane  # nothing forgives paint where there is none
    summary = judge.count(predicted, truth).summary()
    assert summary['lane_iou'] == pytest.approx(2 / 3)
    assert summary['accuracy'] == 39 / 40
    assert Judge(judge.annotated, None, labels).count(predicted, truth).iou(lane) == 1 / 3


def test_any_number_of_labels_by_name():
    labels = ('sky', 'building', 'road', 'pavement')
    truth = np.array([[0, 0, 1, 1], [2, 2, 3, 255]], np.uint8)
    predicted = np.array([[0, 1, 1, 1], [2, 3, 3, 0]], np.uint8)
    summary = Judge(np.ones(4, bool), labels=labels).count(predicted, truth).summary()
    assert summary['sky_iou'] == 1 / 2
    assert summary['building_iou'] == pytest.approx(2 / 3)
    assert summary['road_iou'] == summary['pavement_iou'] == 1 / 2
    assert summary['mean_iou'] == pytest.approx((1 / 2 + 2 / 3 + 1 / 2 + 1 / 2) / 4)
    assert summary['accuracy'] == pytest.approx(5 / 7)
    assert not [name for name in summary if name.startswith('lane')]


def test_accuracy_of_a_partly_annotated_set_tells_its_labels_from_the_rest():
    truth = np.array([[0, 1, 1, 0, 255]], np.uint8)
    predicted = np.array([[2, 1, 0, 1, 1]], np.uint8)
    assert Judge(LANE_ONLY).count(predicted, truth).summary()['accuracy'] == 2 / 4


@pytest.mark.parametrize(('shift', 'expected'), [(0, 1.0), (3, 1.0), (4, 0.0)])
def test_boundary_of_the_road_may_be_off_by_a_share_of_the_diagonal(shift, expected):
    # 0.75 % of the diagonal of 300 x 400 is 3.75 pixels
    truth = np.zeros((300, 400), np.uint8)
    predicted = truth.copy()
    truth[100:], predicted[100 + shift :] = ROAD, ROAD
    road_only = np.array([False, False, True])
    counts = Judge(road_only, boundaries=True).count(predicted, truth)
    assert counts.boundary[ROAD].tolist() == [400 * expected, 400, 400 * expected, 400]
    assert counts.summary()['road_boundary_f1'] == expected
    assert 'road_boundary_f1' not in Judge(road_only).count(predicted, truth).summary()


def test_what_nobody_labelled_has_no_boundary():
    truth = np.full((300, 400), ROAD, np.uint8)
    truth[:, 200:] = UNLABELLED
    counts = Judge(ALL, boundaries=True).count(np.where(truth == ROAD, ROAD, 0), truth)
    assert not counts.boundary.any()


@given(predicted=PLANES, truth=TRUTHS, cuts=st.lists(st.integers(0, 7), max_size=3))
@settings(max_examples=60, deadline=None)
def test_counts_of_bands_add_up(predicted, truth, cuts):
    judge = Judge(ALL, boundaries=True)
    whole = judge.count(predicted, truth)
    bands = judge.count(predicted, truth, [0, *sorted(cuts), 7])
    assert bands.pixels.shape[0] == len(cuts) + 1
    for name in ('pixels', 'right', 'near', 'boundary'):
        assert np.array_equal(getattr(bands.sum(), name), getattr(whole, name))
