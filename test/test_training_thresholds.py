from dataclasses import fields, replace

from rendered_roads import write_pairs
import torch
from torch import nn
from training.data.augment import AugmentConfig
from training.data.geometry import GeometryConfig
from training.data.pairs import PairsFolder
from training.data.photometric import PhotometricConfig
from training.data.sources import SourceConfig
from training.thresholds import choose_threshold
from training_runs import tiny_config

LABELS = ('background', 'lane_marking', 'road')


class SureOfWhite(nn.Module):
    """Says lane marking with .62 where it is white, with .42 in the sky, with .1 on the road."""

    def __init__(self):
        super().__init__()
        self.levels = nn.Parameter(torch.tensor([0.1, 0.42, 0.62]))

    def forward(self, x):
        bright = x.amin(dim=1, keepdim=True) > 0.7
        blue = x[:, 2:3] > 0.5
        lane = torch.where(bright, self.levels[2], torch.where(blue, *self.levels[[1, 0]]))
        return torch.log(torch.cat([(1 - lane) / 2, lane, (1 - lane) / 2], dim=1))


def without_chance():
    """Return an augmentation that changes nothing."""
    still = {field.name: 0.0 for field in fields(PhotometricConfig)} | {
        'gamma': 1.0,
        'noise_sigma': 1.0,
    }
    geometry = GeometryConfig(flip=0, crop=0, aspect=1, warp=0)
    return AugmentConfig(
        geometry=geometry, photometric=PhotometricConfig(**still), cut_out=0, borrow=0
    )


def test_threshold_parts_what_is_lane_from_what_is_not(tmp_path):
    config = replace(tiny_config(tmp_path), augment=without_chance())
    folders = [PairsFolder.open(source, tmp_path) for source in config.train]
    assert 0.42 < choose_threshold(SureOfWhite(), config, folders, draws=40) <= 0.62


def test_a_network_without_lanes_has_no_threshold_to_choose(tmp_path):
    write_pairs(tmp_path / 'road_only', 2, ('road',))
    source = SourceConfig(path='road_only')
    config = replace(tiny_config(tmp_path), train=(source,), augment=without_chance())
    folders = [PairsFolder.open(source, tmp_path)]
    assert choose_threshold(SureOfWhite(), config, folders) == 0.5
    config = replace(config, labels=('sky', 'building', 'road'))
    assert choose_threshold(SureOfWhite(), config, folders) == 0.5


def test_either_label_of_a_union_counts_as_found(tmp_path):
    config = replace(tiny_config(tmp_path), augment=without_chance())
    union = {'lane_marking': ('lane_marking', 'background')}
    source = replace(config.train[0], covers=union)
    folders = [PairsFolder.open(source, tmp_path)]
    # background is right on the truth's lanes too, so that saying lane can only be wrong
    assert (
        choose_threshold(SureOfWhite(), replace(config, train=(source,)), folders, draws=40) > 0.62
    )
