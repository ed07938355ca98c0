"""What the verb ``train`` can be told."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from seg_node.preprocess import InputSpec
from training.data.augment import AugmentConfig
from training.data.label_table import LANE_NAMES
from training.data.sources import SetConfig, SourceConfig
from training.errors import ConfigError
from training.loop.settings import DistillConfig, OptimizerConfig, PRECISIONS
from training.lora.config import LoraConfig
from training.losses.config import LossConfig
from training.models.unet import UNetConfig
from training.settings import check_name, check_range, plain


@dataclass(frozen=True)
class TrainConfig:
    """
    One training run.

    :param name: of the run; its folder is ``runs``/NAME.
    :param data_root: folder that the paths of sources are relative to.
    :param runs: folder of all runs.
    :param resume: go on from the run's last checkpoint.
    :param init_from: whose weights are the first ones: a run folder, a *.safetensors file, or a
        bundle folder, which states the shape of the network too; empty starts from chance.
    :param lora: train an adapter beside the network instead of the network itself.
    :param freeze: patterns (``*``, ``?``) on names of parameters that stay as they are; one that
        begins with ``!`` sets free again what earlier ones froze. ``['*', '!head.*']`` trains the
        head alone. A batch norm whose parameters are all frozen keeps its statistics too.
    :param teacher: a larger network that this one imitates.
    :param labels: names of the labels, by their ids in the masks.
    :param seed: of weights, draws and augmentation.
    :param epochs: how often ``samples_per_epoch`` samples are drawn.
    :param samples_per_epoch: drawn from the sources by their weights.
    :param batch_size: samples of all processes together that make one gradient.
    :param accelerator: ``auto`` takes a GPU where there is one.
    :param precision: ``bf16-mixed`` is three times faster than ``32-true`` on CPUs with AMX;
        ``16-mixed`` scales the loss, for GPUs that have no bf16.
    :param devices: processes on each machine, one for each GPU (or share of the CPU cores).
    :param num_nodes: machines that train together.
    :param strategy: how they do: ``auto`` is ``ddp`` where there are several.
    :param threads: of the trainer; 0 leaves torch's choice.
    :param workers: processes that read and augment.
    :param validate_every: epochs between two validations.
    :param monitor: the validation metric that chooses the best checkpoint; more is better.
    :param patience: validations without a better ``monitor`` after which the run ends; 0 never.
    :param keep_best: how many of the best checkpoints are kept.
    :param train: sources to learn from.
    :param validation: sources that choose the best checkpoint, by the pooled ``monitor``.
    :param network: shape of the U-Net.
    :param input: size and normalisation of the pictures.
    """

    name: str = 'lane_unet'
    data_root: Path = Path('../shared/data')
    runs: Path = Path('runs')
    resume: bool = False
    init_from: Path | None = None
    seed: int = 1
    epochs: int = 30
    samples_per_epoch: int = 800
    batch_size: int = 8
    accelerator: Literal['auto', 'cpu', 'cuda'] = 'auto'
    precision: Literal['32-true', 'bf16-mixed', '16-mixed'] = 'bf16-mixed'
    devices: int = 1
    num_nodes: int = 1
    strategy: str = 'auto'
    threads: int = 2
    workers: int = 1
    validate_every: int = 2
    monitor: str = 'lane_iou'
    patience: int = 0
    keep_best: int = 1
    train: tuple[SourceConfig, ...] = ()
    validation: tuple[SetConfig, ...] = ()
    network: UNetConfig = field(default_factory=UNetConfig)
    input: InputSpec = field(default_factory=InputSpec)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    lora: LoraConfig = field(default_factory=LoraConfig)
    freeze: tuple[str, ...] = ()
    teacher: DistillConfig = field(default_factory=DistillConfig)
    labels: tuple[str, ...] = LANE_NAMES

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
        check_name(self.name, 'the run')
        self._check_numbers()
        self._check_shapes()
        self._check_processes()

    def _check_numbers(self) -> None:
        check_range(
            self,
            ('epochs', 'batch_size', 'validate_every', 'keep_best', 'devices', 'num_nodes'),
            least=1,
        )
        check_range(self, ('threads', 'workers', 'patience'), least=0)
        check_range(self, ('seed',), least=0, most=2**32 - 1)
        if self.validate_every > self.epochs:
            raise ConfigError(
                f'--validate_every is {self.validate_every} and --epochs {self.epochs}: nothing '
                'would be validated, and so no checkpoint be the best; use no more than the epochs'
            )

    def _check_shapes(self) -> None:
        stride = self.network.stride
        for flag, value in (('width', self.input.width), ('height', self.input.height)):
            if value % stride:
                raise ConfigError(
                    f'--input.{flag} is {value}, this network needs multiples of {stride}: '
                    f'use {max(1, round(value / stride)) * stride}, or fewer --network.widths'
                )
        if len(self.labels) != self.network.classes:
            raise ConfigError(
                f'--labels names {len(self.labels)} and --network.classes is '
                f'{self.network.classes}: every class needs a name'
            )
        if len(set(self.labels)) < len(self.labels):
            raise ConfigError(f'--labels is {list(self.labels)}: give each class its own name')
        weights = {len(self.loss.class_weights), len(self.loss.positive_weights)}
        if weights != {self.network.classes}:
            raise ConfigError(
                f'--loss.class_weights and --loss.positive_weights need {self.network.classes} '
                'values each, one for each of --network.classes'
            )

    def _check_processes(self) -> None:
        if self.precision not in PRECISIONS:
            raise ConfigError(f'--precision is {self.precision}: use {", ".join(PRECISIONS)}')
        if self.samples_per_epoch < self.batch_size:
            raise ConfigError(
                f'--samples_per_epoch is {self.samples_per_epoch}, less than one --batch_size '
                f'of {self.batch_size}: raise it'
            )
        if self.batch_size % (self.devices * self.num_nodes):
            raise ConfigError(
                f'--batch_size is {self.batch_size}, which {self.devices * self.num_nodes} '
                'processes cannot share: use a multiple of --devices times --num_nodes'
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain values, ready for JSON."""
        return plain(asdict(self))
