"""A running average of the weights, which is what gets validated, kept and shipped."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
import torch
from torch import distributed
from training.loop.processes import process_count

_CURRENT, _UPDATES = 'current_weights', 'average_updates'


class AverageWeights(Callback):
    """
    Average what learns: trainable parameters and the float buffers (batch-norm statistics).

    Frozen parameters are not touched, so an adapter's base stays the same to the bit. The average
    reaches over ever more steps, up to ``decay``: the start would weigh for epochs else. In a
    checkpoint ``state_dict`` holds the average, and what a resumed run goes on from lies beside.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._average: dict[str, torch.Tensor] = {}
        self._updates = self._last_step = 0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with the first weights, or go on with the average of a checkpoint."""
        self._last_step = trainer.global_step
        for name, tensor in _learning(pl_module).items():
            start = self._average.get(name, tensor)
            self._average[name] = start.detach().to(tensor.device, copy=True)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Take in the weights after a step of the optimizer."""
        if trainer.global_step <= self._last_step:
            return
        self._last_step = trainer.global_step
        current = _learning(pl_module)
        kept = min(self._decay, (1 + self._updates) / (10 + self._updates)) if self._updates else 0
        torch._foreach_lerp_(
            [self._average[name] for name in current], list(current.values()), 1.0 - kept
        )
        self._updates += 1

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the average be validated."""
        if process_count() > 1:  # each process has seen other pictures: the same net everywhere
            for tensor in self._average.values():
                distributed.broadcast(tensor, 0)
        self._swap(pl_module)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the weights that learn back."""
        self._swap(pl_module)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the average in the place of the weights, and these beside it."""
        state = checkpoint['state_dict']
        checkpoint[_CURRENT] = {name: state[name] for name in self._average}
        checkpoint[_UPDATES] = self._updates
        checkpoint['state_dict'] = {**state, **self._average}

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Take both from a checkpoint."""
        current = checkpoint.get(_CURRENT, {})
        self._average = {name: checkpoint['state_dict'][name] for name in current}
        self._updates = checkpoint.get(_UPDATES, 0)
        pl_module.load_state_dict(current, strict=False)

    def _swap(self, module: LightningModule) -> None:
        for name, tensor in _learning(module).items():
            average = self._average[name]
            kept = average.clone()
            average.copy_(tensor)
            tensor.copy_(kept)


def _learning(module: LightningModule) -> dict[str, torch.Tensor]:
    """Return by name what changes while training, without its history."""
    frozen = {name for name, p in module.named_parameters() if not p.requires_grad}
    return {
        name: tensor
        for name, tensor in module.state_dict().items()
        if tensor.is_floating_point() and name not in frozen
    }
