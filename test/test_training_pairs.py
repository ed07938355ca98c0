import json

import cv2
import numpy as np
import pytest
from rendered_roads import write_pairs
from training.data.pairs import PairsFolder
from training.data.sources import SetConfig, SourceConfig
from training.errors import DataError


@pytest.fixture
def folder(tmp_path):
    return write_pairs(tmp_path / 'roads', 12, ('background', 'lane_marking', 'road'))


def open_set(folder, **settings):
    return PairsFolder.open(SetConfig(path=folder.name, **settings), folder.parent)


def test_reads_what_was_written(folder):
    pairs = open_set(folder)
    assert len(pairs) == 12
    assert pairs.annotated.tolist() == [True] * 3
    assert pairs.licence == 'rendered for tests'
    image, mask = pairs.read(3)
    assert image.shape == (64, 128, 3)
    assert mask.shape == (64, 128)
    assert np.array_equal(mask, cv2.imread(str(folder / 'masks/0003.png'), cv2.IMREAD_UNCHANGED))


def test_configuration_wins_over_the_statement_of_the_set(folder):
    pairs = open_set(folder, annotated=('lane_marking',), licence='mine')
    assert pairs.annotated.tolist() == [False, True, False]
    assert pairs.licence == 'mine'


@pytest.mark.parametrize(('hold_out', 'gap'), [(4, 3), (1, 0), (5, 6)])
def test_block_split_leaks_nothing(folder, hold_out, gap):
    parts = {
        part: open_set(folder, part=part, hold_out=hold_out, gap=gap)
        for part in ('train', 'held_out')
    }
    train, held = ([p.name for p in parts[part].pairs] for part in ('train', 'held_out'))
    assert held == [f'{i:04}' for i in range(12 - hold_out, 12)]
    assert train == [f'{i:04}' for i in range(12 - hold_out - gap)]
    assert int(held[0]) - int(train[-1]) == gap + 1


def test_remap_translates_foreign_ids(folder):
    mask = np.array([[3, 11, 7, 0]], np.uint8).repeat(64, 0).repeat(32, 1)
    cv2.imwrite(str(folder / 'masks/0000.png'), mask)
    remap = {'3': 2, '11': 255, 'others': 0}
    _, read = open_set(folder, annotated=('road',), remap=remap).read(0)
    assert read[0, ::32].tolist() == [2, 255, 0, 0]


def remove_mask(folder):
    (folder / 'masks/0005.png').unlink()


def remove_image(folder):
    (folder / 'images/0005.png').unlink()


def remove_masks_folder(folder):
    (folder / 'masks').rename(folder / 'labels')


def empty(folder):
    for path in (*folder.glob('images/*'), *folder.glob('masks/*')):
        path.unlink()


def put_into_parts(folder):
    part = folder / 'train'
    part.mkdir()
    for name in ('images', 'masks'):
        (folder / name).rename(part / name)


def keep_two_formats(folder):
    cv2.imwrite(str(folder / 'images/0005.jpg'), np.zeros((64, 128, 3), np.uint8))


def spoil_listing(folder):
    (folder / 'samples.jsonl').write_bytes(b'\xff\xfe\n')


def remove_statement(folder):
    (folder / 'dataset.json').unlink()


def misspell_label(folder):
    (folder / 'dataset.json').write_text(json.dumps({'annotated': ['lanes']}))


def break_statement(folder):
    (folder / 'dataset.json').write_text('{"annotated": ')


@pytest.mark.parametrize(('damage', 'told'), [
    (remove_mask, '0005 has no mask'),
    (remove_image, '0005 has no picture'),
    (remove_masks_folder, r'masks is missing.*this one has images, labels; name the right one'),
    (put_into_parts, r'a pairs folder has images/ and masks/, this one has train;.* or path'),
    (empty, 'the set is empty; it needs pictures'),
    (keep_two_formats, r'holds 0005 twice, as \.(png and \.jpg|jpg and \.png)'),
    (spoil_listing, r'samples\.jsonl is not text'),
    (remove_statement, 'not stated'),
    (misspell_label, 'lanes'),
    (break_statement, 'not valid JSON'),
])  # fmt: skip
def test_damaged_folder_is_refused_in_one_line(folder, damage, told):
    damage(folder)
    with pytest.raises(DataError, match=told) as caught:
        open_set(folder)
    assert '\n' not in str(caught.value)


def shrink_mask(path):
    cv2.imwrite(str(path), np.zeros((32, 64), np.uint8))


def put_unknown_id(path):
    cv2.imwrite(str(path), np.full((64, 128), 7, np.uint8))


def put_colors(path):
    cv2.imwrite(str(path), np.zeros((64, 128, 3), np.uint8))


def truncate(path):
    path.write_bytes(path.read_bytes()[:40])


@pytest.mark.parametrize(('damage', 'told'), [
    (shrink_mask, 'is 64x32 but its picture is 128x64'),
    (put_unknown_id, r'label ids \[7\]'),
    (put_colors, 'not an 8-bit single-channel'),
    (truncate, 'not an 8-bit single-channel'),
])  # fmt: skip
def test_damaged_mask_is_named_when_it_is_read(folder, damage, told):
    damage(folder / 'masks/0002.png')
    pairs = open_set(folder)
    pairs.read(1)
    with pytest.raises(DataError, match=told) as caught:
        pairs.read(2)
    assert '0002.png' in str(caught.value)


def test_unreadable_picture_is_named(folder):
    truncate(folder / 'images/0002.png')
    with pytest.raises(DataError, match=r'0002\.png is not a readable picture'):
        open_set(folder).read(2)


