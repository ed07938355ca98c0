"""Settings as plain values, and as numbers that can be."""

from collections.abc import Sequence
import math
from pathlib import Path
import re
from typing import Any

from training.errors import ConfigError

_NAME = re.compile('[A-Za-z0-9][A-Za-z0-9._-]*')


def plain(value: Any) -> Any:
    """Turn paths into strings and tuples into lists, all the way down."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def check_range(
    settings: Any, names: Sequence[str], least: float, most: float = math.inf, prefix: str = ''
) -> None:
    """
    Refuse numbers that cannot be; of a setting of several numbers, each is looked at.

    :param prefix: of the names, as the command line writes them.
    :raises ConfigError: naming the flag, and what it may be.
    """
    for name in names:
        value = getattr(settings, name)
        numbers = value if isinstance(value, (list, tuple)) else (value,)
        if not all(math.isfinite(number) and least <= number <= most for number in numbers):
            may_be = f'{least} or more' if most == math.inf else f'{least} to {most}'
            raise ConfigError(f'--{prefix}{name} is {plain(value)}: use {may_be}')


def check_name(name: str, what: str) -> None:
    """
    Refuse what is no name for a folder in the one that is meant.

    :param what: is named, for the message, with an example.
    :raises ConfigError: saying what a name is made of.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f'--name is {name!r}: name {what} in letters, digits, dots, dashes and underscores'
        )
