"""What the verb ``evaluate`` can be told."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import ClassVar

from training.data.sources import SetConfig
from training.errors import ConfigError
from training.evaluation.bootstrap import BootstrapConfig
from training.settings import check_range


@dataclass(frozen=True)
class EvaluateConfig(SetConfig):
    """
    Measure models on one pairs folder, or on several that a YAML file lists.

    :param model: a bundle, a run folder, or a checkpoint in one; see below for how to name an
        adapter, an engine and a precision with it.
    :param compare: further models, named likewise, measured beside the first one.
    :param data_root: folder that the paths of data sets are relative to.
    :param sets: several sets, instead of ``path`` and its companions.
    :param engine: of bundles that name none: auto, onnxruntime, openvino, torch or tensorrt.
    :param precision: of bundles that name none: auto, fp32, bf16 or int8.
    :param adapter: of ``model``, when that is a bundle; empty for its base model.
    :param threads: 0 for one a core.
    :param lane_threshold: of runs, which have chosen none yet; a bundle states its own.
    :param sweep: measure every threshold of lane marking too.
    :param bootstrap: intervals of all figures.
    :param report: folder to write report.md, report.json, curves and the worst frames to.
    :param write_soft_labels: folder to write what ``model`` says of the set to, as a training's
        ``soft_labels`` reads it: for a smaller network, to which ``model`` is the teacher.
    :param overlays: folder to write the worst frames to, prediction beside truth.
    :param worst: how many of them, for each set.
    """

    model: Path = Path('models/lane_unet')
    compare: tuple[str, ...] = ()
    data_root: Path = Path('../shared/data')
    sets: tuple[SetConfig, ...] = ()
    engine: str = 'auto'
    precision: str = 'auto'
    adapter: str = ''
    threads: int = 0
    lane_threshold: float = 0.5
    sweep: bool = False
    bootstrap: BootstrapConfig = field(default_factory=BootstrapConfig)
    report: Path | None = None
    write_soft_labels: Path | None = None
    overlays: Path | None = None
    worst: int = 8

    EXAMPLES: ClassVar[str] = """examples:
  python -m training evaluate training/configs/zero_shot.yaml
  python -m training evaluate --path track_tape --annotated lane_marking --sweep
  python -m training evaluate training/configs/zero_shot.yaml --report out/report \\
      --model models/lane_unet --compare models/lane_unet@openvino/bf16,runs/lane_unet
  python -m training evaluate --model runs/large --path carla_town_a \\
      --write_soft_labels out/soft/carla_town_a

models are named PATH[:ADAPTER][@ENGINE[/PRECISION]]:
  models/lane_unet                      a bundle, on the engine that is fastest here
  models/lane_unet:night                an adapter of it
  models/lane_unet:night@openvino/fp32  on an engine, in a precision
  runs/lane_unet                        a run, its best checkpoint
  runs/lane_unet/last.ckpt              any checkpoint of a run"""

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
        check_range(self, ('lane_threshold',), 0, 1)
        check_range(self, ('threads',), 0)
        check_range(self, ('worst',), 1)
        if self.write_soft_labels and len(self.all_sets) > 1:
            raise ConfigError(
                '--write_soft_labels holds the soft labels of one set: name one with --path'
            )
        if len(self.compare) > 25:
            raise ConfigError('--compare names more than 25 models: name fewer')
        self.bootstrap.check()

    @property
    def all_sets(self) -> tuple[SetConfig, ...]:
        """The sets to measure on."""
        if self.sets:
            return self.sets
        names = [item.name for item in fields(SetConfig)]
        return (SetConfig(**{name: getattr(self, name) for name in names}),)
