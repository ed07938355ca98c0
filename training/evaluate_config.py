"""What the verb ``evaluate`` can be told."""

from dataclasses import dataclass, fields
from pathlib import Path

from training.data.sources import SetConfig
from training.errors import ConfigError


@dataclass(frozen=True)
class EvaluateConfig(SetConfig):
    """
    Measure a model on one pairs folder, or on several that a YAML file lists.

    :param model: a bundle, a run folder, or a checkpoint in one.
    :param data_root: folder that the paths of data sets are relative to.
    :param sets: several sets, instead of ``path`` and its companions.
    :param engine: of a bundle: auto, onnxruntime, openvino, torch or tensorrt.
    :param precision: of a bundle: auto, fp32, bf16 or int8.
    :param adapter: of a bundle; empty for its base model.
    :param threads: 0 for one a core.
    :param lane_threshold: of a run, which has chosen none yet; a bundle states its own.
    :param overlays: folder to write the worst frames to, prediction beside truth.
    :param worst: how many of them, for each set.
    """

    model: Path = Path('models/lane_unet')
    data_root: Path = Path('../shared/data')
    sets: tuple[SetConfig, ...] = ()
    compare: tuple[str, ...] = ()
    engine: str = 'auto'
    precision: str = 'auto'
    adapter: str = ''
    threads: int = 0
    lane_threshold: float = 0.5
    overlays: Path | None = None
    worst: int = 8

    def check(self) -> None:
        """
        Refuse settings that do not fit each other.

        :raises ConfigError: naming the flag and the remedy.
        """
        if bool(self.path) == bool(self.sets):
            raise ConfigError(
                'name one data set with --path (and what it annotates with --annotated), or '
                'list several under sets in a YAML file, not both'
            )

    @property
    def all_sets(self) -> tuple[SetConfig, ...]:
        """The sets to measure on."""
        if self.sets:
            return self.sets
        names = [item.name for item in fields(SetConfig)]
        return (SetConfig(**{name: getattr(self, name) for name in names}),)
