"""Train a network: ``python -m training train training/configs/lane_unet.yaml``."""

import json
from pathlib import Path
import sys
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.table import Table
from seg_node.atomic_files import write_text
from training.config import TrainConfig
from training.errors import ConfigError
from training.lane_module import LaneModule
from training.learning_curve import CURVE, draw_learning_curve
from training.loop.checkpoints import RunCheckpoints
from training.loop.distillation import Teacher
from training.loop.failures import is_end_of_worker, told_in_one_line
from training.loop.loaders import open_all, RunData
from training.loop.monitoring import check_monitor, StopEarly
from training.loop.processes import writes_files
from training.loop.resources import ResourceMeter
from training.loop.resuming import checkpoint_to_resume, epoch_after, refuse_other_data
from training.loop.schedule import total_steps
from training.loop.start import build_network
from training.loop.trainer import make_trainer, prepare_process
from training.loop.workers import wait_for_server
from training.provenance import describe_cost, describe_run
from training.runs import FACTS, read_facts, starting_shape


def train(config: TrainConfig, quiet: bool = False) -> dict[str, Any]:
    """
    Run a training, or go on with one.

    :param quiet: no progress bar.
    :return: what ``run.json`` in the run's folder states, the best metrics among it.
    :raises SegNodeError: for settings or data that cannot be trained on.
    """
    config = starting_shape(config)
    config.check()
    checkpoint = checkpoint_to_resume(config)
    prepare_process(config)
    sets = open_all(config)
    check_monitor(config.monitor, sets[1])
    network = build_network(config, fresh=checkpoint is None)
    teacher = Teacher.load(config)
    with told_in_one_line(config):
        _make_folder(config.folder)
        facts = read_facts(config.folder / FACTS) if checkpoint else {}
        now = describe_run(config, *sets)
        refuse_other_data(facts, now, config)
        facts |= now | describe_cost(network, config)
        module = LaneModule(config, network, _total_steps(config), sets[1], teacher)
        best = RunCheckpoints(config.folder, config.monitor, config.keep_best)
        meter = ResourceMeter()
        trainer = make_trainer(config, [meter, best, *_early_stop(config)], quiet)
        data = RunData(config, *sets, first_epoch=epoch_after(checkpoint))
        _write(facts, config)
        if not quiet and writes_files():
            _tell_cost(facts)
        if config.workers:
            wait_for_server()
        _fit(trainer, module, data, checkpoint)
        facts |= _results(trainer, best, meter, facts.get('resources', {}))
        _write(facts, config)
        if writes_files():
            draw_learning_curve(config.folder)
    return facts


def _make_folder(folder: Path) -> None:
    """Make a run's folder; where none can ever be, as in /proc, there is "no such" one."""
    try:
        if writes_files():
            folder.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as error:
        raise ConfigError(
            f'cannot write {folder} ({error.strerror}): choose another --runs'
        ) from error


def _fit(trainer: Trainer, module: LaneModule, data: RunData, checkpoint: Path | None) -> None:
    try:
        trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    except (RuntimeError, OSError, EOFError) as error:
        if not (trainer.received_sigterm and is_end_of_worker(error)):
            raise
        raise SystemExit from error  # its workers had been told to end too, and were faster
    finally:
        # Amid a validation Lightning leaves them to the garbage collector: up to 15 s.
        trainer.fit_loop.teardown()


def _total_steps(config: TrainConfig) -> int:
    return total_steps(
        config.epochs, config.samples_per_epoch, config.batch_size, config.optimizer.accumulate
    )


def _early_stop(config: TrainConfig) -> list[Callback]:
    return [StopEarly(config.monitor, config.patience)] if config.patience else []


def _results(
    trainer: Trainer, best: RunCheckpoints, meter: ResourceMeter, before: dict[str, Any]
) -> dict[str, Any]:
    """
    Return what a run came to.

    :param before: resources of an earlier start, which stay when this one had nothing to do.
    """
    metrics = {name: round(value, 4) for name, value in best.best.items()}
    resources = meter.summary()
    return {
        'best_lane_iou': metrics.get('lane_iou'),
        'metrics': metrics,  # of the best validation
        'epochs_done': trainer.current_epoch,
        'learning_curve': CURVE,
        'resources': resources if resources['batches_timed'] or not before else before,
    }


def _write(facts: dict[str, Any], config: TrainConfig) -> None:
    if writes_files():
        write_text(config.folder / FACTS, json.dumps(facts, indent=2) + '\n')


def _tell_cost(facts: dict[str, Any]) -> None:
    parameters, size = facts['parameters'], facts['config']['input']
    print(
        f'{parameters["total"]:,} parameters, {parameters["trainable"]:,} of them trained; '
        f'{facts["multiply_adds"] / 1e9:.3f} billion multiply-adds for one picture of '
        f'{size["width"]}x{size["height"]}',
        file=sys.stderr,
    )


def show(facts: dict[str, Any], console: Console) -> None:
    """Print a result for people."""
    if not writes_files():
        return
    folder = Path(facts['config']['runs']) / facts['config']['name']
    monitor = facts['config']['monitor']
    table = Table(title=f'resources of {folder}', show_header=False)
    for name, value in facts['resources'].items():
        if value is not None:
            table.add_row(name, str(value))
    console.print(table)
    console.print(
        f'{facts["epochs_done"]} epochs in {folder}, best validation {monitor} '
        f'{facts["metrics"].get(monitor)}; next: python -m training export --run {folder}'
    )
