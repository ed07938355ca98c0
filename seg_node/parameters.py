"""The node's parameters: declared from one dataclass, so that each default stands once."""

from dataclasses import dataclass, Field, field, fields
import difflib
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from seg_node.engines import ENGINE_NAMES, PRECISIONS
from seg_node.errors import SegNodeError


class ParameterError(SegNodeError):
    """A parameter with a value that cannot be."""


def _parameter(
    default: Any,
    description: str,
    *,
    choices: tuple[str, ...] = (),
    bounds: tuple[float, float] | None = None,
    fixed: bool = False,
) -> Any:
    metadata = {'description': description, 'choices': choices, 'bounds': bounds, 'fixed': fixed}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class NodeParameters:
    """Everything that can be set on the node; ``config/seg_node.yaml`` shows the same."""

    bundle: str = _parameter('', 'Folder of the model bundle; empty for the one that ships')
    adapter: str = _parameter('', 'Adapter of the bundle to run; empty for the base model')
    engine: str = _parameter(
        'auto', 'Inference engine; auto measures once', choices=('auto', *ENGINE_NAMES)
    )
    precision: str = _parameter(
        'auto', 'Arithmetic; auto takes the fastest', choices=('auto', *PRECISIONS)
    )
    threads: int = _parameter(0, 'Inference threads; 0 for one a core', bounds=(0, 256))
    max_age_s: float = _parameter(
        0.0, 'Refuse frames older than this by their stamp; 0 for never', bounds=(0.0, 3600.0)
    )
    autostart: bool = _parameter(True, 'Configure and activate at start', fixed=True)
    image_transport: str = _parameter(
        'raw', 'Type of the image topic', choices=('raw', 'compressed'), fixed=True
    )
    reliability: str = _parameter(
        'best_effort',
        'QoS of the image subscription; best_effort matches every publisher',
        choices=('best_effort', 'reliable'),
        fixed=True,
    )
    diagnostics_period_s: float = _parameter(
        1.0, 'Seconds between two messages on /diagnostics', bounds=(0.05, 60.0), fixed=True
    )
    latency_window: int = _parameter(
        300, 'Frames over which latency percentiles are taken', bounds=(1, 100_000), fixed=True
    )


_TYPE_NAMES: dict[Any, str] = {
    str: 'text',
    bool: 'true or false',
    int: 'whole number',
    float: 'number',
}

#: Changing one of these loads another model.
MODEL_PARAMETERS = ('bundle', 'adapter', 'engine', 'precision', 'threads')


def declare(node: Node) -> None:
    """
    Declare all parameters on a node.

    :raises ParameterError: when a value given at start has the wrong type or is out of range.
    """
    for item in fields(NodeParameters):
        try:
            node.declare_parameter(item.name, item.default, _descriptor(item))
        except Exception as error:  # rclpy has one class each for type, range and callback
            raise ParameterError(f'parameter {item.name}: {error}') from error
    overrides = getattr(node, '_parameter_overrides', {})
    for name in unknown_names(list(overrides)):
        node.get_logger().warning(name)


def read(node: Node, changes: dict[str, Any] | None = None) -> NodeParameters:
    """
    Return the node's parameters.

    :param changes: values about to be set, which count already.
    :raises ParameterError: for a value that is none of the choices.
    """
    values = {item.name: node.get_parameter(item.name).value for item in fields(NodeParameters)}
    values |= {name: value for name, value in (changes or {}).items() if name in values}
    return NodeParameters(
        **{item.name: _checked(item, values[item.name]) for item in fields(NodeParameters)}
    )


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


def model_of(values: NodeParameters) -> tuple[Any, ...]:
    """Return the values that say which model runs, and how."""
    return tuple(getattr(values, name) for name in MODEL_PARAMETERS)


def describe() -> str:
    """Return one line for each parameter: name, default, what it is."""
    lines = []
    for item in fields(NodeParameters):
        choices = item.metadata['choices']
        what = item.metadata['description'] + (f' [{", ".join(choices)}]' if choices else '')
        lines.append(f'  {item.name:<21} {what} (default: {item.default!r})')
    return '\n'.join(lines)


def unknown_names(given: list[str]) -> list[str]:
    """Return one sentence for each parameter given at start that the node does not have."""
    known = [item.name for item in fields(NodeParameters)]
    ours_to_ignore = ('use_sim_time', 'start_type_description_service', 'qos_overrides.')
    sentences = []
    for name in given:
        if name in known or name.startswith(ours_to_ignore):
            continue
        close = difflib.get_close_matches(name, known, 1)
        hint = f'did you mean {close[0]}?' if close else f'known are {", ".join(known)}'
        sentences.append(f"parameter '{name}' is unknown and ignored: {hint}")
    return sentences


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
