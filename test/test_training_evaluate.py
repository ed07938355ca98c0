"""``python -m training evaluate`` as people use it: a tiny run beside a tiny bundle."""

import json
import shutil

import cv2
import numpy as np
import pytest
from rendered_roads import write_pairs
from seg_node.frame import Frame
from seg_node.postprocess import OutputSpec, postprocess
from seg_node.preprocess import InputSpec
import torch
from torch import nn
from training.__main__ import main
from training.data.pairs import PairsFolder
from training.data.sources import SetConfig, SourceConfig
from training.errors import ConfigError
from training.evaluate import evaluate
from training.evaluate_config import EvaluateConfig
from training.evaluation.bootstrap import BootstrapConfig
from training.evaluation.measure import measure
from training.evaluation.models import ModelName, open_model
from training.evaluation.sweep import reliability, sweep, THRESHOLDS
from training.torch_segmenter import TorchSegmenter
from training.train import train
from training_runs import tiny_config

LABELS = ('background', 'lane_marking', 'road')
QUICK = BootstrapConfig(resamples=50, block=2)


@pytest.fixture(scope='module')
def run_config(tmp_path_factory):
    config = tiny_config(tmp_path_factory.mktemp('evaluate'))
    train(config, quiet=True)
    return config


@pytest.fixture(scope='module')
def result(run_config, tiny_bundle):
    """Return a bundle beside its adapter and a run, on roads of 8 pictures in two towns."""
    root = run_config.data_root
    towns = [{'name': f'{index:04}', 'town': 'AB'[index // 6]} for index in range(8)]
    text = ''.join(json.dumps(line) + '\n' for line in towns)
    shutil.copytree(root / 'roads', root / 'towns')
    (root / 'towns' / 'samples.jsonl').write_text(text)
    config = EvaluateConfig(
        model=tiny_bundle.folder,
        compare=(f'{tiny_bundle.folder}:dark', str(run_config.folder)),
        engine='onnxruntime',
        data_root=root,
        sets=(SetConfig(path='roads', part='held_out', hold_out=2), SetConfig(path='towns')),
        bootstrap=QUICK,
        sweep=True,
        report=root / 'report',
        overlays=root / 'overlays',
        worst=2,
    )
    return evaluate(config, quiet=True)


def test_figures_are_those_of_counting_by_hand(run_config, tiny_bundle, result):
    folder = PairsFolder.open(SetConfig(path='roads'), run_config.data_root)
    hits = union = 0
    for index in range(8):
        image, truth = folder.read(index)
        small = cv2.resize(image, (64, 32), interpolation=cv2.INTER_AREA)
        bright = (small.astype(np.float32).mean(axis=2) >= 128).astype(np.uint8)
        said = cv2.resize(bright, (128, 64), interpolation=cv2.INTER_NEAREST) > 0
        hits += (said & (truth == 1)).sum()
        union += (said | (truth == 1)).sum()
    row = result['sets'][1]
    assert (row['path'], row['part'], row['samples']) == ('towns', 'all', 8)
    assert row['lane_iou'] == pytest.approx(hits / union, abs=0.01)
    for name in ('lane_f1_3px', 'lane_precision', 'lane_recall', 'road_iou', 'mean_iou',
                 'accuracy', 'background_iou', 'road_boundary_f1'):  # fmt: skip
        low, high = row['intervals'][name]
        assert 0 <= low <= row[name] <= high <= 1, name


def test_models_stand_side_by_side(run_config, result):
    dark, run = result['compared']
    assert 'adapter dark' in dark['model']
    assert run['model'] == 'run tiny, torch, threshold 0.5'
    for place, row in enumerate(run['sets']):
        first = result['sets'][place]
        assert 'difference' not in first
        found = row['difference']['lane_iou']
        assert found['value'] == pytest.approx(row['lane_iou'] - first['lane_iou'], abs=2e-4)
        low, high = found['interval']
        assert low <= found['value'] <= high
    assert dark['sets'][1]['lane_iou'] < result['sets'][1]['lane_iou'], 'dark pixels are no lanes'


def test_a_run_alone_has_the_figures_it_has_beside_others(run_config, result):
    config = EvaluateConfig(
        model=run_config.folder, data_root=run_config.data_root, path='towns', bootstrap=QUICK
    )
    alone = evaluate(config, quiet=True)['sets'][0]
    beside = {k: v for k, v in result['compared'][1]['sets'][1].items() if k in alone}
    assert beside == alone
    facts = json.loads((run_config.folder / 'run.json').read_text())
    assert facts['data'], 'the run states what it was trained on'


def test_towns_and_bands_are_told_apart(result):
    row = result['sets'][1]
    assert {town: part['samples'] for town, part in row['groups']['town'].items()} == {
        'A': 6, 'B': 2
    }  # fmt: skip
    bands = row['bands']
    assert list(bands['values']) == ['far', 'middle', 'near']
    total = sum(part['lane_pixels'] for part in bands['values'].values())
    assert total == sum(part['lane_pixels'] for part in row['groups']['town'].values()) > 0
    assert result['sets'][0]['groups'] == {}
    # the last two pictures are town B, and the held-out part of the other set
    assert row['groups']['town']['B']['lane_iou'] == result['sets'][0]['lane_iou']


def test_sweep_decides_as_the_node_does(run_config, tiny_bundle, result):
    found = result['sets'][1]['sweep']
    assert [row['threshold'] for row in found['rows']] == list(THRESHOLDS)
    at = {row['threshold']: row for row in found['rows']}
    for name in ('lane_iou', 'lane_f1_3px', 'lane_precision', 'lane_recall'):
        assert at[0.5][name] == result['sets'][1][name]
    assert found['chosen'] == 0.5
    best = at[found['best']]['lane_iou']
    assert best == max(row['lane_iou'] for row in found['rows'])
    # at another threshold: the node's own rule on the node's own scores
    folder = PairsFolder.open(SetConfig(path='towns'), run_config.data_root)
    with open_model(ModelName(tiny_bundle.folder, engine='onnxruntime'), 1, 0.5) as model:
        hits = union = 0
        for index in range(8):
            image, truth = folder.read(index)
            scores, placement = model.scores(Frame(image))
            labels = postprocess(scores, placement, Frame(image), OutputSpec(lane_threshold=0.8))
            said = labels.labels == 1
            hits += (said & (truth == 1)).sum()
            union += (said | (truth == 1)).sum()
    assert at[0.8]['lane_iou'] == pytest.approx(hits / union, abs=1e-4)


def test_report_is_whole_and_can_be_read(run_config, result):
    folder = run_config.data_root / 'report'
    names = {path.name for path in folder.iterdir()}
    assert names == {
        'report.json', 'report.md', 'metrics.png', 'thresholds_0.png', 'thresholds_1.png',
        'worst_0_roads.jpg', 'worst_1_towns.jpg',
    }  # fmt: skip
    stated = json.loads((folder / 'report.json').read_text())
    assert stated.pop('settings')['bootstrap']['seed'] == 1
    assert stated == result
    text = (folder / 'report.md').read_text()
    assert '- B: tiny on onnxruntime' in text
    assert '**towns, 8 samples**' in text
    assert '**towns, by town**' in text
    assert f'| lane_iou | {result["sets"][1]["lane_iou"]:.3f} [' in text
    for name in names - {'report.json', 'report.md'}:
        assert f']({name})' in text
        assert cv2.imread(str(folder / name)) is not None


def test_worst_frames_are_written_one_by_one_and_as_a_sheet(run_config, result):
    folder = run_config.data_root / 'overlays' / '1_towns'
    pictures = sorted(path.name for path in folder.iterdir())
    assert len(pictures) == 3
    assert pictures[2] == 'sheet.jpg'
    ious = [float(name.partition('iou')[2].removesuffix('.jpg')) for name in pictures[:2]]
    assert ious == sorted(ious)
    assert ious[0] < result['sets'][1]['lane_iou']
    # two rows of three models and the truth, each tile 360 x 180 under its caption
    assert cv2.imread(str(folder / 'sheet.jpg')).shape == (2 * 200, 4 * 360, 3)


def test_terminal_shows_every_model_and_set(capsys, run_config, tiny_bundle):
    arguments = [
        'evaluate', '--model', tiny_bundle.folder, '--compare', run_config.folder,
        '--data_root', run_config.data_root, '--path', 'roads', '--engine', 'onnxruntime',
        '--bootstrap.resamples', '20',
    ]  # fmt: skip
    assert main([str(argument) for argument in arguments]) == 0
    text = capsys.readouterr().out
    for words in ('A: tiny on onnxruntime', 'B: run tiny', 'B - A', 'roads, 8 samples', 'near'):
        assert words in text


def test_models_are_named_by_path_adapter_engine_and_precision(tmp_path):
    odd = tmp_path / 'a:b@c'
    odd.mkdir()
    for text, expected in (
        ('m/x', ('m/x', '', 'auto', 'int8')),
        ('m/x:night', ('m/x', 'night', 'auto', 'int8')),
        ('m/x@openvino', ('m/x', '', 'openvino', 'int8')),
        ('m/x:night@openvino/bf16', ('m/x', 'night', 'openvino', 'bf16')),
        (str(odd), (str(odd), '', 'auto', 'int8')),
        (f'{odd}:night@torch', (str(odd), 'night', 'torch', 'int8')),
    ):
        name = ModelName.parse(text, 'auto', 'int8')
        found = str(name.path), name.adapter, name.engine, name.precision
        assert found == expected, text


def test_mistakes_are_told_in_one_line(capsys, tmp_path, run_config, tiny_bundle):
    bundle, run, root = tiny_bundle.folder, run_config.folder, run_config.data_root
    write_pairs(tmp_path / 'empty', 0, LABELS)
    (tmp_path / 'file').write_text('')
    on_roads = ['--data_root', root, '--path', 'roads', '--engine', 'onnxruntime']
    for arguments, told in (
        ([*on_roads, '--model', f'{bundle}:fog'], "has no adapter 'fog': it has dark"),
        ([*on_roads, '--model', f'{run}:fog'], "is a run, which has no adapter 'fog'"),
        ([*on_roads, '--model', bundle, '--compare', 'nowhere'], 'no bundle at nowhere'),
        ([*on_roads, '--model', f'{bundle}@magic'], "engine 'magic' is unknown"),
        ([*on_roads, '--model', bundle, '--annotated', 'kerb'], "is to judge kerb, which 'tiny"),
        ([*on_roads, '--model', bundle, '--report', tmp_path / 'file'], '--report'),
        (['--data_root', tmp_path, '--path', 'empty', '--model', bundle], 'the set is empty'),
        ([*on_roads, '--bootstrap.resamples', '3'], '--bootstrap.resamples is 3'),
        ([*on_roads, '--lane_threshold', '3'], '--lane_threshold is 3'),
        ([*on_roads, '--worst', '0'], '--worst is 0'),
        ([*on_roads, '--threads', '-1'], '--threads is -1: use 0 or more'),
        ([*on_roads, '--bootstrap.seed', '-1'], '--bootstrap.seed is -1'),
        ([*on_roads, '--bootstrap.block', '0'], '--bootstrap.block is 0'),
        ([*on_roads, '--overlays', tmp_path / 'file'], '--overlays'),
    ):
        assert main(['evaluate', *map(str, arguments)]) == 2, told
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith('error: ')
        assert told in error


def test_a_set_without_lanes_says_so_and_a_road_set_has_no_sweep(tmp_path, tiny_bundle):
    root = write_pairs(tmp_path / 'bare', 2, LABELS)
    for path in (root / 'masks').iterdir():
        truth = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), np.where(truth == 1, 0, truth).astype(np.uint8))
    sets = SetConfig(path='bare'), SetConfig(path='bare', annotated=('road',))
    config = EvaluateConfig(
        model=tiny_bundle.folder, data_root=tmp_path, sets=sets, engine='onnxruntime',
        bootstrap=QUICK, sweep=True,
    )  # fmt: skip
    both, road = evaluate(config, quiet=True)['sets']
    assert both['lane_iou'] == 0, 'the network invents some'
    assert both['notes'] == ['no pixel of this set is lane_marking: the figures of it mean little']
    assert road['notes'] == []
    assert 'sweep' in both
    assert 'sweep' not in road
    assert 'lane_iou' not in road


def test_intervals_can_be_left_out(run_config, tiny_bundle):
    config = EvaluateConfig(
        model=tiny_bundle.folder, data_root=run_config.data_root, path='roads',
        compare=(str(tiny_bundle.folder),), engine='onnxruntime',
        bootstrap=BootstrapConfig(resamples=0),
    )  # fmt: skip
    result = evaluate(config, quiet=True)
    assert result['sets'][0]['intervals'] == {}
    difference = result['compared'][0]['sets'][0]['difference']['lane_iou']
    assert difference == {'value': 0.0, 'interval': None}


def test_a_union_that_a_model_does_not_know_is_what_it_knows_of_it(run_config, tiny_bundle):
    """The same set serves models with and without a label for kerbs."""
    covers = {'lane_marking': ('lane_marking', 'kerb'), 'kerb': ('kerb',)}
    settings = {'model': tiny_bundle.folder, 'engine': 'onnxruntime', 'bootstrap': QUICK}
    settings |= {'data_root': run_config.data_root, 'path': 'roads'}
    plain, union = (
        evaluate(EvaluateConfig(**settings, **more), quiet=True)['sets'][0]
        for more in ({}, {'covers': covers})
    )
    assert plain == union


def test_reliability_of_scores_that_are_honest_and_of_some_that_are_not():
    by_score = np.zeros((256, 2), np.int64)
    by_score[51], by_score[204] = (100, 20), (100, 80)  # probabilities 0.2 and 0.8
    found = reliability(by_score)
    assert found['expected_calibration_error'] == 0
    assert found['bins'] == [
        {'said': 0.2, 'true': 0.2, 'pixels': 100},
        {'said': 0.8, 'true': 0.8, 'pixels': 100},
    ]
    by_score[204] = 100, 50
    assert reliability(by_score)['expected_calibration_error'] == pytest.approx(0.15)


class FixedScores(nn.Module):
    """Logits of the picture's own channels, so that every answer is known."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(4.0))

    def forward(self, x):
        return x * self.scale


def test_labels_that_know_no_lane_are_decided_by_the_best_alone():
    """R, G, B are logits of three labels; G is the best by less than a half."""
    image = np.zeros((32, 64, 3), np.uint8)
    image[:, :32] = (100, 120, 110)  # B, G, R
    image[:, 32:] = (120, 110, 100)
    spec = InputSpec(width=64, height=32)
    network, frame = FixedScores(), Frame(image)
    lanes = TorchSegmenter(network, spec, OutputSpec(lane_threshold=0.5))
    assert set(lanes.mask(frame).labels[:, :32].ravel()) == {0}, 'no lane below its threshold'
    others = TorchSegmenter(network, spec, OutputSpec(), ('sky', 'building', 'road'))
    assert set(others.mask(frame).labels[:, :32].ravel()) == {1}
    assert set(others.mask(frame).labels[:, 32:].ravel()) == {2}


def test_measure_gives_the_counts_of_each_sample(run_config, tiny_bundle):
    folder = PairsFolder.open(SetConfig(path='roads'), run_config.data_root)
    with open_model(ModelName(tiny_bundle.folder, engine='onnxruntime'), 1, 0.5) as model:
        counts = measure(model, folder)
        found = sweep(model, folder)
    assert len(counts) == 8
    true = sum(int(count.near[3]) for count in counts)
    assert found is not None
    assert (found.near[:, 3] == true).all()


def test_a_run_cannot_be_opened_from_nothing(tmp_path):
    with (
        pytest.raises(ConfigError, match='no training run at'),
        open_model(ModelName(tmp_path / 'lost.ckpt'), 1, 0.5),
    ):
        pass


def test_a_run_with_labels_of_its_own_is_measured_by_their_names(tmp_path):
    names = ('sky', 'paint', 'tar')
    write_pairs(tmp_path / 'named', 6, names)
    source = {'path': 'named', 'hold_out': 2}
    config = tiny_config(
        tmp_path, labels=names, monitor='mean_iou',
        train=(SourceConfig(**source, part='train'),),
        validation=(SetConfig(**source, part='held_out'),),
    )  # fmt: skip
    train(config, quiet=True)
    settings = EvaluateConfig(
        model=config.folder, data_root=tmp_path, path='named', bootstrap=QUICK, sweep=True,
        report=tmp_path / 'report',
    )  # fmt: skip
    row = evaluate(settings, quiet=True)['sets'][0]
    assert {'sky_iou', 'paint_iou', 'tar_iou', 'mean_iou', 'accuracy', 'boundary_f1'} <= set(row)
    mean = (row['sky_iou'] + row['paint_iou'] + row['tar_iou']) / 3
    assert row['mean_iou'] == pytest.approx(mean, abs=1e-4)
    assert 'sweep' not in row
    assert 'mean_iou' in (tmp_path / 'report' / 'report.md').read_text()
