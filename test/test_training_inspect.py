"""The verb inspect: what a training would learn from, seen and counted before it runs."""

from dataclasses import fields, replace
import json

import cv2
import numpy as np
import pytest
from rendered_roads import write_pairs
from training.__main__ import main, VERBS
from training.command_line import parse
from training.config import TrainConfig
from training.data.sources import SetConfig, SourceConfig
from training.data.tiles import arrange, make_tile, paint_mask
from training.errors import ConfigError, DataError
from training.inspect_config import InspectConfig
from training.inspect_data import inspect_data
from training_runs import tiny_config


@pytest.fixture
def config(tmp_path):
    """Return the tiny training as the verb inspect takes it."""
    return as_inspect(tiny_config(tmp_path), tmp_path)


def as_inspect(settings, folder, **changes):
    values = {item.name: getattr(settings, item.name) for item in fields(TrainConfig)}
    return InspectConfig(**{**values, 'output': folder / 'out', 'sheet': 4, **changes})


def test_report_counts_what_is_there(config, tmp_path):
    report = inspect_data(config, quiet=True)
    assert report == json.loads((tmp_path / 'out/report.json').read_text())
    train, validation = report['sets']
    assert [(row['use'], row['samples']) for row in report['sets']] == [
        ('train', 5), ('validation', 2),
    ]  # fmt: skip
    masks = [
        cv2.imread(str(tmp_path / f'roads/masks/{i:04}.png'), cv2.IMREAD_UNCHANGED)
        for i in range(5)
    ]
    for label, name in enumerate(config.labels):
        share = np.mean([mask == label for mask in masks])
        assert train['classes'][name]['share'] == pytest.approx(share, abs=1e-5)
        assert train['classes'][name]['pictures'] == sum((mask == label).any() for mask in masks)
    assert train['sizes'] == {'128x64': 5}
    assert train['unlabelled'] == 0
    assert validation['licence'] == 'rendered for tests'
    assert report['network']['parameters']['total'] > 1000
    assert report['network']['multiply_adds'] > 1e5
    assert 'timing' not in report


def test_sheet_shows_what_the_network_sees(config, tmp_path):
    report = inspect_data(config, quiet=True)
    first = cv2.imread(report['contact_sheet'])
    assert first is not None
    assert first.shape[1] % 320 == 0
    assert first.std() > 20
    inspect_data(config, quiet=True)
    assert np.array_equal(cv2.imread(report['contact_sheet']), first), 'the same seed, the same'


def test_unlabelled_and_further_labels_are_drawn_in_colours_of_their_own():
    mask = np.array([[0, 1, 2, 3, 4, 255]], np.uint8).repeat(8, 0)
    names = ('background', 'lane_marking', 'road', 'kerb', 'sidewalk')
    shown = paint_mask(np.full((8, 6, 3), 100, np.uint8), mask, names)[0]
    assert shown[0].tolist() == [100, 100, 100]
    assert len({tuple(pixel) for pixel in shown.tolist()}) == 6
    tiles = [make_tile(np.zeros((90, 160, 3), np.uint8), 'x') for _ in range(5)]
    assert arrange(tiles).shape == (3 * 198, 2 * 320, 3)


def test_every_problem_is_listed_and_the_first_one_told(config, tmp_path):
    masks = tmp_path / 'roads/masks'
    cv2.imwrite(str(masks / '0001.png'), np.full((64, 128), 7, np.uint8))
    cv2.imwrite(str(masks / '0002.png'), np.zeros((8, 8), np.uint8))
    picture = tmp_path / 'roads/images/0003.png'
    picture.write_bytes(picture.read_bytes()[:-200])  # decoders fill it up and say nothing
    (masks / '0007.png').write_bytes(b'')
    with pytest.raises(DataError, match=r'4 to mend in the data.*the first: roads 0001') as caught:
        inspect_data(config, quiet=True)
    assert '\n' not in str(caught.value)
    lines = (tmp_path / 'out/problems.txt').read_text().splitlines()
    expected = {'0001': 'label ids [7]', '0002': 'must have the size of its picture',
                '0003': 'is cut off at its end', '0007': 'is cut off'}  # fmt: skip
    assert {line.split('\t')[1] for line in lines} == set(expected)
    for line in lines:
        assert expected[line.split('\t')[1]] in line
    assert not (tmp_path / 'out/report.json').exists()


