"""The validation metric that a run goes by."""

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
import numpy as np
from training.data.pairs import PairsFolder
from training.errors import ConfigError
from training.evaluation.counts import pool
from training.evaluation.judge import Judge


def validation_metrics(trainer: Trainer) -> dict[str, float]:
    """Return what the latest validation gave."""
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def check_monitor(monitor: str, folders: Sequence[PairsFolder]) -> None:
    """
    Refuse a metric that the validation will not give, before hours are spent.

    :raises ConfigError: naming those that it gives.
    """
    blank = np.zeros((1, 1), np.uint8)
    monitored(pool([Judge.of(folder).count(blank, blank) for folder in folders]), monitor)


def monitored(metrics: dict[str, float], monitor: str) -> float:
    """
    Return the metric that a run goes by.

    :raises ConfigError: when the validation does not give it, naming those that it gives.
    """
    if monitor not in metrics:
        raise ConfigError(
            f'--monitor is {monitor}, which these validation sets together do not give; they give '
            f'{", ".join(sorted(metrics))}'
        )
    return metrics[monitor]


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
        score = monitored(validation_metrics(trainer), self._monitor)
        self._waited = 0 if score > self._best else self._waited + 1
        self._best = max(self._best, score)
        trainer.should_stop = trainer.should_stop or self._waited >= self._patience

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run has to know."""
        return {'best': self._best, 'waited': self._waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        self._best, self._waited = state_dict['best'], state_dict['waited']