@pytest.mark.parametrize(('settings', 'told'), [
    ({'path': 'nowhere'}, 'no data set at'),
    ({'path': 'roads', 'part': 'train', 'hold_out': 12}, 'part train is empty'),
    ({'path': 'roads', 'part': 'held_out'}, 'part held_out is empty'),
    ({'path': 'roads', 'remap': {'0': 9}}, 'remap leads to 9'),
    ({'path': 'roads', 'remap': {'road': 2}}, "remap names 'road'"),
])  # fmt: skip
def test_settings_that_lead_nowhere_are_refused(folder, settings, told):
    with pytest.raises(DataError, match=told):
        PairsFolder.open(SourceConfig(**settings), folder.parent)


def test_hash_changes_with_any_file_and_with_nothing_else(folder):
    before = open_set(folder).sha256()
    assert open_set(folder).sha256() == before
    put_unknown_id(folder / 'masks/0011.png')
    assert open_set(folder).sha256() != before
    assert open_set(folder, part='train', hold_out=1).sha256() != before


def test_shared_sets_hold_only_known_labels(shared_data):
    for path, annotated in (
        ('track_tape', ('lane_marking',)),
        ('unlabelled_real/pseudo', ('background', 'lane_marking', 'road')),
    ):
        pairs = PairsFolder.open(SetConfig(path=path, annotated=annotated), shared_data)
        for index in range(0, len(pairs), 20):
            pairs.read(index)


def list_samples(folder, splits, end='\n'):
    lines = [json.dumps({'name': f'{i:04}', 'split': split}) for i, split in enumerate(splits)]
    (folder / 'samples.jsonl').write_text('\n'.join(lines) + end)


def test_what_a_collection_lists_is_the_set_and_its_split_decides(folder):
    list_samples(folder, ['train', 'train', 'validation'] * 3)
    (folder / 'masks/0011.png').unlink()  # not listed: a killed collection leaves such files
    names = {
        part: [pair.name for pair in open_set(folder, part=part).pairs]
        for part in ('all', 'train', 'held_out')
    }
    assert names['all'] == [f'{i:04}' for i in range(9)]
    assert names['held_out'] == ['0002', '0005', '0008']
    assert sorted(names['train'] + names['held_out']) == names['all']
    assert len(open_set(folder, part='train', hold_out=2, gap=1)) == 6, 'a block, where asked for'


def test_a_line_without_end_does_not_count_yet(folder):
    list_samples(folder, ['train'] * 5, end='')
    assert len(open_set(folder)) == 4


def test_a_listing_that_does_not_fit_is_refused(folder):
    list_samples(folder, ['train'] * 13)
    with pytest.raises(DataError, match=r'0012 is listed in samples\.jsonl and not there'):
        open_set(folder)
    (folder / 'samples.jsonl').write_text('{"name": "0000"}\n[]\n')
    with pytest.raises(DataError, match='line 2 is no sample'):
        open_set(folder)


KERB = ('background', 'lane_marking', 'road', 'kerb')


def test_a_label_may_be_a_union_of_ours(folder):
    covers = {'lane_marking': ('lane_marking', 'kerb')}
    source = SetConfig(path=folder.name, annotated=('lane_marking',), covers=covers)
    pairs = PairsFolder.open(source, folder.parent, KERB)
    assert pairs.annotated.tolist() == [False, True, False, False]
    assert pairs.covers[1].tolist() == [False, True, False, True]
    assert np.array_equal(np.delete(pairs.covers, 1, 0), np.delete(np.eye(4, dtype=bool), 1, 0))
    with pytest.raises(DataError, match="covers names 'kerb'"):
        PairsFolder.open(source, folder.parent)
    with pytest.raises(DataError, match='covers of road is empty'):
        open_set(folder, covers={'road': ()})


@pytest.mark.parametrize('table', [
    {'road': 0, 'lane_marking': 5, 'background': 1},
    [{'id': 0, 'name': 'road'}, {'id': 5, 'name': 'lane_marking'}, {'id': 1, 'name': 'background'},
     {'id': 9, 'name': 'sky'}],
])  # fmt: skip
def test_label_names_that_a_set_states_are_gone_by(folder, table):
    statement = {'annotated': ['road'], 'labels': table}
    (folder / 'dataset.json').write_text(json.dumps(statement))
    rows = np.array([0, 5, 1, 255], np.uint8).repeat(16)[:, None].repeat(128, 1)
    cv2.imwrite(str(folder / 'masks/0000.png'), rows)
    _, mask = open_set(folder).read(0)
    assert mask[::16, 0].tolist() == [2, 1, 0, 255]
    cv2.imwrite(str(folder / 'masks/0000.png'), np.full_like(rows, 9))
    with pytest.raises(DataError, match=r'label ids \[9\]'):
        open_set(folder).read(0)


def test_a_label_table_that_is_none_is_refused(folder):
    (folder / 'dataset.json').write_text('{"annotated": ["road"], "labels": [1, 2]}')
    with pytest.raises(DataError, match='labels is no table of names and ids') as caught:
        open_set(folder)
    assert '\n' not in str(caught.value)


def test_a_run_of_eleven_classes_reads_its_masks(folder):
    names = tuple(f'class_{number}' for number in range(11))
    cv2.imwrite(str(folder / 'masks/0000.png'), np.full((64, 128), 10, np.uint8))
    (folder / 'dataset.json').unlink()
    source = SetConfig(path=folder.name, annotated=names)
    pairs = PairsFolder.open(source, folder.parent, names)
    assert pairs.annotated.shape == (11,)
    assert pairs.covers.shape == (11, 11)
    assert (pairs.read(0)[1] == 10).all()
