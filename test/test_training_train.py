from dataclasses import replace
import json
from multiprocessing import active_children
import os
from pathlib import Path
import threading
import time

import pytest
from seg_node.preprocess import InputSpec
import torch
from training.__main__ import main
from training.config import OptimizerConfig
from training.errors import ConfigError
from training.learning_curve import read_history
from training.loop.settings import DistillConfig
from training.lora.config import LoraConfig
from training.models.unet import UNetConfig
from training.runs import BEST, LAST, read_weights, Run
from training.train import train
from training_runs import same, tiny_config, write_config


@pytest.fixture
def config(tmp_path):
    return tiny_config(tmp_path)


def test_run_states_what_it_was_made_of(config):
    facts = train(config, quiet=True)
    assert facts == json.loads((config.folder / 'run.json').read_text())
    assert [(d['use'], d['samples']) for d in facts['data']] == [('train', 5), ('validation', 2)]
    assert all(len(d['sha256']) == 64 for d in facts['data'])
    assert {d['licence'] for d in facts['data']} == {'rendered for tests'}
    assert facts['epochs_done'] == 2
    assert 0 <= facts['best_lane_iou'] <= 1
    run = Run.load(config.folder)
    assert run.config == config
    assert not run.network.training
    history = read_history(config.folder)
    assert set(history['loss']) == set(history['lane_iou']) == {0, 1}
    assert (config.folder / 'learning_curve.png').stat().st_size > 1000


def test_training_lowers_the_loss(config):
    longer = replace(config, epochs=6, samples_per_epoch=16)
    train(longer, quiet=True)
    loss = read_history(longer.folder)['loss']
    assert loss[5] < 0.8 * loss[0]


def test_damaged_checkpoint_is_named(config):
    train(config, quiet=True)
    (config.folder / BEST).write_bytes(b'not a checkpoint')
    with pytest.raises(ConfigError, match=r'best\.ckpt holds no weights'):
        Run.load(config.folder)


@pytest.mark.parametrize(('change', 'told'), [
    ({'train': ()}, 'no data'),
    ({'input': InputSpec(width=66, height=32)}, r'--input\.width is 66.*use 64'),
    ({'network': UNetConfig(widths=(4, 8), classes=4)}, r'--labels names 3'),
    ({'labels': ('a', 'b'), 'network': UNetConfig(widths=(4, 8), classes=2)},
     r'--loss\.class_weights'),
    ({'devices': 2, 'batch_size': 3}, '--batch_size is 3, which 2 processes cannot share'),
    ({'batch_size': 5}, '--samples_per_epoch is 4'),
    ({'name': '..'}, "--name is '..': name the run in letters"),
    ({'name': ''}, "--name is ''"),
    ({'validate_every': 3}, '--validate_every is 3 and --epochs 2'),
    ({'keep_best': 0}, '--keep_best is 0: use 1 or more'),
    ({'patience': -1}, '--patience is -1: use 0 or more'),
    ({'workers': -1}, '--workers is -1'),
    ({'threads': -1}, '--threads is -1'),
    ({'seed': -1}, '--seed is -1: use 0 to'),
    ({'teacher': DistillConfig(run=Path('nowhere'))}, 'no training run at nowhere'),
])  # fmt: skip
def test_settings_that_do_not_fit_name_the_flag(config, change, told):
    with pytest.raises(ConfigError, match=told):
        train(replace(config, **change), quiet=True)
    assert not config.runs.exists()


def test_seed_decides_whatever_the_number_of_workers(config):
    config = replace(config, lora=LoraConfig(kind='lora', dropout=0.3), epochs=3)
    last = []
    for name, workers in (('none', 0), ('one', 1), ('two', 2)):
        train(replace(config, name=name, workers=workers), quiet=True)
        last.append(read_weights(config.runs / name / LAST))
    assert same(last[0], last[1])
    assert same(last[0], last[2])
    train(replace(config, name='other', seed=2), quiet=True)
    assert not same(last[0], read_weights(config.runs / 'other' / LAST))


def test_run_can_be_looked_at_in_tensorboard(config):
    event_accumulator = pytest.importorskip(
        'tensorboard.backend.event_processing.event_accumulator', reason='tensorboard is optional'
    )
    train(config, quiet=True)
    events = event_accumulator.EventAccumulator(str(config.folder / 'log' / 'version_0'))
    events.Reload()
    history = read_history(config.folder)
    for name in ('loss', 'lane_iou', 'learning_rate'):
        values = [event.value for event in events.Scalars(name)]
        assert values == pytest.approx(list(history[name].values()))


def test_run_states_what_it_cost(config):
    facts = train(replace(config, samples_per_epoch=8), quiet=True)
    resources = facts['resources']
    assert resources['batches_timed'] == 2 * 3  # the first one of each epoch waits for others
    assert 0 < resources['batch_ms_p50'] <= resources['batch_ms_p99']
    assert 0 <= resources['data_wait_share'] <= 1
    assert resources['peak_memory_mib'] > 50
    assert 0 < resources['processor_cores'] < os.cpu_count() + 1
    assert facts['parameters'] == {'total': 2032, 'trainable': 2032}
    assert facts['multiply_adds'] == 655_360
    assert facts['versions']['torch'] == torch.__version__
    assert facts['metrics']['lane_iou'] == facts['best_lane_iou']