def test_missing_files_of_all_sets_are_listed_before_anything_is_read(config, tmp_path):
    (tmp_path / 'roads/masks/0001.png').unlink()
    (tmp_path / 'roads/masks/0004.png').unlink()
    (tmp_path / 'roads/images/0006.png').unlink()
    away = as_inspect(config, tmp_path, validation=(SetConfig(path='nowhere'),))
    with pytest.raises(DataError, match='4 to mend in the data'):
        inspect_data(away, quiet=True)
    content = (tmp_path / 'out/problems.txt').read_text()
    for name, what in (('0001', 'no mask'), ('0004', 'no mask'), ('0006', 'no picture')):
        assert f'roads\t{name}\thas {what}' in content
    assert 'no data set at' in content


def test_what_is_mended_is_no_longer_listed(config, tmp_path):
    mask = tmp_path / 'roads/masks/0001.png'
    whole = mask.read_bytes()
    mask.unlink()
    with pytest.raises(DataError):
        inspect_data(config, quiet=True)
    mask.write_bytes(whole)
    inspect_data(config, quiet=True)
    assert not (tmp_path / 'out/problems.txt').exists()


def test_a_sample_that_is_trained_and_validated_on_is_a_problem(config, tmp_path):
    leaking = as_inspect(
        config, tmp_path, validation=(SetConfig(path='roads', part='held_out', hold_out=4),)
    )
    with pytest.raises(DataError, match=r'1 to mend.*roads 0004: is trained on and validated on'):
        inspect_data(leaking, quiet=True)


def test_near_duplicates_are_counted_within_a_set_and_across_the_split(config, tmp_path):
    images = tmp_path / 'roads/images'
    for source, copy in ((0, 1), (4, 7)):  # 4 is trained on, 7 validated on
        (images / f'{copy:04}.png').write_bytes((images / f'{source:04}.png').read_bytes())
    report = inspect_data(config, quiet=True)
    assert [row['near_duplicates'] for row in report['sets']] == [1, 0]
    assert report['validation_like_training'] == 1
    sources = (SourceConfig(
        path='roads', part='train', hold_out=2, gap=1, skip_near_duplicates=1.0),)  # fmt: skip
    report = inspect_data(as_inspect(config, tmp_path, train=sources), quiet=True)
    train = report['sets'][0]
    assert (train['samples'], train['left_out'], train['near_duplicates']) == (4, 1, 0)


@pytest.mark.parametrize('workers', [0, 1])
def test_timing_tells_steps_with_the_loader_and_without(config, tmp_path, workers):
    timed = as_inspect(config, tmp_path, timing=True, timing_steps=4, workers=workers)
    timing = inspect_data(timed, quiet=True)['timing']
    assert timing['steps'] == 4
    assert 0 < timing['step_ms'] < 5000
    assert timing['step_with_loader_ms'] > 0
    assert 0 <= timing['wait_share'] <= 1
    assert timing['batch_ms'] > 0
    assert not (tmp_path / 'runs').exists(), 'steps that are thrown away leave nothing'


def test_from_the_command_line_problems_are_one_line_and_exit_2(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(VERBS, 'inspect', ('inspect_data', 'inspect_config.InspectConfig', ''))
    write_pairs(tmp_path / 'roads', 4, ('road',))
    path = tmp_path / 'run.yaml'
    path.write_text(
        f'data_root: {tmp_path}\nnetwork: {{widths: [4, 8]}}\ninput: {{width: 64, height: 32}}\n'
        'train: [{path: roads, part: train, hold_out: 1}]\n'
        'validation: [{path: roads, part: held_out, hold_out: 1}]\n'
    )
    arguments = ['inspect', str(path), '--output', str(tmp_path / 'out'), '--json']
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)['sets'][0]['samples'] == 3
    assert main(arguments[:-1]) == 0
    assert 'multiply-adds a picture' in capsys.readouterr().out
    (tmp_path / 'roads/masks/0001.png').unlink()
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert not told.out
    assert told.err.startswith('error: 1 to mend in the data')
    assert told.err.count('\n') == 1


def test_a_folder_that_cannot_be_is_told_before_anything_is_read(config, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(ConfigError, match=r'--output .*file/x cannot be written'):
        inspect_data(replace(config, output=tmp_path / 'file' / 'x'), quiet=True)


def test_a_configuration_of_train_is_one_of_inspect(tmp_path):
    write_pairs(tmp_path / 'roads', 4, ('road',))
    path = tmp_path / 'run.yaml'
    path.write_text('name: a\ntrain:\n  - path: roads\nvalidation:\n  - path: roads\n')
    settings, as_json = parse(InspectConfig, 'inspect', [str(path), '--timing', '--sheet', '3'])
    assert (settings.name, settings.timing, settings.sheet, as_json) == ('a', True, 3, False)
    with pytest.raises(ConfigError, match='--sheet is 0'):
        as_inspect(tiny_config(tmp_path / 'b'), tmp_path, sheet=0).check()
