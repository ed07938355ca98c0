"""Trainings that are killed, interrupted, or spread over processes: in processes of their own."""

from contextlib import ExitStack
from dataclasses import replace
from io import BytesIO
from multiprocessing import active_children
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch
from training.__main__ import main
from training.config import OptimizerConfig
from training.data.sampling import MixedSampler
from training.lane_module import LaneModule
from training.learning_curve import read_history
from training.loop.checkpoints import _save
from training.loop.failures import told_in_one_line
from training.loop.loaders import BatchShare, open_all, RunData
from training.lora.config import LoraConfig
from training.runs import LAST
from training.train import train
from training_runs import same, tiny_config, write_config

REPOSITORY = Path(__file__).resolve().parents[1]


def start(*command: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, '-m', *command],
        cwd=REPOSITORY,
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'OMP_WAIT_POLICY': 'PASSIVE'},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_last(config):
    return torch.load(config.folder / LAST, weights_only=True)


def wait_for(path: Path, process: subprocess.Popen) -> None:
    deadline_s = time.monotonic() + 60
    while not path.is_file():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def test_killed_run_ends_with_the_same_weights(tmp_path):
    """With everything that has a memory: adapter, dropout, averages, schedule, early stop."""
    config = tiny_config(
        tmp_path,
        epochs=12,
        samples_per_epoch=24,
        workers=1,
        patience=3,
        keep_best=2,
        lora=LoraConfig(kind='lora', rank=2, dropout=0.3, batch_norm='affine'),
        freeze=('!head.*',),
    )
    killed = replace(config, name='killed')
    process = start('training', 'train', str(write_config(killed, tmp_path / 'k.json')))
    wait_for(killed.folder / LAST, process)
    time.sleep(0.05)
    process.kill()
    process.communicate()
    reached = read_last(killed)['epoch']
    facts = train(replace(killed, resume=True), quiet=True)
    whole = train(config, quiet=True)
    assert reached < whole['epochs_done'] - 1, 'killed too late'
    assert facts['epochs_done'] == whole['epochs_done']
    assert facts['metrics'] == whole['metrics']
    first, second = read_last(killed), read_last(config)
    assert first['epoch'] > reached
    for key in ('state_dict', 'current_weights', 'optimizer_states', 'lr_schedulers', 'callbacks'):
        assert same(first[key], second[key]), key
    assert sorted(p.name for p in killed.folder.rglob('*.ckpt')) == sorted(
        p.name for p in config.folder.rglob('*.ckpt')
    )


@pytest.mark.slow
def test_two_processes_compute_what_one_does(tmp_path):
    """Batch norms are frozen: on CPUs each process would normalise by its own pictures."""
    config = tiny_config(
        tmp_path,
        samples_per_epoch=9,
        batch_size=4,
        freeze=('*.fuse.[14].*', 'encoder.*.[14].*'),
        optimizer=OptimizerConfig(learning_rate=0.01, warmup_steps=1, gradient_clip=0.5),
    )
    both = replace(config, name='both', devices=2, strategy='ddp', accelerator='cpu')
    settings = str(write_config(both, tmp_path / 'both.json'))
    launcher = ('torch.distributed.run', '--standalone', '--nproc_per_node=2')
    process = start(*launcher, '-m', 'training', 'train', settings, '--json')
    train(config, quiet=True)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    one, two = read_history(config.folder), read_history(both.folder)
    for name in ('loss', 'lane_iou', 'road_iou', 'learning_rate'):
        assert two[name] == pytest.approx(one[name], rel=1e-4), name
    one, two = read_last(config)['state_dict'], read_last(both)['state_dict']
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-3, atol=1e-4, msg=name)
    assert len(list((both.folder / 'log').iterdir())) == 1


def test_processes_share_every_batch_out():
    def draws(rank, processes):
        share = BatchShare(MixedSampler([5, 3], [2, 1], 14, seed=3), 4, rank, processes)
        share.set_epoch(1)
        assert len(list(share)) == len(share)
        return list(share)

    whole = draws(0, 1)
    assert len(whole) == 12
    first, second = draws(0, 2), draws(1, 2)
    batches = [first[i : i + 2] + second[i : i + 2] for i in range(0, 6, 2)]
    assert [draw for batch in batches for draw in batch] == whole


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_interrupted_run_says_how_to_go_on(tmp_path, capsys, number):
    """As a terminal or a cluster does it: all processes are told, those that read first."""
    config = tiny_config(tmp_path, epochs=400, workers=1)
    path = write_config(config, tmp_path / 'long.json')
    readers, outlived = [], []

    def interrupt():
        while not (config.folder / LAST).is_file():
            time.sleep(0.01)
        readers.extend(active_children())
        for process in readers:  # not by us: what the training itself tells them, they do
            subprocess.run(['kill', f'-{int(number)}', str(process.pid)], check=True)
        time.sleep(0.5)
        outlived.extend(process.is_alive() for process in readers)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        assert main(['train', str(path), '--json']) == 130
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        thread.join()
    assert outlived == [True]
    for process in readers:  # told, too, that there is no more to read; a busy machine takes long
        process.join(30)
    assert not any(process.is_alive() for process in readers)
    output = capsys.readouterr()
    assert output.err.strip().splitlines()[-1].startswith('interrupted; ')
    assert '--resume goes on from it' in output.err
    assert read_last(config)['epoch'] < 399


def test_interrupted_validation_leaves_no_process(tmp_path, monkeypatch):
    """Lightning ends those that read only where it is the training that was interrupted."""
    config = tiny_config(tmp_path, workers=1)
    readers = []

    def interrupted(*_):
        readers.extend(active_children())
        raise KeyboardInterrupt

    monkeypatch.setattr(LaneModule, 'on_validation_epoch_end', interrupted)
    try:
        with pytest.raises(KeyboardInterrupt, match='interrupted; no epoch was finished'):
            train(config, quiet=True)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert [process.is_alive() for process in readers] == [False]


def test_ctrl_c_is_seen_behind_the_error_that_it_leads_to(tmp_path):
    """Amid a checkpoint's writing torch has put a RuntimeError of its own in its place."""
    config = tiny_config(tmp_path)

    presses = iter([signal.SIGINT])

    class Interrupted(BytesIO):
        def write(self, data):
            for number in presses:
                signal.raise_signal(number)
            return super().write(data)

    with pytest.raises(KeyboardInterrupt):
        _save({'weights': torch.ones(1000)}, Interrupted())
    with (
        pytest.raises(KeyboardInterrupt, match='interrupted; no epoch'),
        told_in_one_line(config),
        ExitStack() as tidying,
    ):
        tidying.callback(torch.tensor, 'not as long as it should be')  # a TypeError
        raise KeyboardInterrupt


def test_a_reader_ends_at_once_when_the_training_says_so(tmp_path):
    """As at the exit of a training that alone was told to end: that took 11 s before."""
    config = tiny_config(tmp_path, workers=1)
    batches = iter(RunData(config, *open_all(config), first_epoch=0).train_dataloader())
    next(batches)
    (reader,) = active_children()
    reader.terminate()
    reader.join(60)
    assert reader.exitcode == 0, 'and not 1, after the patience that it has with others'
