import json
from pathlib import Path
import re
import shlex

import pytest
from training.__main__ import main, VERBS
from training.adapt_config import AdaptConfig
from training.benchmark_config import BenchmarkConfig
from training.collection.config import CollectConfig
from training.command_line import parse
from training.config import TrainConfig
from training.errors import ConfigError
from training.evaluate_config import EvaluateConfig
from training.export_config import ExportConfig
from training.quantize_config import QuantizeConfig
from training_runs import tiny_config

CONFIGS = Path(__file__).resolve().parents[1] / 'training' / 'configs'


@pytest.mark.parametrize('path', sorted(CONFIGS.glob('*.yaml')), ids=lambda path: path.stem)
def test_shipped_configurations_are_valid(path, tmp_path):
    peer = tmp_path / 'road-segmentation-adas-0001.xml'  # which everybody fetches for themselves
    for file in (peer, peer.with_suffix('.bin')):
        file.touch()
    more = {'benchmark_peer': ['--peer', str(peer)]}
    known = {
        'zero_shot': (EvaluateConfig, 'evaluate'),
        'never_seen': (EvaluateConfig, 'evaluate'),
        'collect': (CollectConfig, 'collect'),
        'adapt_night': (AdaptConfig, 'adapt'),
        'adapt_track': (AdaptConfig, 'adapt'),
        'quickstart_adapt': (AdaptConfig, 'adapt'),
        'quantize': (QuantizeConfig, 'quantize'),
        'benchmark_peer': (BenchmarkConfig, 'benchmark'),
    }
    cls, verb = known.get(path.stem, (TrainConfig, 'train'))
    settings, as_json = parse(cls, verb, [str(path), *more.get(path.stem, ())])
    settings.check()
    assert not as_json


def test_command_line_wins_over_the_file():
    path = str(CONFIGS / 'lane_unet.yaml')
    arguments = '--epochs 3 --augment.geometry.flip 0 --network.widths 8,16 --resume --json'
    settings, as_json = parse(TrainConfig, 'train', [path, *arguments.split()])
    assert as_json
    assert settings.resume
    assert (settings.epochs, settings.batch_size) == (3, 8)
    assert settings.augment.geometry.flip == 0
    assert settings.network.widths == (8, 16)
    assert settings.train[0].weight == 2.5
    assert settings.train[1].annotated == ('background', 'lane_marking', 'road')


def test_classic_configuration_is_the_classic_net():
    from training.models.unet import CLASSIC_UNET

    settings, _ = parse(TrainConfig, 'train', [str(CONFIGS / 'classic_unet.yaml')])
    assert settings.network == CLASSIC_UNET


def test_an_empty_path_is_none_where_there_may_be_none():
    settings, _ = parse(QuantizeConfig, 'quantize', ['--data', 'x', '--output', ''])
    assert settings.output is None
    settings, _ = parse(CollectConfig, 'collect', ['--bag.path', ''])
    assert settings.bag.path is None


def test_lists_need_no_brackets():
    arguments = ['--path', 'x', '--annotated', 'background,road', '--remap', "{'3': 2}"]
    settings, _ = parse(EvaluateConfig, 'evaluate', arguments)
    assert settings.annotated == ('background', 'road')
    assert settings.remap == {'3': 2}
    settings, _ = parse(BenchmarkConfig, 'benchmark', ['--sizes', '100,own', '--threads', '1,2'])
    assert (settings.sizes, settings.threads) == (('100', 'own'), (1, 2))


