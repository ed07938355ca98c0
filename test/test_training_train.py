from dataclasses import replace
import json

import pytest
from seg_node.preprocess import InputSpec
import torch
from training.errors import ConfigError
from training.lane_module import LaneModule
from training.learning_curve import read_history
from training.models.unet import UNetConfig
from training.runs import BEST, LAST, read_weights, Run
from training.train import train
from training_runs import tiny_config


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


def test_resumed_run_ends_where_an_uninterrupted_one_does(config):
    train(config, quiet=True)
    interrupted = replace(config, name='interrupted')
    train_until_power_cut(interrupted, epochs=1)
    first = torch.load(interrupted.folder / LAST, weights_only=True)
    assert (first['epoch'], first['global_step']) == (0, 2)
    facts = train(replace(interrupted, resume=True), quiet=True)
    assert facts['epochs_done'] == 2
    assert set(read_history(interrupted.folder)['loss']) == {0, 1}
    expected = read_weights(config.folder / LAST)
    for name, value in read_weights(interrupted.folder / LAST).items():
        torch.testing.assert_close(value, expected[name], msg=name)


class PowerCutError(Exception):
    """What no code expects."""


def train_until_power_cut(config, epochs):
    """Train, and break off when some epochs are done."""

    class Interrupted(LaneModule):
        def on_train_epoch_start(self):
            if self.current_epoch == epochs:
                raise PowerCutError

    with pytest.MonkeyPatch.context() as patch, pytest.raises(PowerCutError):
        patch.setattr('training.train.LaneModule', Interrupted)
        train(config, quiet=True)


def test_training_lowers_the_loss(config):
    longer = replace(config, epochs=6, samples_per_epoch=16)
    train(longer, quiet=True)
    loss = read_history(longer.folder)['loss']
    assert loss[5] < 0.8 * loss[0]


def test_second_start_does_not_overwrite_a_run(config):
    config.folder.mkdir(parents=True)
    (config.folder / LAST).write_bytes(b'weights')
    with pytest.raises(ConfigError, match='--resume'):
        train(config, quiet=True)
    assert (config.folder / LAST).read_bytes() == b'weights'


def test_resume_without_a_run_says_so(config):
    with pytest.raises(ConfigError, match='without --resume'):
        train(replace(config, resume=True), quiet=True)


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
])  # fmt: skip
def test_settings_that_do_not_fit_name_the_flag(config, change, told):
    with pytest.raises(ConfigError, match=told):
        train(replace(config, **change), quiet=True)
