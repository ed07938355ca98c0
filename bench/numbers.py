"""Numbers on command lines: what argparse is to take, and refuses in a sentence."""

import argparse
from collections.abc import Callable
from typing import TypeVar

#: More than anybody measures, and few enough for arithmetic.
_MOST, _MOST_WHOLE = 1e6, 10**9
_LAST_DOMAIN = 232  # of DDS, whose ports end there

_Number = TypeVar('_Number', int, float)


def above_zero(text: str) -> float:
    """Take a number above 0: a rate, a time."""
    return _taken(float, text, lambda value: 0 < value <= _MOST, f'above 0, up to {_MOST:g}')


def zero_or_more(text: str) -> float:
    """Take 0 or a number above it."""
    return _taken(float, text, lambda value: 0 <= value <= _MOST, f'from 0 to {_MOST:g}')


def whole_from_one(text: str) -> int:
    """Take a count of what there has to be."""
    return _taken(int, text, lambda value: 1 <= value <= _MOST_WHOLE, 'from 1, a whole one')


def whole_from_zero(text: str) -> int:
    """Take a count, of which 0 means something too, or a seed."""
    return _taken(int, text, lambda value: 0 <= value <= _MOST_WHOLE, 'from 0, a whole one')


def dds_domain(text: str) -> int:
    """Take the number of a DDS domain."""
    wanted = f'from 0 to {_LAST_DOMAIN}, a whole one'
    return _taken(int, text, lambda value: 0 <= value <= _LAST_DOMAIN, wanted)


def _taken(
    make: Callable[[str], _Number], text: str, is_good: Callable[[_Number], bool], wanted: str
) -> _Number:
    """Return the number; NaN is nowhere, so that it is refused too."""
    try:
        value = make(text)
    except ValueError:
        value = None
    if value is None or not is_good(value):
        raise argparse.ArgumentTypeError(f"'{text}' cannot be used: give a number {wanted}")
    return value
