"""
Numbers of clients, checked before the world has them.

What leaves the world is float32 and int32 on the wire. One value that does not fit there would let
every tick fail, and time would stand still for all clients.
"""

from collections.abc import Sequence
import reprlib
from typing import Any

from carla_lite.world.refusal import Refused

Vector = tuple[float, float, float]

LARGEST = 1e30  # sums of these fit into float32 as well
FARTHEST = 1e6  # metres, and degrees
_INT32 = range(-(2**31), 2**31)


def number_of(value: Any, largest: float = LARGEST) -> float:
    """
    Return a number.

    :raises Refused: when it is none, not finite, or too large.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise Refused(f'{reprlib.repr(value)} is not a number') from None
    if not abs(number) <= largest:
        raise Refused(f'{number} cannot be: this number must be finite and at most {largest:g}')
    return number


def whole_number_of(value: Any) -> int:
    """
    Return a whole number of 32 bits.

    :raises Refused: when it is none.
    """
    number = int(number_of(value))
    if number not in _INT32:
        raise Refused(f'{number} cannot be: this number must fit into 32 bits')
    return number


def vector_of(record: Sequence[Any], largest: float = LARGEST) -> Vector:
    """
    Return three numbers.

    :raises Refused: when they are something else.
    """
    try:
        x, y, z = record
    except (TypeError, ValueError):
        raise Refused(f'{reprlib.repr(record)} is not a vector') from None
    return number_of(x, largest), number_of(y, largest), number_of(z, largest)
