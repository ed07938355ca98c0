"""Keep parts of a network as they are while the rest learns."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn
from training.errors import ConfigError
from training.lora.batch_norm import FROZEN


def freeze(network: nn.Module, patterns: Sequence[str]) -> None:
    """
    Freeze parameters by name, in place.

    Patterns are taken in order and the last one that matches decides; ``!`` before one sets free.
    A batch norm all of whose parameters were frozen here keeps its running statistics too: it
    stays in evaluation mode, whatever ``train()`` says later.

    :param patterns: ``*``, ``?`` and ``[...]`` on names such as ``encoder.0.1.weight``.
    :raises ConfigError: for a pattern that matches nothing, with the names that there are, and
        when nothing is left to train.
    """
    named = dict(network.named_parameters())
    frozen: dict[str, bool] = {}
    for pattern in patterns:
        matching = [name for name in named if fnmatchcase(name, pattern.removeprefix('!'))]
        if not matching:
            raise ConfigError(
                f"--freeze: '{pattern}' matches no parameter; there are {', '.join(named)}"
            )
        frozen |= dict.fromkeys(matching, not pattern.startswith('!'))
    for name, still in frozen.items():
        named[name].requires_grad_(not still)
    if not any(parameter.requires_grad for parameter in named.values()):
        raise ConfigError(
            "--freeze leaves nothing to train: set something free after it, such as '!head.*'"
        )
    for name, module in network.named_modules():
        own = [f'{name}.{key}' for key, _ in module.named_parameters(recurse=False)]
        if type(module) in FROZEN and own and all(frozen.get(key) for key in own):
            module.__class__ = FROZEN[type(module)]
            module.eval()
