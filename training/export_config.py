"""What the verb ``export`` can be told."""

from dataclasses import dataclass
from pathlib import Path

from training.errors import ConfigError


@dataclass(frozen=True)
class ExportConfig:
    """
    Make a bundle of a training run; a run that trained an adapter is exported with it folded in.

    :param run: the run's folder, or a checkpoint in one.
    :param output: the bundle's folder; a bundle that stands there is replaced.
    :param name: of the bundle; empty takes the name of its folder.
    :param description: one sentence for people.
    :param data_root: folder that the paths of data sets are relative to.
    :param lane_threshold: probability from which a pixel is lane marking; 0 chooses the best
        on augmented training samples.
    :param drop_adapters: replace a bundle whose adapters were made for other weights.
    """

    run: Path = Path('runs/lane_unet')
    output: Path = Path('models/lane_unet')
    name: str = ''
    description: str = ''
    data_root: Path = Path('../shared/data')
    lane_threshold: float = 0.0
    drop_adapters: bool = False

    def check(self) -> None:
        """
        Refuse settings that do not fit each other.

        :raises ConfigError: naming the flag and the remedy.
        """
        name = self.name or self.output.resolve().name
        if not name.strip() or not name.isprintable():
            raise ConfigError(f'--name is {name!r}: name the bundle in one line of text')
        if not 0 <= self.lane_threshold < 1:
            raise ConfigError(
                f'--lane_threshold is {self.lane_threshold}: name a probability below 1, '
                'or 0 to have it chosen'
            )
