import numpy as np
import pytest
from training.errors import ConfigError
from training.evaluation.bootstrap import BootstrapConfig, draw_weights, intervals, resample
from training.evaluation.counts import SegmentationCounts

SINGLE = BootstrapConfig(resamples=2000, block=1)


def counts_of(hits, whole=100):
    """Return pictures with so many right pixels of so many that are lane."""
    hits = np.asarray(hits)
    zeros = np.zeros_like(hits)
    pixels = np.zeros((len(hits), 3, 3), np.int64)
    pixels[:, 1] = np.stack([hits, zeros, whole - hits], axis=1)
    near = np.stack([hits, hits, hits, np.full_like(hits, whole)], axis=1)
    right = np.stack([hits, np.full_like(hits, whole)], axis=1)
    labels = ('background', 'lane_marking', 'road')
    annotated = np.array([False, True, False])
    return SegmentationCounts(labels, annotated, pixels, right, near, np.zeros((len(hits), 3, 4)))


def width_of(counts, config):
    low, high = intervals(resample(counts, config), config.level)['lane_iou']
    return high - low


def test_interval_of_coin_throws_is_the_known_one():
    hits = np.random.default_rng(0).integers(0, 2, 400) * 100
    share = hits.mean() / 100
    drawn = resample(counts_of(hits), SINGLE)
    assert drawn['lane_iou'].mean() == pytest.approx(share, abs=0.005)
    error = np.sqrt(share * (1 - share) / 400)
    assert width_of(counts_of(hits), SINGLE) == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_blocks_see_that_neighbours_are_alike():
    """Ten copies of each picture tell no more than one; single draws would believe them."""
    hits = np.repeat(np.random.default_rng(1).integers(0, 2, 60) * 100, 10)
    believed = width_of(counts_of(hits), SINGLE)
    honest = width_of(counts_of(hits), BootstrapConfig(resamples=2000, block=40))
    assert honest == pytest.approx(believed * np.sqrt(10), rel=0.2)


def test_differences_are_paired():
    """Both models find the same pictures hard: their difference is sure, they themselves not."""
    hits = np.random.default_rng(2).integers(0, 90, 200)
    drawn = [resample(counts_of(h), SINGLE) for h in (hits, hits + 5)]
    assert intervals(drawn[1], 0.95, minus=drawn[0])['lane_iou'] == [0.05, 0.05]
    low, high = intervals(drawn[0], 0.95)['lane_iou']
    assert high - low > 0.05


def test_weights_are_blocks_of_as_many_pictures_as_there_are():
    weights = draw_weights(50, BootstrapConfig(resamples=30, block=10))
    assert weights.shape == (30, 50)
    assert (weights.sum(axis=1) == 50).all()
    # five blocks of ten begin and end at most five times each, around the end too
    assert (np.count_nonzero(np.diff(weights, axis=1, append=weights[:, :1]), axis=1) <= 10).all()
    again = draw_weights(50, BootstrapConfig(resamples=30, block=10))
    assert np.array_equal(weights, again)
    other = draw_weights(50, BootstrapConfig(resamples=30, block=10, seed=2))
    assert not np.array_equal(weights, other)


@pytest.mark.parametrize(('pictures', 'block'), [(1, 1), (2, 1), (9, 3), (29, 9), (600, 10)])
def test_short_sets_get_shorter_blocks(pictures, block):
    assert BootstrapConfig(block=10).block_of(pictures) == block


@pytest.mark.parametrize(('settings', 'told'), [
    ({'resamples': 5}, '--bootstrap.resamples is 5: use 20'),
    ({'block': 0}, '--bootstrap.block is 0'),
    ({'level': 95}, '--bootstrap.level is 95'),
])  # fmt: skip
def test_settings_that_give_no_interval_are_refused(settings, told):
    with pytest.raises(ConfigError, match=told):
        BootstrapConfig(**settings).check()
