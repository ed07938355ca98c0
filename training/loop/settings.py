"""What the loop of a training can be told, in groups."""

from dataclasses import dataclass
import math
from pathlib import Path
from typing import Literal

from training.errors import ConfigError
from training.losses.distillation import DistillationKind

PRECISIONS = ('32-true', 'bf16-mixed', '16-mixed')


@dataclass(frozen=True)
class OptimizerConfig:
    """
    AdamW with a linear warm-up and a falling learning rate.

    :param schedule: after the warm-up ``cosine`` falls to zero as half a cosine, ``poly`` as
        (1 - progress) ** ``power``, ``constant`` stays.
    :param power: of ``poly``.
    :param warmup_steps: steps over which the learning rate rises.
    :param ema_decay: of the running average of weights that is validated and shipped; 0 ships
        the weights as they are.
    :param gradient_clip: largest norm of the gradient; 0 leaves it alone.
    :param accumulate: batches whose gradients are averaged before one step.
    """

    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    schedule: Literal['cosine', 'poly', 'constant'] = 'cosine'
    power: float = 0.9
    warmup_steps: int = 100
    ema_decay: float = 0.995
    gradient_clip: float = 1.0
    accumulate: int = 1

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be, naming the field."""
        for name in ('learning_rate', 'power'):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(f'optimizer.{name} is {value}: use a positive number')
        for name in ('weight_decay', 'warmup_steps', 'gradient_clip'):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ConfigError(f'optimizer.{name} is {value}: use 0 or more')
        if not 0 <= self.ema_decay < 1:
            raise ConfigError(
                f'optimizer.ema_decay is {self.ema_decay}: use 0 up to less than 1 '
                '(0.995 is usual)'
            )
        if self.accumulate < 1:
            raise ConfigError(f'optimizer.accumulate is {self.accumulate}: use 1 or more')


@dataclass(frozen=True)
class DistillConfig:
    """
    How a teacher's answers are learnt beside the masks.

    Its answers are those of a network that sees the same batch (``run``), or lie as files beside
    the masks (``soft_labels`` of a training source), or both.

    :param run: the teacher: a run folder, a bundle folder, or none.
    :param kind: ``pixel`` compares the labels at each pixel, ``channel`` where each label is.
    :param weight: of the distillation term beside the loss of the masks.
    :param temperature: by which both networks' logits are divided: above 1 the teacher's second
        choices count for more (Hinton et al. 2015, https://arxiv.org/abs/1503.02531).
    """

    run: Path | None = None
    weight: float = 1.0
    temperature: float = 2.0
    kind: DistillationKind = 'pixel'

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be, naming the field."""
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise ConfigError(f'teacher.weight is {self.weight}: use 0 or more (1 is usual)')
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ConfigError(
                f'teacher.temperature is {self.temperature}: use a positive number (2 is usual)'
            )
