from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
import numpy as np
import pytest
import torch
from training.errors import ConfigError
from training.lane_module import LaneModule
from training.loop.averaging import AverageWeights
from training.loop.checkpoints import AtomicCheckpointIO
from training.loop.freezing import freeze
from training.loop.loaders import open_all, RunData
from training.loop.schedule import rate_factor, total_steps
from training.loop.settings import OptimizerConfig
from training.loop.start import build_network
from training.models.unet import UNet, UNetConfig
from training_runs import same, tiny_config


def tiny_network():
    torch.manual_seed(0)
    return UNet(UNetConfig(widths=(4, 8)))


@given(
    schedule=st.sampled_from(['cosine', 'poly', 'constant']),
    warmup=st.integers(0, 30),
    after=st.integers(1, 100),
    power=st.floats(0.5, 3),
)
def test_learning_rate_rises_then_falls_to_the_end(schedule, warmup, after, power):
    config = OptimizerConfig(schedule=schedule, warmup_steps=warmup, power=power)
    factors = [rate_factor(step, warmup + after, config) for step in range(warmup + after + 1)]
    assert factors[:warmup] == pytest.approx(np.arange(1, warmup + 1) / max(1, warmup))
    assert factors[warmup] == 1
    assert (np.diff(factors[warmup:]) <= 0).all()
    assert factors[-1] == pytest.approx(1 if schedule == 'constant' else 0)


def test_schedules_are_those_they_are_called():
    at_half = {
        name: rate_factor(50, 100, OptimizerConfig(schedule=name, power=2, warmup_steps=0))
        for name in ('cosine', 'poly', 'constant')
    }
    assert at_half == pytest.approx({'cosine': 0.5, 'poly': 0.25, 'constant': 1})
    assert rate_factor(25, 100, OptimizerConfig(warmup_steps=0)) == pytest.approx(0.8535534)


def test_steps_of_a_run_count_accumulated_batches_once():
    assert total_steps(epochs=3, samples_per_epoch=21, batch_size=4, accumulate=2) == 3 * 3


@pytest.mark.parametrize(('change', 'told'), [
    ({'learning_rate': 0}, r'optimizer\.learning_rate is 0'),
    ({'ema_decay': 1.0}, r'optimizer\.ema_decay is 1\.0'),
    ({'accumulate': 0}, r'optimizer\.accumulate is 0'),
    ({'gradient_clip': -1}, r'optimizer\.gradient_clip is -1'),
])  # fmt: skip
def test_settings_of_the_optimizer_are_checked(change, told):
    with pytest.raises(ConfigError, match=told):
        OptimizerConfig(**change)


class TestFreeze:
    def test_last_pattern_that_matches_decides(self):
        network = tiny_network()
        freeze(network, ('*', '!decoder.*', 'decoder.0.fuse.*'))
        learning = {name for name, p in network.named_parameters() if p.requires_grad}
        assert learning == {
            'decoder.0.upsample.project.weight', 'decoder.0.upsample.project.bias'
        }  # fmt: skip

    def test_frozen_batch_norms_keep_their_statistics(self):
        network = tiny_network()
        freeze(network, ('encoder.*', '!encoder.1.4.bias'))
        network.train()
        before = {k: v.clone() for k, v in network.state_dict().items()}
        network(torch.randn(2, 3, 32, 64))
        moved = {k for k, v in network.state_dict().items() if not torch.equal(v, before[k])}
        assert not any(key.startswith('encoder.0') for key in moved)
        assert 'encoder.1.4.running_mean' in moved  # its bias learns
        assert 'decoder.0.fuse.1.running_var' in moved
        assert before.keys() == tiny_network().state_dict().keys()

    @pytest.mark.parametrize(('patterns', 'told'), [
        (('encodre.*',), r"--freeze: 'encodre\.\*' matches no parameter; .*encoder\.0\.0\.weight"),
        (('!hed.*',), "'!hed.*' matches no parameter"),
        (('*',), 'nothing to train'),
    ])  # fmt: skip
    def test_wrong_patterns_are_told(self, patterns, told):
        with pytest.raises(ConfigError, match=told):
            freeze(tiny_network(), patterns)


class Recorder(Callback):
    """Keep the weights after every step."""

    def __init__(self):
        self.weights = []

    def on_train_batch_end(self, trainer, pl_module, *_):
        self.weights.append({k: v.clone() for k, v in pl_module.state_dict().items()})


def test_average_is_the_formula_and_leaves_the_frozen_alone(tmp_path):
    config = tiny_config(tmp_path, samples_per_epoch=8, freeze=('encoder.0.*',))
    sets = open_all(config)
    network = build_network(config)
    first = {k: v.clone() for k, v in network.state_dict().items()}
    recorder = Recorder()
    trainer = Trainer(
        accelerator='cpu', max_epochs=2, logger=False, enable_progress_bar=False,
        callbacks=[AverageWeights(0.3), recorder], enable_checkpointing=False,
        enable_model_summary=False, use_distributed_sampler=False, num_sanity_val_steps=0,
    )  # fmt: skip
    module = LaneModule(config, network, 8, sets[1])
    trainer.fit(module, datamodule=RunData(config, *sets, first_epoch=0))
    trainer.save_checkpoint(tmp_path / 'saved.ckpt')
    saved = torch.load(tmp_path / 'saved.ckpt', weights_only=True)
    assert len(recorder.weights) == 8
    for name, value in saved['state_dict'].items():
        expected = recorder.weights[0][name]
        for count, weights in enumerate(recorder.weights[1:], 1):
            kept = min(0.3, (1 + count) / (10 + count))
            if value.is_floating_point():
                expected = kept * expected + (1 - kept) * weights[name]
            else:
                expected = weights[name]
        torch.testing.assert_close(value, expected, msg=name)
        if name.startswith('network.encoder.0.'):
            assert torch.equal(value, first[name.removeprefix('network.')]), name
    assert not same(saved['state_dict']['network.head.weight'], recorder.weights[-1][
        'network.head.weight'
    ])  # fmt: skip


def test_damaged_checkpoint_is_named_with_the_remedy(tmp_path):
    path = tmp_path / 'last.ckpt'
    AtomicCheckpointIO().save_checkpoint({'epoch': 1, 'x': torch.ones(1000)}, path)
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ConfigError, match=r'last\.ckpt is damaged .*--init_from'):
            AtomicCheckpointIO().load_checkpoint(path)


def test_networks_begin_alike_with_the_same_seed(tmp_path):
    config = tiny_config(tmp_path)
    torch.manual_seed(1)
    first = build_network(config).state_dict()
    torch.manual_seed(1)
    assert same(first, build_network(replace(config, freeze=('head.*',))).state_dict())
