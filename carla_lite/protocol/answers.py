"""How an answer to a remote call is wrapped."""

from typing import Any


def success(value: Any) -> list[Any]:
    """Return the answer that carries a value."""
    return [[1, value]]


def done() -> list[Any]:
    """Return the answer of a call without a value."""
    return [[False]]


def failure(text: str) -> list[Any]:
    """Return the answer that the client raises as RuntimeError, whatever it expected."""
    return [[0, [text]]]
