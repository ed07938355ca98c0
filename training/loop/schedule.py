"""The learning rate over the steps of a run."""

import math

from training.loop.settings import OptimizerConfig


def rate_factor(step: int, total_steps: int, config: OptimizerConfig) -> float:
    """
    Return what the learning rate is multiplied by: up to 1 in the warm-up, then down.

    :param step: optimizer steps done, from 0.
    :param total_steps: of the whole run, warm-up included.
    """
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    progress = min(1.0, (step - config.warmup_steps) / max(1, total_steps - config.warmup_steps))
    if config.schedule == 'poly':
        return (1 - progress) ** config.power
    if config.schedule == 'constant':
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * progress))


def total_steps(epochs: int, samples_per_epoch: int, batch_size: int, accumulate: int) -> int:
    """Return the optimizer steps of a run; an epoch's last step may average fewer batches."""
    return epochs * math.ceil(samples_per_epoch // batch_size / accumulate)
