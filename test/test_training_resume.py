"""Runs that were stopped: gone on with to the same end, and only as they were begun."""

from dataclasses import replace
import json
import resource

import cv2
import numpy as np
import pytest
import torch
from training.errors import ConfigError
from training.lane_module import LaneModule
from training.learning_curve import read_history
from training.runs import LAST, read_weights
from training.train import train
from training_runs import same, tiny_config


@pytest.fixture
def config(tmp_path):
    return tiny_config(tmp_path)


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


def test_second_start_does_not_overwrite_a_run(config):
    config.folder.mkdir(parents=True)
    (config.folder / LAST).write_bytes(b'weights')
    with pytest.raises(ConfigError, match='--resume'):
        train(config, quiet=True)
    assert (config.folder / LAST).read_bytes() == b'weights'


def test_resume_without_a_run_says_so(config):
    with pytest.raises(ConfigError, match='without --resume'):
        train(replace(config, resume=True), quiet=True)


def test_resumed_workers_read_the_epoch_that_is_due(config):
    """Workers read ahead, before the trainer tells them which epoch it is."""
    config = replace(config, workers=1, samples_per_epoch=8, epochs=4)
    train(config, quiet=True)
    part = replace(config, name='part')
    train_until_power_cut(part, epochs=1)
    train(replace(part, resume=True), quiet=True)
    assert same(read_weights(part.folder / LAST), read_weights(config.folder / LAST))
    assert read_history(part.folder)['loss'] == read_history(config.folder)['loss']


def test_run_is_not_resumed_with_other_settings(config):
    train(config, quiet=True)
    other = replace(config, resume=True, optimizer=replace(config.optimizer, learning_rate=0.5))
    with pytest.raises(ConfigError, match=r'with optimizer\.learning_rate 0\.02, not 0\.5'):
        train(other, quiet=True)


def test_diverging_later_keeps_the_last_good_checkpoint(config):
    train(config, quiet=True)
    path = config.folder / LAST
    poisoned = torch.load(path, weights_only=True)
    poisoned['current_weights']['network.head.weight'] *= float('nan')
    torch.save(poisoned, path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r'the loss is nan at epoch 2, batch 0: .*last whole'):
        train(replace(config, epochs=3, resume=True), quiet=True)
    assert path.read_bytes() == before


def test_full_disk_is_told_in_one_line_and_spoils_nothing(config):
    train(config, quiet=True)
    before = {p: p.read_bytes() for p in config.folder.glob('*.ckpt')}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))  # as a disk without room
    try:
        with pytest.raises(ConfigError, match=r'cannot write .*ckpt \(.*\): make room') as caught:
            train(replace(config, epochs=3, resume=True), quiet=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert '\n' not in str(caught.value)
    assert {p: p.read_bytes() for p in config.folder.rglob('*.ckpt')} == before
    assert train(replace(config, epochs=3, resume=True), quiet=True)['epochs_done'] == 3


def test_run_is_not_resumed_with_other_samples(config):
    train(config, quiet=True)
    before = (config.folder / 'run.json').read_bytes()
    mask = config.data_root / 'roads' / 'masks' / '0002.png'
    labels = cv2.imread(str(mask), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(mask), np.zeros_like(labels))
    longer = replace(config, epochs=3, resume=True)
    with pytest.raises(ConfigError, match=r'the samples of roads \(train\) are not those that'):
        train(longer, quiet=True)
    assert (config.folder / 'run.json').read_bytes() == before
    cv2.imwrite(str(mask), labels)
    assert train(longer, quiet=True)['epochs_done'] == 3


def test_finished_run_that_is_resumed_keeps_its_figures(config):
    facts = train(config, quiet=True)
    again = train(replace(config, resume=True), quiet=True)
    assert again['resources'] == facts['resources']
    assert again['metrics'] == facts['metrics']
    assert json.loads((config.folder / 'run.json').read_text()) == again
