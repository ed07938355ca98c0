"""What an adapter can be told."""

from dataclasses import dataclass
import math
from typing import Literal

from training.errors import ConfigError

KINDS = ('none', 'lora', 'dora', 'conv_lora')
FACTORIZATIONS = ('peft', 'loralib')
BATCH_NORMS = ('frozen', 'statistics', 'affine')
GATES = ('soft', 'top_k', 'uniform')


@dataclass(frozen=True)
class LoraConfig:
    """
    One adapter: which layers, how large, and what becomes of the batch norms.

    :param kind: ``none`` trains the network itself; ``lora`` adds a product of two thin kernels to
        each target; ``dora`` trains the length of every output channel's kernel besides;
        ``conv_lora`` puts convolution experts of several scales between the two kernels.
    :param rank: channels between the two kernels.
    :param alpha: the product is scaled by alpha / rank.
    :param rslora: scale by alpha / sqrt(rank) instead (Kalajdzievski 2023,
        https://arxiv.org/abs/2312.03732), for which large ranks learn as fast as small ones.
    :param factorization: of a convolution: ``peft`` is k x k to ``rank`` channels, then 1 x 1;
        ``loralib`` is one matrix product of rank ``rank * k`` that is reshaped to the kernel.
    :param targets: patterns (``*``, ``?``) on names of modules; ``head`` is a name of its own.
    :param dropout: of the input of the adapter while training.
    :param batch_norm: ``frozen`` keeps statistics and affine parameters as the base has them;
        ``statistics`` follows those of the new data; ``affine`` trains scale and shift besides.
    :param scales: of the experts of Conv-LoRA: by how much each one enlarges the feature map.
    :param gate: of Conv-LoRA: ``soft`` weighs all experts, ``top_k`` the best ones, ``uniform``
        gives all the same weight.
    :param top_k: experts that the gate ``top_k`` lets through.
    :param balance: weight of Conv-LoRA's balancing loss.
    :param mergeable: let Conv-LoRA be linear with a fixed gate, so that it folds into the base.
    """

    kind: Literal['none', 'lora', 'dora', 'conv_lora'] = 'none'
    rank: int = 4
    alpha: float = 8.0
    rslora: bool = False
    factorization: Literal['peft', 'loralib'] = 'peft'
    targets: tuple[str, ...] = ('encoder.*', 'decoder.*')
    dropout: float = 0.0
    batch_norm: Literal['frozen', 'statistics', 'affine'] = 'statistics'
    scales: tuple[int, ...] = (1, 2, 4)
    gate: Literal['soft', 'top_k', 'uniform'] = 'soft'
    top_k: int = 1
    balance: float = 0.01
    mergeable: bool = False

    def __post_init__(self) -> None:
        """
        Refuse what cannot be built.

        :raises ConfigError: naming the field, as the command line writes it.
        """
        self._check_choices()
        self._check_numbers()

    @property
    def scaling(self) -> float:
        """What the product of the two kernels is multiplied by."""
        return self.alpha / (math.sqrt(self.rank) if self.rslora else self.rank)

    def _check_choices(self) -> None:
        choices = (
            ('kind', self.kind, KINDS),
            ('factorization', self.factorization, FACTORIZATIONS),
            ('batch_norm', self.batch_norm, BATCH_NORMS),
            ('gate', self.gate, GATES),
        )
        for name, value, known in choices:
            if value not in known:
                raise ConfigError(f'lora.{name} is {value!r}: choose {", ".join(known)}')

    def _check_numbers(self) -> None:
        if self.rank < 1:
            raise ConfigError(f'lora.rank is {self.rank}: use 1 or more (4 is usual)')
        if not (math.isfinite(self.alpha) and self.alpha > 0):
            raise ConfigError(f'lora.alpha is {self.alpha}: use a positive number (8 is usual)')
        if not 0 <= self.dropout < 1:
            raise ConfigError(f'lora.dropout is {self.dropout}: use 0 up to less than 1')
        if not (math.isfinite(self.balance) and self.balance >= 0):
            raise ConfigError(f'lora.balance is {self.balance}: use 0 or more')
        if self.kind != 'none' and not self.targets:
            raise ConfigError('lora.targets is empty: name modules, as encoder.* and decoder.*')
        if not self.scales or any(scale < 1 for scale in self.scales):
            raise ConfigError(
                f'lora.scales is {list(self.scales)}: give one whole number of 1 or more '
                'for each expert'
            )
        if not 1 <= self.top_k <= len(self.scales):
            raise ConfigError(
                f'lora.top_k is {self.top_k}: use 1 to {len(self.scales)}, '
                'the number of lora.scales'
            )
