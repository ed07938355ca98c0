"""
ROS parameters declared from a dataclass, so that each default stands once.

Every field of such a class is made with :func:`parameter`; what else is generic about parameters
(types, ranges, help, mistyped names) is done here for all nodes of the package.
"""

from collections.abc import Sequence
from dataclasses import Field, field, fields
import difflib
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from seg_node.errors import SegNodeError

Parameters = TypeVar('Parameters')


class ParameterError(SegNodeError):
    """A parameter with a value that cannot be."""


def parameter(
    default: Any,
    description: str,
    *,
    choices: tuple[str, ...] = (),
    bounds: tuple[float, float] | None = None,
    fixed: bool = False,
) -> Any:
    """
    Return the field of a parameter.

    :param choices: the only values of a text.
    :param bounds: least and greatest value of a number.
    :param fixed: cannot be set while the node runs.
    """
    metadata = {'description': description, 'choices': choices, 'bounds': bounds, 'fixed': fixed}
    return field(default=default, metadata=metadata)


_TYPE_NAMES: dict[Any, str] = {
    str: 'text',
    bool: 'true or false',
    int: 'whole number',
    float: 'number',
}


def declare(node: Node, kind: type) -> None:
    """
    Declare all parameters on a node.

    :param kind: the dataclass.
    :raises ParameterError: when a value given at start has the wrong type or is out of range.
    """
    for item in _fields(kind):
        try:
            node.declare_parameter(item.name, item.default, _descriptor(item))
        except Exception as error:  # rclpy has one class each for type, range and callback
            raise ParameterError(f'parameter {item.name}: {error}') from error
    overrides = getattr(node, '_parameter_overrides', {})
    for sentence in unknown_names(list(overrides), kind):
        node.get_logger().warning(sentence)


def read(node: Node, kind: type[Parameters], changes: dict[str, Any] | None = None) -> Parameters:
    """
    Return the node's parameters.

    :param kind: the dataclass.
    :param changes: values about to be set, which count already.
    :raises ParameterError: for a value that is none of the choices.
    """
    items = _fields(kind)
    values = {item.name: node.get_parameter(item.name).value for item in items}
    values |= {name: value for name, value in (changes or {}).items() if name in values}
    return kind(**{item.name: _checked(item, values[item.name]) for item in items})


def describe(kind: type) -> str:
    """Return one line for each parameter: name, default, what it is."""
    lines = []
    for item in _fields(kind):
        choices = item.metadata['choices']
        what = item.metadata['description'] + (f' [{", ".join(choices)}]' if choices else '')
        lines.append(f'  {item.name:<21} {what} (default: {item.default!r})')
    return '\n'.join(lines)


def unknown_names(given: list[str], kind: type) -> list[str]:
    """Return one sentence for each parameter given at start that the node does not have."""
    known = [item.name for item in _fields(kind)]
    ours_to_ignore = ('use_sim_time', 'start_type_description_service', 'qos_overrides.')
    sentences = []
    for name in given:
        if name in known or name.startswith(ours_to_ignore):
            continue
        close = difflib.get_close_matches(name, known, 1)
        hint = f'did you mean {close[0]}?' if close else f'known are {", ".join(known)}'
        sentences.append(f"parameter '{name}' is unknown and ignored: {hint}")
    return sentences


def _fields(kind: Any) -> Sequence[Field]:
    return fields(kind)


def _checked(item: Field, value: Any) -> Any:
    """Return a value that fits its parameter; whole numbers fit where fractions do."""
    choices, bounds = item.metadata['choices'], item.metadata['bounds']
    if item.type is float and type(value) is int:
        value = float(value)
    if type(value) is not item.type:
        raise ParameterError(
            f'parameter {item.name}: {value!r} is no {_TYPE_NAMES[item.type]}: {_hint(item)}'
        )
    if choices and value not in choices:
        raise ParameterError(f"parameter {item.name}: '{value}' is unknown: {_hint(item)}")
    if bounds and not bounds[0] <= value <= bounds[1]:
        raise ParameterError(f'parameter {item.name}: {value} is out of range: {_hint(item)}')
    return value


def _hint(item: Field) -> str:
    choices, bounds = item.metadata['choices'], item.metadata['bounds']
    if choices:
        return f'use {", ".join(choices)}'
    if bounds:
        return f'use {bounds[0]:g} to {bounds[1]:g}'
    return f'for example {item.default!r}'


def _descriptor(item: Field) -> ParameterDescriptor:
    metadata = item.metadata
    descriptor = ParameterDescriptor(
        description=metadata['description'],
        read_only=metadata['fixed'],
        # `max_age_s:=0` is an integer to ROS; `read` takes it as the number it is.
        dynamic_typing=item.type is float,
    )
    if metadata['choices']:
        descriptor.additional_constraints = f'one of: {", ".join(metadata["choices"])}'
    if bounds := metadata['bounds']:
        low, high = bounds
        if item.type is int:
            descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
        else:
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(low), to_value=float(high), step=0.0)
            ]
    return descriptor