def test_best_checkpoints_sort_by_what_they_are_worth(config):
    facts = train(replace(config, epochs=5, keep_best=3), quiet=True)
    kept = sorted((config.folder / 'best').iterdir())
    assert len(kept) == 3
    scores = read_history(config.folder)['lane_iou']
    for path in kept:
        epoch = int(path.stem.rpartition('epoch')[2])
        assert path.name == f'lane_iou{scores[epoch]:.4f}_epoch{epoch:04d}.ckpt'
        assert torch.load(path, weights_only=True)['epoch'] == epoch
    others = set(scores) - {int(path.stem.rpartition('epoch')[2]) for path in kept}
    assert min(scores[int(p.stem.rpartition('epoch')[2])] for p in kept) >= max(
        scores[epoch] for epoch in others
    )
    best = torch.load(config.folder / BEST, weights_only=True)
    assert best['epoch'] == facts['metrics']['epoch']
    assert scores[best['epoch']] == max(scores.values())


def test_run_ends_when_nothing_gets_better(config):
    still = replace(config, epochs=9, patience=2, optimizer=OptimizerConfig(learning_rate=1e-30))
    facts = train(still, quiet=True)
    assert facts['epochs_done'] == 3
    again = train(replace(still, resume=True), quiet=True)
    assert again['epochs_done'] == 3


def test_unknown_metric_to_monitor_lists_those_there_are(config):
    for name in ('kerb_iou', 'loss'):  # there is a loss, and more of it is not better
        with pytest.raises(ConfigError, match=rf'--monitor is {name}, .* lane_iou, .*road_iou'):
            train(replace(config, monitor=name), quiet=True)
    assert not config.folder.exists()


def test_metric_that_no_label_is_left_for_is_not_monitored(config):
    one = config.validation[0]
    sets = tuple(replace(one, annotated=(name,)) for name in ('lane_marking', 'road'))
    with pytest.raises(ConfigError, match=r'together do not give; they give accuracy$'):
        train(replace(config, validation=sets, monitor='mean_iou'), quiet=True)


def test_folder_that_cannot_be_is_told(config):
    (config.data_root / 'file').write_text('')
    with pytest.raises(ConfigError, match=r'cannot write .*file.* \(Not a directory\)'):
        train(replace(config, runs=config.data_root / 'file'), quiet=True)


def test_diverging_run_stops_with_the_remedy(config):
    wild = replace(
        config, optimizer=OptimizerConfig(learning_rate=1e25, warmup_steps=0, gradient_clip=0)
    )
    with pytest.raises(ConfigError, match=r'(loss|gradient) is .* at epoch 0, batch 1: .*--name'):
        train(wild, quiet=True)
    assert not list(config.folder.glob('*.ckpt'))


def test_broken_picture_in_a_worker_is_one_line(config, capsys, tmp_path):
    for path in (config.data_root / 'roads' / 'images').iterdir():
        path.write_bytes(path.read_bytes()[:100])
    settings = write_config(replace(config, workers=1), tmp_path / 'c.json')
    assert main(['train', str(settings), '--json']) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith('error: ')
    assert error.endswith('is not a readable picture: replace or remove it')
    assert '\n' not in error


@pytest.mark.parametrize('precision', ['bf16-mixed', '16-mixed'])
def test_half_precision_trains_or_says_what_does(config, precision):
    config = replace(config, precision=precision, accelerator='cpu')
    if precision == '16-mixed':
        with pytest.raises(ConfigError, match='16-mixed needs a GPU'):
            train(config, quiet=True)
        return
    train(config, quiet=True)
    weights = read_weights(config.folder / LAST)
    assert all(torch.isfinite(value).all() for value in weights.values())
    assert weights['head.weight'].dtype == torch.float32


def test_progress_of_a_log_file_is_a_line_an_epoch(config, capsys):
    train(config)
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[0].startswith('2,032 parameters, 2,032 of them trained')
    assert [line.split(':')[0] for line in lines[1:]] == ['epoch 1 of 2', 'epoch 2 of 2']
    assert 'lane_iou' in lines[1]


def test_accumulated_batches_make_one_step(config):
    config = replace(
        config,
        samples_per_epoch=10,
        optimizer=replace(config.optimizer, accumulate=3, schedule='poly'),
    )
    train(config, quiet=True)
    last = torch.load(config.folder / LAST, weights_only=True)
    assert last['global_step'] == 4  # in each of two epochs, of three batches and of two
    assert last['optimizer_states'][0]['param_groups'][0]['lr'] == pytest.approx(0)


def test_worker_that_is_killed_is_told(config):
    config = replace(config, workers=1, epochs=400)

    def kill():
        while not (config.folder / LAST).is_file() or not active_children():
            time.sleep(0.01)
        active_children()[0].kill()

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(ConfigError, match='reads the data died'):
        train(config, quiet=True)
    thread.join()


def test_processes_that_cannot_be_had_are_told(config):
    with pytest.raises(ConfigError, match=r'cannot train with .*--strategy dpp'):
        train(replace(config, strategy='dpp'), quiet=True)
