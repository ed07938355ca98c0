"""The ways to adapt a network that are compared, each with the learning rate it is given."""

from dataclasses import dataclass, field
from typing import Literal

from torch import nn
from training.lora.batch_norm import batch_norms
from training.lora.config import LoraConfig


@dataclass(frozen=True)
class Arm:
    """
    One way to adapt.

    :param name: on the command line and in the files.
    :param title: in the tables.
    :param trains: what learns from the frames.
    :param learning_rate: of AdamW at its highest; all else of the training is the same for all.
    """

    name: str
    title: str
    trains: Literal['nothing', 'statistics', 'norms', 'head', 'adapter', 'all']
    learning_rate: float = 1.0
    lora: LoraConfig = field(default_factory=LoraConfig)

    @property
    def is_trained(self) -> bool:
        """Whether it takes steps of the optimizer, with labels."""
        return self.trains not in ('nothing', 'statistics')

    def freeze(self, network: nn.Module) -> tuple[str, ...]:
        """Return the patterns of parameters that stay, for ``TrainConfig.freeze``."""
        if self.trains == 'head':
            return ('*', '!head.*')
        if self.trains == 'norms':
            return ('*', *(f'!{name}.*' for name in batch_norms(network)))
        return ()


def _low_rank(name: str, title: str, learning_rate: float, lora: LoraConfig) -> Arm:
    return Arm(name, title, 'adapter', learning_rate, lora)


#: Conv-LoRA that folds into the base: linear, with a fixed gate.
_MERGEABLE = LoraConfig('conv_lora', rank=4, scales=(1,), gate='uniform', mergeable=True)
# The rates: of 5e-4, 1e-3, 2e-3 and 5e-3 what reached most for the least forgotten, five frames of
# a draw that is not in the tables: `python -m bench.adaptation --seeds 0 --shots 5 --rate 2e-3`.
# More than 1e-3 won nothing for LoRA (.786 on the track, then .773 and .775) and cost it two to
# three times as much of what it knew (lane IoU lost .045, then .134 and .114).
_DEFAULT = (
    Arm('source', 'source (as it is)', 'nothing'),
    Arm('adabn', 'AdaBN (no labels)', 'statistics'),
    Arm('bn_affine', 'batch norms', 'norms', 5e-3),
    Arm('head', 'head only', 'head', 5e-3),
    _low_rank('lora_r2', 'LoRA r2', 1e-3, LoraConfig('lora', rank=2)),
    _low_rank('lora_r4', 'LoRA r4', 1e-3, LoraConfig('lora', rank=4)),
    _low_rank('lora_r8', 'LoRA r8', 1e-3, LoraConfig('lora', rank=8)),
    _low_rank('dora_r4', 'DoRA r4', 1e-3, LoraConfig('dora', rank=4)),
    _low_rank('conv_lora_r4', 'Conv-LoRA r4, mergeable', 1e-3, _MERGEABLE),
    Arm('full', 'full fine-tuning', 'all', 5e-4),
)  # fmt: skip
#: Measured only when they are named.
_OPTIONAL = (
    _low_rank('conv_lora_r4_soft', 'Conv-LoRA r4, soft gate', 1e-3, LoraConfig('conv_lora')),
    _low_rank(
        'lora_r4_frozen', 'LoRA r4, batch norms frozen', 1e-3,
        LoraConfig('lora', batch_norm='frozen'),
    ),
    _low_rank(
        'lora_r2_affine', 'LoRA r2 and batch norms', 1e-3,
        LoraConfig('lora', rank=2, alpha=4, batch_norm='affine'),
    ),
)  # fmt: skip

DEFAULT_ARMS = tuple(arm.name for arm in _DEFAULT)
#: All that there are, by name, in the order of the tables.
ARMS = {arm.name: arm for arm in (*_DEFAULT, *_OPTIONAL)}
