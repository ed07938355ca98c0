"""What the verb ``inspect`` can be told."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from training.config import TrainConfig
from training.settings import check_range


@dataclass(frozen=True)
class InspectConfig(TrainConfig):
    """
    A training, looked at before it is run; all other keys are those of ``train``.

    :param output: folder for the contact sheet, the report and the list of problems.
    :param sheet: samples on the contact sheet, as the network would see them.
    :param near_duplicate: mean difference in grey levels of small pictures below which one
        repeats another.
    :param timing: measure steps of this training with its loader and without.
    :param timing_steps: steps of each.
    """

    EXAMPLES: ClassVar[str] = """examples:
  python -m training inspect training/configs/lane_unet.yaml --output out/inspect
  python -m training inspect training/configs/lane_unet.yaml --timing --workers 1"""

    output: Path = Path('out/inspect')
    sheet: int = 24
    near_duplicate: float = 1.0
    timing: bool = False
    timing_steps: int = 20

    def check(self) -> None:
        """
        Refuse settings that do not fit each other.

        :raises ConfigError: naming the flag and the remedy.
        """
        super().check()
        check_range(self, ('sheet',), 1)
        check_range(self, ('timing_steps',), 2)
        check_range(self, ('near_duplicate',), 0)
