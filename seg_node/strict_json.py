"""Read JSON objects into frozen dataclasses, refusing what does not fit, with the field named."""

from collections.abc import Mapping
import dataclasses
import types
import typing
from typing import Any, TypeVar

T = TypeVar('T')


def from_json(cls: type[T], value: Any, where: str = '') -> T:
    """
    Build a dataclass from parsed JSON.

    Lists become tuples, nested dataclasses are built likewise, ints are taken where floats are
    wanted, ``dict`` fields are taken as they are.

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
    return cls(**{name: _convert(hints[name], value[name], _join(where, name)) for name in value})


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (hint,) = (argument for argument in arguments if argument is not type(None))
        return _convert(hint, value, where)
    if origin is typing.Literal:
        if value not in arguments:
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
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ValueError(f'{where}: expected {hint.__name__}, got {_show(value)}')
    return value


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f'{text[:37]}...'


def _join(where: str, name: str) -> str:
    return f'{where}.{name}' if where else name
