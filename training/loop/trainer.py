"""Lightning's trainer, set up as a run's settings say."""

from importlib.util import find_spec
import logging
from pathlib import Path
import sys
import time
import warnings

import cv2
from lightning.pytorch import LightningModule, seed_everything, Trainer
from lightning.pytorch.callbacks import Callback, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
import torch
from training.config import TrainConfig
from training.errors import ConfigError
from training.loop.averaging import AverageWeights
from training.loop.checkpoints import AtomicCheckpointIO
from training.loop.workers import start_server
from training.runs import LOGS


def prepare_process(config: TrainConfig) -> None:
    """Set seeds and threads, begin with the workers, and leave out what Lightning says always."""
    logging.getLogger('lightning.pytorch').setLevel(logging.WARNING)
    logging.getLogger('lightning.fabric').setLevel(logging.WARNING)
    warnings.filterwarnings('ignore', module='lightning.*')
    if config.workers:
        start_server()
    seed_everything(config.seed, verbose=False)
    cv2.setNumThreads(1)
    if config.threads:
        torch.set_num_threads(config.threads)


def make_trainer(config: TrainConfig, callbacks: list[Callback], quiet: bool) -> Trainer:
    """
    Return the trainer of a run.

    Batch norms of several processes share their statistics on GPUs. On CPUs, for which torch has
    no such batch norm, each process normalises by its own share of the batch, and the first
    one's running statistics are kept.

    :param callbacks: besides the average and the progress; checkpoints come last.
    :raises ConfigError: for a precision that the machine does not have.
    """
    on_gpu = config.accelerator != 'cpu' and torch.cuda.is_available()
    if config.precision == '16-mixed' and not on_gpu:
        raise ConfigError('--precision 16-mixed needs a GPU: use bf16-mixed or 32-true here')
    # one whose statistics are not to move would be made to move
    shared_norms = on_gpu and not config.freeze and config.lora.kind == 'none'
    return Trainer(
        accelerator=config.accelerator,
        devices=config.devices,
        num_nodes=config.num_nodes,
        strategy=config.strategy,
        sync_batchnorm=shared_norms and config.devices * config.num_nodes > 1,
        use_distributed_sampler=False,  # RunData shares the samples out
        precision=config.precision,
        max_epochs=config.epochs,
        check_val_every_n_epoch=config.validate_every,
        num_sanity_val_steps=0,
        gradient_clip_val=config.optimizer.gradient_clip or None,
        accumulate_grad_batches=config.optimizer.accumulate,
        callbacks=[*_average(config), *callbacks, *_progress(config, quiet)],
        plugins=[AtomicCheckpointIO()],
        logger=_loggers(config.folder),
        enable_progress_bar=not quiet and sys.stdout.isatty(),
        enable_model_summary=False,
        default_root_dir=config.folder,
    )


def _average(config: TrainConfig) -> list[Callback]:
    decay = config.optimizer.ema_decay
    return [AverageWeights(decay)] if decay else []


def _progress(config: TrainConfig, quiet: bool) -> list[Callback]:
    if quiet:
        return []
    return [RichProgressBar(leave=False) if sys.stdout.isatty() else EpochLines(config.epochs)]


def _loggers(folder: Path) -> list[Logger]:
    """Write CSV always, and for TensorBoard where it is installed."""
    table = CSVLogger(folder, name=LOGS)
    if not find_spec('tensorboard'):
        return [table]
    board = TensorBoardLogger(
        folder, name=LOGS, version=f'version_{table.version}', default_hp_metric=False
    )
    return [table, board]


class EpochLines(Callback):
    """Progress for log files: a line for each epoch."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._start_s = 0.0
        self._first_epoch = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to measure."""
        self._start_s, self._first_epoch = time.monotonic(), trainer.current_epoch

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell the epoch's figures, as far as they are known, and the time left."""
        done = trainer.current_epoch + 1
        epoch_s = (time.monotonic() - self._start_s) / (done - self._first_epoch)
        figures = ', '.join(
            f'{name} {float(trainer.callback_metrics[name]):.4f}'
            for name in ('loss', 'lane_iou', 'mean_iou')
            if name in trainer.callback_metrics
        )
        left = f'{(self._epochs - done) * epoch_s / 60:.0f} minutes left'
        if trainer.is_global_zero:
            print(f'epoch {done} of {self._epochs}: {figures}; {left}', file=sys.stderr)