@pytest.mark.parametrize(('text', 'told'), [
    ('epoch: 3', 'unknown key epoch; known are name, .* did you mean epochs?'),
    ('augment: {cutout: 1}', r'unknown key augment\.cutout; known are geometry, photometric'),
    ('train: [{path: a, anotated: [road]}]', r'unknown key train\[0\]\.anotated; known are path'),
    ('epochs: many', "epochs is 'many': use a whole number; see python -m training train"),
    ('accelerator: 5', "accelerator is '5': use auto, cpu, cuda; see"),
    ('optimizer: {learning_rate: low}', "optimizer.learning_rate is 'low': use a number; see"),
    ('- epochs', 'must hold keys and values'),
    ('epochs: [', 'not valid YAML'),
    ('name: \udcff', 'not valid YAML'),
    ('network: 3', r'wrong\.yaml: network must hold keys and values'),
    ('train: roads', r'wrong\.yaml: train must hold keys and values'),
])  # fmt: skip
def test_wrong_file_is_refused_in_one_line(tmp_path, text, told):
    path = tmp_path / 'wrong.yaml'
    path.write_bytes(text.encode(errors='surrogateescape'))
    with pytest.raises(ConfigError, match=told) as caught:
        parse(TrainConfig, 'train', [str(path)])
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('arguments', 'told'), [
    (['--augment.geometry.flop', '1'], r'known are augment\.geometry\.flip, .*did you mean'),
    (['--nmae', 'x'], 'did you mean name'),
    (['nowhere.yaml'], r'no configuration at nowhere\.yaml'),
    (['--epochs', '3', 'stray'], 'unrecognized arguments: stray'),
])  # fmt: skip
def test_wrong_arguments_are_refused_in_one_line(arguments, told):
    with pytest.raises(ConfigError, match=told) as caught:
        parse(TrainConfig, 'train', arguments)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('arguments', 'told'), [
    (['trian'], "unknown verb 'trian': use one of collect, inspect, train, adapt, evaluate"),
    (['evaluate'], '--path'),
    (['export', '--lane_threshold', '2'], '--lane_threshold is 2'),
    (['train', '--data_root', '/nowhere'], 'no data: list sources under train'),
    (['train', str(CONFIGS / 'lane_unet.yaml'), '--labels', 'a,b,b'], 'give each class its own'),
    (['evaluate', '--path', 'x', '--shots', '-1'], 'shots: must be 0 or more, got -1; see'),
    (['benchmark', '--path', 'x', '--gap_m', '.nan'], 'gap_m: must be 0 or more, got nan; see'),
    (['evaluate', '--path', 'x' * 300, '--annotated', 'road'], 'cannot be read: File name too'),
    (['evaluate', 'x' * 300 + '.yaml'], 'cannot be read: File name too long'),
    (['evaluate', '--path', 'x', '--model', ''], '--model is empty: name a file or a folder'),
    (['evaluate', '--path', 'x', '--bootstrap.resamples', '10000000000'], 'use 0 to 100000'),
    (['quantize', '--data', 'x', '--qat.seed', '-1'], '--qat.seed is -1: use 0 to'),
    (['export', '--name', 'a\nb'], "--name is 'a\\nb': name the bundle in one line"),
    (['collect', '--wander_m', '.nan'], '--wander_m is nan: use 0 or more'),
    (['collect', '--spacing_m', '.nan'], '--spacing_m is nan: give more than 0'),
    (['collect', '--timeout_s', '1e20'], '--timeout_s is 1e+20: use 0 to 86400'),
    (['collect', '--keep.min_road', '-1'], '--keep.min_road is -1.0: use 0 or more'),
    (['collect', '--vary.yaw_deg', '.nan'], '--vary.yaw_deg is nan: use 0 or more'),
    (['collect', '--seed', '-1'], '--seed is -1: use 0 to'),
    (['collect', '--port', '70000'], '--port is 70000: use 0 to 65535'),
])  # fmt: skip
def test_errors_go_to_stderr_and_exit_with_2(capsys, arguments, told):
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.err.startswith('error: ')
    assert told in output.err
    assert 'Traceback' not in output.err
    assert not output.out


@pytest.mark.parametrize('verb', VERBS)
def test_help_teaches(capsys, verb):
    with pytest.raises(SystemExit) as caught:
        main([verb, '--help'])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert f'python -m training {verb} [CONFIG.yaml] [--key value ...]' in text
    teaches = 'the pairs folder' if verb == 'collect' else 'folder that the paths of'
    assert teaches in ' '.join(text.split())


def test_help_says_what_switches_do(capsys):
    with pytest.raises(SystemExit):
        main(['adapt', '--help'])
    text = ' '.join(capsys.readouterr().out.split())
    assert '--replace take the place of an adapter of this name, and of its run.' in text


def test_help_of_collect_has_examples_that_parse(capsys):
    with pytest.raises(SystemExit):
        main(['collect', '--help'])
    text = capsys.readouterr().out
    examples = re.findall(r'^  python -m training collect (.*)$', text, re.MULTILINE)
    assert len(examples) == 5
    for example in examples:
        settings, _ = parse(CollectConfig, 'collect', shlex.split(example))
        settings.check()


def test_help_lists_the_verbs(capsys):
    assert main(['--help']) == 0
    text = capsys.readouterr().out
    assert all(verb in text for verb in VERBS)


def test_train_export_evaluate_from_the_command_line(tmp_path, capsys):
    config = tiny_config(tmp_path)
    path = tmp_path / 'tiny.yaml'
    path.write_text(json.dumps(config.as_dict()))
    assert main(['train', str(path), '--json']) == 0
    assert json.loads(capsys.readouterr().out)['epochs_done'] == 2
    bundle = tmp_path / 'bundle'
    common = ['--data_root', str(tmp_path)]
    run = ['--run', str(config.folder), '--output', str(bundle), '--lane_threshold', '0.3']
    assert main(['export', *run, *common, '--json']) == 0
    assert json.loads(capsys.readouterr().out)['lane_threshold'] == 0.3
    arguments = ['--model', str(bundle), '--path', 'roads', '--annotated', 'lane_marking']
    assert main(['evaluate', *arguments, *common, '--engine', 'onnxruntime']) == 0
    assert 'lane_iou' in capsys.readouterr().out


def test_export_defaults_lead_to_the_shipped_bundle():
    settings, _ = parse(ExportConfig, 'export', [])
    assert settings.output == Path('models/lane_unet')
