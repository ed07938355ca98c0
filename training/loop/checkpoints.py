"""Checkpoints: the last one to go on from, the best ones to use; never half of one."""

import os
from pathlib import Path
import pickle
from typing import Any

from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from seg_node.atomic_files import replacing
import torch
from training.errors import ConfigError
from training.loop.monitoring import monitored, validation_metrics
from training.runs import BEST, LAST

#: Folder of the best checkpoints of a run that keeps several, the best name last.
BEST_FOLDER = 'best'
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
    """Let an error of the disk and Ctrl+C through, which torch buries under its own."""
    failed: list[BaseException] = []

    class Watched:
        def write(self, data: Any) -> int:
            try:
                return file.write(data)
            except BaseException as error:
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
        metrics = validation_metrics(trainer)
        score = monitored(metrics, self._monitor)
        # of two that are alike the later one, as the names in the folder sort
        is_best = not self.best or score >= self.best[self._monitor]
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


def _link(source: Path, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    os.link(source, path)
