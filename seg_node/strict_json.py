"""Read JSON objects into frozen dataclasses, refusing what does not fit, with the field named."""

from collections.abc import Mapping
import dataclasses
import json
import math
import types
import typing
from typing import Any, TypeVar

T = TypeVar('T')

#: Levels of objects and lists inside a field of type ``Any``; what reads them may recurse.
_MAX_NESTING = 32


def parse_json(text: str) -> Any:
    """
    Parse JSON as it is defined: without NaN and Infinity, and with every key only once.

    :raises ValueError: in one line.
    """
    return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)


def from_json(cls: type[T], value: Any, where: str = '') -> T:
    """
    Build a dataclass from parsed JSON.

    Lists become tuples, nested dataclasses are built likewise, ints are taken where floats are
    wanted, and ``Any`` is taken as it is. A dataclass may refuse values in ``__post_init__`` by a
    ``ValueError`` that begins with the name of the field.

    :param cls: a dataclass; fields without default are required.
    :param value: what ``json.loads`` gave.
    :param where: name of the object in messages, such as ``input``.
    :raises ValueError: naming the field, for unknown, missing or wrong ones.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f'{where or "top level"}: expected an object, got {_show(value)}')
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(value) - set(fields)):
        raise ValueError(f'{_join(where, unknown[0])}: unknown; known are {", ".join(fields)}')
    for name, field in fields.items():
        optional = (
            field.default is not dataclasses.MISSING
            or field.default_factory is not dataclasses.MISSING
        )
        if name not in value and not optional:
            raise ValueError(f'{_join(where, name)}: missing')
    values = {name: _convert(hints[name], value[name], _join(where, name)) for name in value}
    try:
        return cls(**values)
    except ValueError as error:
        raise ValueError(f'{where}.{error}' if where else str(error)) from error


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (hint,) = (argument for argument in arguments if argument is not type(None))
        return _convert(hint, value, where)
    if origin is typing.Literal:
        if not any(value == known and type(value) is type(known) for known in arguments):
            raise ValueError(f'{where}: expected one of {list(arguments)}, got {_show(value)}')
        return value
    if origin is tuple:
        return _convert_tuple(arguments, value, where)
    if origin is dict:
        return {
            key: _convert(arguments[1], item, _join(where, key))
            for key, item in _expect(dict, value, where).items()
        }
    if dataclasses.is_dataclass(hint):
        return from_json(typing.cast('type[Any]', hint), value, where)
    return _expect(hint, value, where)


def _convert_tuple(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    _expect(list, value, where)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = (arguments[0],) * len(value)
    if len(value) != len(arguments):
        raise ValueError(f'{where}: expected {len(arguments)} values, got {len(value)}')
    return tuple(
        _convert(hint, item, f'{where}[{index}]')
        for index, (hint, item) in enumerate(zip(arguments, value, strict=True))
    )


def _expect(hint: Any, value: Any, where: str) -> Any:
    if hint is Any:
        if _is_nested_beyond(_MAX_NESTING, value):
            raise ValueError(f'{where}: more than {_MAX_NESTING} levels of nesting')
        _refuse_infinity(value, where)
        return value
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return _finite(value, where)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ValueError(f'{where}: expected {hint.__name__}, got {_show(value)}')
    return value


def _finite(value: int | float, where: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f'{where}: expected a finite number, got {_show(value)}')
    return number


def _is_nested_beyond(levels: int, value: Any) -> bool:
    if not isinstance(value, (Mapping, list)):
        return False
    items = value.values() if isinstance(value, Mapping) else value
    return levels == 0 or any(_is_nested_beyond(levels - 1, item) for item in items)


def _refuse_infinity(value: Any, where: str) -> None:
    """Refuse what 1e999 becomes, at any depth: it could not be written as JSON again."""
    if isinstance(value, float):
        _finite(value, where)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _refuse_infinity(item, _join(where, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_infinity(item, f'{where}[{index}]')


def _refuse_constant(name: str) -> None:
    raise ValueError(f'{name} is not JSON')


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f'key {_show(next(key for key in keys if keys.count(key) > 1))} twice')
    return content


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f'{text[:37]}...'


def _join(where: str, name: str) -> str:
    if not name.isidentifier():
        return f'{where}[{_show(name)}]'
    return f'{where}.{name}' if where else name
