"""What the verb ``adapt`` can be told."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from training.config import TrainConfig
from training.data.augment import AugmentConfig
from training.data.sources import SetConfig, SourceConfig
from training.errors import ConfigError
from training.loop.settings import OptimizerConfig
from training.lora.config import LoraConfig
from training.losses.config import LossConfig
from training.settings import check_name, check_range

#: Epochs that the steps are divided into, for the learning curve; nothing is chosen by them.
_EPOCHS = 10


@dataclass(frozen=True)
class AdaptConfig:
    """
    Teach a bundle's model a new place from a few labelled frames, as an adapter of the bundle.

    The training is that of ``train`` with ``init_from`` the bundle and ``lora``; it has no
    validation, for the frames are too few to give some away: the last weights are taken.

    :param bundle: whose model is adapted; it needs its model.safetensors.
    :param output: the bundle to write, with the adapter; empty puts it into ``bundle`` itself.
    :param name: of the adapter, which the node's parameter ``adapter`` then chooses.
    :param replace: take the place of an adapter of this name, and of its run.
    :param resume: go on with a run that was stopped.
    :param runs: folder of all runs; this one's is ``runs``/adapt_NAME.
    :param data_root: folder that the paths of data sets are relative to.
    :param data: the labelled frames to learn from.
    :param shots: how many of them, spread evenly over the part; 0 takes all.
    :param test: the set that the adapter is measured on, before and after.
    :param base_sets: sets that the model knew, on which it is measured how much of them the
        adapter forgets.
    :param lora: kind and size of the adapter.
    :param steps: of the optimizer; from ten on they are rounded down to tens.
    :param seed: of the adapter's first weights, draws and augmentation.
    :param precision: see ``train``; the checks before writing are in fp32 always.
    :param loss: empty takes the one that the bundle's model was trained with.
    """

    bundle: Path = Path('models/lane_unet')
    output: Path | None = None
    name: str = ''
    replace: bool = False
    resume: bool = False
    runs: Path = Path('runs')
    data_root: Path = Path('../shared/data')
    data: SourceConfig = field(default_factory=SourceConfig)
    shots: int = 0
    test: SetConfig = field(default_factory=SetConfig)
    base_sets: tuple[SetConfig, ...] = ()
    lora: LoraConfig = field(
        default_factory=lambda: LoraConfig(kind='lora', rank=2, alpha=4, batch_norm='affine')
    )
    steps: int = 300
    batch_size: int = 8
    seed: int = 1
    accelerator: Literal['auto', 'cpu', 'cuda'] = 'auto'
    precision: Literal['32-true', 'bf16-mixed', '16-mixed'] = 'bf16-mixed'
    threads: int = 2
    workers: int = 1
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig | None = None
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(
            learning_rate=2e-3, warmup_steps=20, ema_decay=0.98
        )
    )

    EXAMPLES: ClassVar[str] = 'example: python -m training adapt training/configs/adapt_track.yaml'

    @property
    def folder(self) -> Path:
        """Where the run keeps its checkpoints and figures."""
        return self.runs / f'adapt_{self.name}'

    @property
    def target(self) -> Path:
        """The bundle that is written."""
        return self.output or self.bundle

    @property
    def source(self) -> SourceConfig:
        """The frames to learn from, no more than ``shots``."""
        return replace(self.data, shots=self.shots) if self.shots else self.data

    @property
    def steps_done(self) -> int:
        """The steps, rounded down as said above."""
        epochs = min(_EPOCHS, self.steps)
        return self.steps // epochs * epochs

    def check(self) -> None:
        """
        Refuse settings that do not fit each other.

        :raises ConfigError: naming the flag and the remedy.
        """
        check_name(self.name, 'the adapter, such as track,')
        for flag, item in (('data', self.data), ('test', self.test)):
            if not item.path:
                raise ConfigError(
                    f'--{flag}.path is missing: name a pairs folder, as '
                    'training/configs/adapt_track.yaml does'
                )
        if self.lora.kind == 'none':
            raise ConfigError(
                '--lora.kind is none, which adapts nothing: use lora, dora, conv_lora'
            )
        check_range(self, ('steps', 'batch_size'), 1)
        if self.shots < 0:
            raise ConfigError(f'--shots is {self.shots}: use 0 (all frames) or more')
        if self.replace and self.resume:
            raise ConfigError('--replace starts over and --resume goes on: say one of them')

    def as_training(self, **base: Any) -> TrainConfig:
        """
        Return the same as settings of ``train``.

        :param base: what the bundle decides: network, input, labels, loss.
        """
        epochs = min(_EPOCHS, self.steps)
        names = (
            'runs', 'resume', 'data_root', 'seed', 'batch_size', 'accelerator', 'precision',
            'threads', 'workers', 'augment', 'optimizer', 'lora',
        )  # fmt: skip
        return TrainConfig(
            name=self.folder.name,
            init_from=self.bundle,
            epochs=epochs,
            samples_per_epoch=self.steps // epochs * self.batch_size,
            validate_every=epochs,
            monitor='mean_iou',
            train=(self.source,),
            validation=(_as_set(self.source),),
            **{name: getattr(self, name) for name in names},
            **base,
        )


def _as_set(source: SourceConfig) -> SetConfig:
    """Return a source without what only training needs."""
    names = SetConfig.__dataclass_fields__
    return SetConfig(**{name: getattr(source, name) for name in names})
