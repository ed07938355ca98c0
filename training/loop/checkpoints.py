"""Checkpoints: the last one to go on from, the best ones to use; never half of one."""

import json
import os
from pathlib import Path
import pickle
from typing import Any

from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, Checkpoint
from seg_node.atomic_files import replacing
import torch
from training.config import TrainConfig
from training.errors import ConfigError
from training.runs import BEST, FACTS, LAST

#: Folder of the best checkpoints of a run that keeps several, the best name last.
BEST_FOLDER = 'best'
#: Settings that a run may be gone on with, changed.
_MAY_CHANGE = (
    'accelerator', 'data_root', 'devices', 'epochs', 'keep_best', 'name', 'num_nodes', 'patience',
    'resume', 'runs', 'strategy', 'threads', 'workers',
)  # fmt: skip
_DAMAGED = (pickle.UnpicklingError, OSError, RuntimeError, EOFError, ValueError, KeyError)


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint whole or not at all, and never unpickles code."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """
        Replace a file by a checkpoint.

        :raises OSError: when it cannot be written; the old one is untouched then.
        """
        try:
            with replacing(Path(path)) as temporary, temporary.open('wb') as file:
                _save(checkpoint, file)
        except OSError as error:
            error.filename = str(path)
            raise

    def load_checkpoint(self, path: Any, *_: Any, **__: Any) -> dict[str, Any]:
        """
        Read a checkpoint.

        :raises ConfigError: when it is damaged.
        """
        try:
            return torch.load(path, map_location='cpu', weights_only=True)
        except _DAMAGED as error:
            raise ConfigError(
                f'{path} is damaged and cannot be gone on from: start the run again under '
                f'another --name, with --init_from {Path(path).parent} where {BEST} is whole'
            ) from error


def _save(checkpoint: dict[str, Any], file: Any) -> None:
    """Let an error of the disk through, which torch buries under its own."""
    failed: list[OSError] = []

    class Watched:
        def write(self, data: Any) -> int:
            try:
                return file.write(data)
            except OSError as error:
                failed.append(error)
                raise

        def flush(self) -> None:
            file.flush()

    try:
        torch.save(checkpoint, Watched())  # type: ignore[arg-type]
    except RuntimeError:
        if failed:
            raise failed[0] from None
        raise


def checkpoint_to_resume(config: TrainConfig) -> Path | None:
    """
    Return the checkpoint that a run goes on from, or None for a new run.

    :raises ConfigError: when there is none to go on from, one that would be overwritten, or one
        of a run with other settings.
    """
    last = config.folder / LAST
    if config.resume and not last.is_file():
        raise ConfigError(f'--resume: {last} does not exist; start the run without --resume')
    if last.is_file() and not config.resume:
        raise ConfigError(
            f'{config.folder} holds a run already: go on with --resume, or choose another --name'
        )
    if not config.resume:
        return None
    _refuse_other_settings(config)
    return last


def epoch_after(checkpoint: Path | None) -> int:
    """
    Return the epoch that a run goes on with, from 0.

    :raises ConfigError: when the checkpoint is damaged.
    """
    if checkpoint is None:
        return 0
    return int(AtomicCheckpointIO().load_checkpoint(checkpoint)['epoch']) + 1


def _refuse_other_settings(config: TrainConfig) -> None:
    path = config.folder / FACTS
    try:
        before = _flat(json.loads(path.read_text(encoding='utf-8'))['config'])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f'--resume: {path} does not state the settings of the run ({error}): start it again '
            'under another --name'
        ) from error
    now = _flat(config.as_dict())
    for key in sorted(before.keys() & now.keys()):
        if key.partition('.')[0] not in _MAY_CHANGE and before[key] != now[key]:
            raise ConfigError(
                f'--resume: the run was started with {key} {before[key]}, not {now[key]}: give '
                'it the old value, or start another --name with --init_from'
            )


def _flat(settings: dict[str, Any], prefix: str = '') -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat |= _flat(value, f'{prefix}{key}.')
        else:
            flat[f'{prefix}{key}'] = value
    return flat


class RunCheckpoints(Checkpoint):
    """
    Keeps ``last.ckpt`` of each epoch's end, ``best.ckpt`` and the next best ones.

    With ``keep`` above 1 the folder ``best`` holds that many, named so that the best one sorts
    last; ``best.ckpt`` is the same file as that one.
    """

    def __init__(self, folder: Path, monitor: str, keep: int) -> None:
        self._folder, self._monitor, self._keep = folder, monitor, keep
        self._scores: dict[str, float] = {}  # name in the folder of the best: score
        self.best: dict[str, float] = {}  # all metrics of the best validation

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the checkpoint when it is among the best."""
        metrics = _metrics(trainer)
        score = _score(metrics, self._monitor)
        is_best = not self.best or score > self.best[self._monitor]
        if is_best:
            self.best = {**metrics, 'epoch': trainer.current_epoch}
            trainer.save_checkpoint(self._folder / BEST)
        if self._keep > 1:
            self._keep_among_best(trainer, score, is_best)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save what a resumed run goes on from, after all else of the epoch is done."""
        trainer.save_checkpoint(self._folder / LAST)

    def _keep_among_best(self, trainer: Trainer, score: float, is_best: bool) -> None:
        name = f'{self._monitor}{score:.4f}_epoch{trainer.current_epoch:04d}.ckpt'
        ranking = sorted([*self._scores.items(), (name, score)], key=lambda item: item[1])
        self._scores = dict(ranking[-self._keep :])
        folder = self._folder / BEST_FOLDER
        if name in self._scores and not is_best:
            trainer.save_checkpoint(folder / name)
        if trainer.is_global_zero:
            if is_best:
                _link(self._folder / BEST, folder / name)
            for dropped, _ in ranking[: -self._keep]:
                (folder / dropped).unlink(missing_ok=True)

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run has to know."""
        return {'scores': self._scores, 'best': self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with what another start found."""
        self._scores, self.best = state_dict['scores'], state_dict['best']


class StopEarly(Callback):
    """Ends a run whose validation metric has not become better for a while."""

    def __init__(self, monitor: str, patience: int) -> None:
        self._monitor, self._patience = monitor, patience
        self._best, self._waited = float('-inf'), 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave a resumed run alone that had ended so."""
        trainer.should_stop = trainer.should_stop or self._waited >= self._patience

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count the validations without a better one."""
        score = _score(_metrics(trainer), self._monitor)
        self._waited = 0 if score > self._best else self._waited + 1
        self._best = max(self._best, score)
        trainer.should_stop = trainer.should_stop or self._waited >= self._patience

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run has to know."""
        return {'best': self._best, 'waited': self._waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        self._best, self._waited = state_dict['best'], state_dict['waited']


def _link(source: Path, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    os.link(source, path)


def _metrics(trainer: Trainer) -> dict[str, float]:
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def _score(metrics: dict[str, float], monitor: str) -> float:
    if monitor not in metrics:
        raise ConfigError(
            f'--monitor is {monitor}, which these validation sets do not give; they give '
            f'{", ".join(sorted(metrics))}'
        )
    return metrics[monitor]
