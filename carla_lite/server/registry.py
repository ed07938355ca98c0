"""Names of remote calls, and the functions that answer them."""

from collections.abc import Callable
import logging
import reprlib
from typing import Any

from carla_lite.errors import CarlaLiteError
from carla_lite.protocol.answers import done, failure, success
from carla_lite.world.refusal import Refused

_LOG = logging.getLogger(__name__)
_ENDPOINTS: dict[str, tuple[Callable[..., Any], bool]] = {}

Endpoint = Callable[..., Any]


def endpoint(*names: str, unlocked: bool = False) -> Callable[[Endpoint], Endpoint]:
    """
    Say that a function ``f(simulation, *arguments)`` answers calls of these names.

    A function that returns nothing answers calls without a result.

    :param unlocked: it takes the world's lock itself, because it waits for something.
    """

    def register(function: Endpoint) -> Endpoint:
        for name in names:
            _ENDPOINTS[name] = (function, unlocked)
        return function

    return register


class Bare(list[Any]):
    """An answer that travels as it is, without the usual wrapping."""


def answer(simulation: Any, name: str, arguments: list[Any]) -> Any:
    """Return the wrapped answer of a call; whatever goes wrong becomes the client's error."""
    if name not in _ENDPOINTS:
        _LOG.warning('a client made the call %s: carla_lite does not have it', name)
        return failure(f'{name}: carla_lite does not have this call of CARLA')
    function, unlocked = _ENDPOINTS[name]
    try:
        if unlocked:
            value = function(simulation, *arguments)
        else:
            with simulation.lock:
                value = function(simulation, *arguments)
    except (Refused, CarlaLiteError) as refusal:
        return failure(f'{name}: {refusal}')
    except (
        TypeError,
        ValueError,
        LookupError,
        OverflowError,
    ) as error:  # nearly always the client's arguments
        _LOG.warning('%s: %s', name, error)
        _LOG.debug('', exc_info=True)
        return failure(f'{name}: these arguments cannot be used ({error})')
    except Exception as error:  # a fault of one call must not end the connection
        _LOG.exception('%s%s', name, reprlib.repr(arguments))
        return failure(f'{name}: {type(error).__name__}: {error}')
    if isinstance(value, Bare):
        return value
    return done() if value is None else success(value)


def call_names() -> list[str]:
    """Return the names of all calls that are answered."""
    return sorted(_ENDPOINTS)
