"""What the loss of a training can be told."""

from dataclasses import dataclass
from typing import get_args, Literal

LossKind = Literal['bce_dice', 'bce', 'dice', 'cross_entropy', 'focal', 'structure']


@dataclass(frozen=True)
class LossConfig:
    """
    Kind and weights of the loss.

    :param kind: ``bce_dice``, ``bce`` and ``dice`` judge each label against all others;
        ``cross_entropy`` judges all labels at once; ``focal`` (Lin et al. 2017,
        https://arxiv.org/abs/1708.02002) is BCE that cares less for what is already right;
        ``structure`` is the weighted BCE and weighted IoU of Conv-LoRA and PraNet.
    :param class_weights: weight of each label's term, in the order of their ids.
    :param positive_weights: how much more a pixel of the label counts than one of the rest, in
        every BCE; lane markings are 1 to 5 % of the pixels. ``dice`` and ``cross_entropy``
        have no use for it; the published ``structure`` loss has 1 throughout.
    :param dice: weight of the Dice term of ``bce_dice``; the cross entropy has weight 1.
    :param focusing: exponent of ``focal``; 0 is plain BCE.
    :param edge_weight: how much more a pixel at an edge counts in ``structure``, at most.
    :param edge_window: side of the window that decides what is near an edge, pixels, odd.
    """

    class_weights: tuple[float, ...] = (0.25, 1.0, 0.5)
    positive_weights: tuple[float, ...] = (1.0, 2.0, 1.0)
    dice: float = 1.0
    kind: LossKind = 'bce_dice'
    focusing: float = 2.0
    edge_weight: float = 5.0
    edge_window: int = 31

    def __post_init__(self) -> None:
        """Refuse what cannot be computed, naming the field."""
        if self.kind not in get_args(LossKind):
            raise ValueError(f"kind: '{self.kind}' is none of {', '.join(get_args(LossKind))}")
        for field in ('class_weights', 'positive_weights'):
            if not all(0 <= value < float('inf') for value in getattr(self, field)):
                raise ValueError(f'{field}: {list(getattr(self, field))} must all be 0 or more')
        if not any(self.class_weights):
            raise ValueError('class_weights: all are 0, so nothing would be learnt')
        for field in ('dice', 'focusing', 'edge_weight'):
            if not 0 <= getattr(self, field) < float('inf'):
                raise ValueError(f'{field}: {getattr(self, field)} must be 0 or more')
        if self.edge_window < 1 or self.edge_window % 2 == 0:
            raise ValueError(f'edge_window: {self.edge_window} must be odd and 1 or more')
