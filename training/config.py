"""What the verb ``train`` can be told."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from seg_node.preprocess import InputSpec
from training.data.augment import AugmentConfig
from training.data.sources import SetConfig, SourceConfig
from training.errors import ConfigError
from training.losses.config import LossConfig
from training.models.unet import UNetConfig
from training.settings import plain


@dataclass(frozen=True)
class OptimizerConfig:
    """
    AdamW with a linear warm-up and a cosine to zero.

    :param warmup_steps: steps over which the learning rate rises.
    :param ema_decay: of the running average of weights that is validated and shipped.
    :param gradient_clip: largest norm of the gradient.
    """

    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warmup_steps: int = 100
    ema_decay: float = 0.995
    gradient_clip: float = 1.0


@dataclass(frozen=True)
class TrainConfig:
    """
    One training run.

    :param name: of the run; its folder is ``runs``/NAME.
    :param data_root: folder that the paths of sources are relative to.
    :param runs: folder of all runs.
    :param resume: go on from the run's last checkpoint.
    :param start_from: a run, or a bundle's model.safetensors, whose weights are the first ones;
        empty starts from chance.
    :param seed: of weights, draws and augmentation.
    :param epochs: how often ``samples_per_epoch`` samples are drawn.
    :param samples_per_epoch: drawn from the sources by their weights.
    :param accelerator: ``auto`` takes a GPU where there is one.
    :param precision: ``bf16-mixed`` is three times faster than ``32-true`` on CPUs with AMX.
    :param threads: of the trainer; 0 leaves torch's choice.
    :param workers: processes that read and augment.
    :param validate_every: epochs between two validations.
    :param train: sources to learn from.
    :param validation: sources that choose the best checkpoint, by their pooled ``lane_iou``.
    :param network: shape of the U-Net.
    :param input: size and normalisation of the pictures.
    """

    name: str = 'lane_unet'
    data_root: Path = Path('../shared/data')
    runs: Path = Path('runs')
    resume: bool = False
    start_from: Path | None = None
    seed: int = 1
    epochs: int = 30
    samples_per_epoch: int = 800
    batch_size: int = 8
    accelerator: Literal['auto', 'cpu', 'cuda'] = 'auto'
    precision: str = 'bf16-mixed'
    threads: int = 2
    workers: int = 1
    validate_every: int = 2
    train: tuple[SourceConfig, ...] = ()
    validation: tuple[SetConfig, ...] = ()
    network: UNetConfig = field(default_factory=UNetConfig)
    input: InputSpec = field(default_factory=InputSpec)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)

    @property
    def folder(self) -> Path:
        """Where the run keeps its checkpoints and figures."""
        return self.runs / self.name

    def check(self) -> None:
        """
        Refuse settings that do not fit each other.

        :raises ConfigError: naming the flag and the remedy.
        """
        if not self.train or not self.validation:
            raise ConfigError(
                'no data: list sources under train and validation, as '
                'training/configs/lane_unet.yaml does'
            )
        stride = self.network.stride
        for flag, value in (('width', self.input.width), ('height', self.input.height)):
            if value % stride:
                raise ConfigError(
                    f'--input.{flag} is {value}, this network needs multiples of {stride}: '
                    f'use {max(1, round(value / stride)) * stride}, or fewer --network.widths'
                )
        weights = {len(self.loss.class_weights), len(self.loss.positive_weights)}
        if weights != {self.network.classes}:
            raise ConfigError(
                f'--loss.class_weights and --loss.positive_weights need {self.network.classes} '
                'values each, one for each of --network.classes'
            )
        if self.samples_per_epoch < self.batch_size:
            raise ConfigError(
                f'--samples_per_epoch is {self.samples_per_epoch}, less than one --batch_size '
                f'of {self.batch_size}: raise it'
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain values, ready for JSON."""
        return plain(asdict(self))
