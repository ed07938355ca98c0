"""Folders of soft labels: written by a teacher, read beside the masks, moved with the pictures."""

import numpy as np
import pytest
from rendered_roads import write_pairs
from seg_node.preprocess import InputSpec
import torch
from torch.utils.data import DataLoader
from training.data.augment import AugmentConfig
from training.data.geometry import GeometryConfig
from training.data.pairs import PairsFolder
from training.data.photometric import PhotometricConfig
from training.data.sampling import Draw, MixedSampler, TrainingSamples
from training.data.soft_labels import read_soft_label, write_soft_label
from training.data.sources import SetConfig, SourceConfig
from training.errors import DataError

SPEC = InputSpec(width=128, height=64)
STILL = AugmentConfig(
    GeometryConfig(flip=0, scale=(1, 1), aspect=1, shift=(0, 0), warp=0),
    PhotometricConfig(),
    cut_out=0,
    borrow=0,
)


def probabilities(seed, classes=3, size=(64, 128)):
    share = np.random.default_rng(seed).dirichlet(np.ones(classes), size)
    return np.ascontiguousarray((share * 255).round().astype(np.uint8).transpose(2, 0, 1))


@pytest.fixture
def folder(tmp_path):
    folder = write_pairs(tmp_path / 'roads', 4, ('background', 'lane_marking', 'road'))
    for number in range(4):
        write_soft_label(folder / f'soft/{number:04}.png', probabilities(number))
    write_pairs(tmp_path / 'plain', 3, ('lane_marking',))
    return folder


@pytest.mark.parametrize(('suffix', 'classes'), [('.png', 3), ('.npz', 3), ('.npz', 11)])
def test_what_is_written_is_read(tmp_path, suffix, classes):
    planes = probabilities(0, classes)
    write_soft_label(tmp_path / f'a{suffix}', planes)
    read = read_soft_label(tmp_path / f'a{suffix}', classes, (64, 128))
    assert np.array_equal(read.transpose(2, 0, 1), planes)
    assert [path.name for path in tmp_path.iterdir()] == [f'a{suffix}'], 'nothing half-written'


def test_a_batch_carries_them_where_a_source_has_some(folder):
    sources = (SourceConfig(path='roads', soft_labels='soft'), SourceConfig(path='plain'))
    folders = [PairsFolder.open(source, folder.parent) for source in sources]
    samples = TrainingSamples(folders, SPEC, STILL)
    sample = samples[Draw(0, 2, (1, 0, 0))]
    assert np.array_equal(sample['soft'], probabilities(2))
    batch = next(iter(DataLoader(samples, 6, sampler=MixedSampler([4, 3], [1, 1], 6, 0))))
    assert batch['soft'].shape == (6, 3, 64, 128)
    assert batch['soft'].dtype == torch.uint8
    said = batch['soft'].sum(dim=(1, 2, 3)) > 0
    assert said.tolist() == batch['annotated'].all(dim=1).tolist(), 'zero where nobody says'
    assert 'soft' not in TrainingSamples(folders[1:], SPEC, STILL)[Draw(0, 0, (1, 0, 0))]


def test_they_count_in_the_hash_of_the_data(folder):
    source = SetConfig(path='roads', soft_labels='soft')
    before = PairsFolder.open(source, folder.parent).sha256()
    assert before != PairsFolder.open(SetConfig(path='roads'), folder.parent).sha256()
    write_soft_label(folder / 'soft/0001.png', probabilities(9))
    assert PairsFolder.open(source, folder.parent).sha256() != before


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(('damage', 'told'), [
    (lambda soft: (soft / '0001.png').unlink(), '0001 has no soft label'),
    (lambda soft: soft.rename(soft.with_name('teacher')), 'soft is missing.*soft_labels'),
    (lambda soft: (soft / '0001.png').write_bytes(b'x'), r'0001\.png is no soft label'),
    (lambda soft: write_soft_label(soft / '0001.png', probabilities(0, 3, (8, 8))),
     r'\(8, 8, 3\), its picture needs \(64, 128, 3\)'),
])  # fmt: skip
def test_damage_is_told_in_one_line(folder, damage, told):
    damage(folder / 'soft')
    source = SetConfig(path='roads', soft_labels='soft')
    with pytest.raises(DataError, match=told) as caught:
        PairsFolder.open(source, folder.parent).read_soft(1, (64, 128))
    assert '\n' not in str(caught.value)


def test_a_truncated_or_foreign_array_is_told(tmp_path):
    path = tmp_path / 'a.npz'
    write_soft_label(path, probabilities(0, 5))
    with pytest.raises(DataError, match='labels of this run'):
        read_soft_label(path, 3, (64, 128))
    truncate(path)
    with pytest.raises(DataError, match='is no soft label'):
        read_soft_label(path, 5, (64, 128))
    np.savez(path, other=np.zeros(3))
    with pytest.raises(DataError, match='is no soft label'):
        read_soft_label(path, 5, (64, 128))
    with pytest.raises(DataError, match=r'write NAME\.npz'):
        write_soft_label(tmp_path / 'b.png', probabilities(0, 5))
