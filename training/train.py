"""Train a network: ``python -m training train training/configs/lane_unet.yaml``."""

import json
import logging
from pathlib import Path
from typing import Any
import warnings

import cv2
from lightning.pytorch import seed_everything, Trainer
from lightning.pytorch.callbacks import (
    Callback,
    LearningRateMonitor,
    ModelCheckpoint,
    RichProgressBar,
    WeightAveraging,
)
from lightning.pytorch.loggers import CSVLogger
from rich.console import Console
from seg_node.atomic_files import write_text
import torch
from torch.utils.data import DataLoader
from training.config import TrainConfig
from training.data.pairs import PairsFolder
from training.data.sampling import MixedSampler, TrainingSamples, ValidationIndex
from training.errors import ConfigError
from training.lane_module import LaneModule
from training.learning_curve import draw_learning_curve
from training.provenance import describe_run
from training.runs import BEST, FACTS, LAST, load_into, LOGS


def train(config: TrainConfig, quiet: bool = False) -> dict[str, Any]:
    """
    Run a training, or go on with one.

    :param quiet: no progress bar.
    :return: what ``run.json`` in the run's folder states, the best metrics among it.
    :raises SegNodeError: for settings or data that cannot be trained on.
    """
    config.check()
    checkpoint = _checkpoint_to_resume(config)
    _hush_lightning()
    seed_everything(config.seed, verbose=False)
    cv2.setNumThreads(1)
    if config.threads:
        torch.set_num_threads(config.threads)
    train_folders = _open_all(config.train, config)
    folders = _open_all(config.validation, config)
    facts = describe_run(config, train_folders, folders)
    write_text(config.folder / FACTS, json.dumps(facts, indent=2) + '\n')
    steps = config.epochs * (config.samples_per_epoch // config.batch_size)
    module = LaneModule(config, steps, folders)
    if config.init_from:
        load_into(module.network, config.init_from)
    best = _best_checkpoint(config)
    trainer = _make_trainer(config, best, quiet)
    try:
        trainer.fit(
            module,
            _train_loader(config, train_folders),
            DataLoader(ValidationIndex(folders), batch_size=None),
            ckpt_path=checkpoint,
            weights_only=True,
        )
    except SystemExit as error:  # Lightning's answer to Ctrl+C
        raise KeyboardInterrupt from error
    score = best.best_model_score
    facts['best_lane_iou'] = None if score is None else round(float(score), 4)
    facts['epochs_done'] = trainer.current_epoch
    write_text(config.folder / FACTS, json.dumps(facts, indent=2) + '\n')
    draw_learning_curve(config.folder)
    return facts


def show(facts: dict[str, Any], console: Console) -> None:
    """Print a result for people."""
    config = facts['config']
    console.print(
        f'{facts["epochs_done"]} epochs in {config["runs"]}/{config["name"]}, best validation '
        f'lane_iou {facts["best_lane_iou"]}; next: python -m training export --run '
        f'{config["runs"]}/{config["name"]}'
    )


def _hush_lightning() -> None:
    """Leave out what Lightning says on every run: tips, devices, its own deprecations."""
    logging.getLogger('lightning.pytorch').setLevel(logging.WARNING)
    warnings.filterwarnings('ignore', module='lightning.*')


def _checkpoint_to_resume(config: TrainConfig) -> Path | None:
    last = config.folder / LAST
    if config.resume and not last.is_file():
        raise ConfigError(f'--resume: {last} does not exist; start the run without --resume')
    if last.is_file() and not config.resume:
        raise ConfigError(
            f'{config.folder} holds a run already: go on with --resume, or choose another --name'
        )
    return last if config.resume else None


def _open_all(sources: Any, config: TrainConfig) -> list[PairsFolder]:
    return [PairsFolder.open(source, config.data_root, config.labels) for source in sources]


def _train_loader(config: TrainConfig, folders: list[PairsFolder]) -> DataLoader:
    return DataLoader(
        TrainingSamples(folders, config.input, config.augment),
        batch_size=config.batch_size,
        sampler=MixedSampler(
            [len(folder) for folder in folders],
            [source.weight for source in config.train],
            config.samples_per_epoch,
            config.seed,
        ),
        num_workers=config.workers,
        persistent_workers=config.workers > 0,
        drop_last=True,
        worker_init_fn=_init_worker,
    )


def _init_worker(_worker: int) -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _best_checkpoint(config: TrainConfig) -> ModelCheckpoint:
    return ModelCheckpoint(
        dirpath=config.folder,
        filename=Path(BEST).stem,
        monitor='lane_iou',
        mode='max',
        enable_version_counter=False,
    )


def _last_checkpoint(config: TrainConfig) -> ModelCheckpoint:
    return ModelCheckpoint(
        dirpath=config.folder,
        filename=Path(LAST).stem,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


def _average_weights(decay: float) -> WeightAveraging:
    """Average over ever more steps, up to ``decay``: the start would weigh for epochs else."""

    def average(mean: torch.Tensor, current: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
        kept = min(decay, (1 + float(count)) / (10 + float(count)))
        return kept * mean + (1 - kept) * current

    return WeightAveraging(avg_fn=average)


def _make_trainer(config: TrainConfig, best: ModelCheckpoint, quiet: bool) -> Trainer:
    callbacks: list[Callback] = [
        best,
        _last_checkpoint(config),
        _average_weights(config.optimizer.ema_decay),
        LearningRateMonitor('epoch'),
    ]
    if not quiet:
        callbacks.append(RichProgressBar(leave=False))
    return Trainer(
        accelerator=config.accelerator,
        devices=1,
        precision=config.precision,  # type: ignore[arg-type]
        max_epochs=config.epochs,
        check_val_every_n_epoch=config.validate_every,
        num_sanity_val_steps=0,
        gradient_clip_val=config.optimizer.gradient_clip,
        callbacks=callbacks,
        logger=CSVLogger(config.folder, name=LOGS),
        enable_progress_bar=not quiet,
        enable_model_summary=False,
        default_root_dir=config.folder,
    )
