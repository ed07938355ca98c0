"""The node's parameters: declared from one dataclass, so that each default stands once."""

from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from seg_node import parameter_fields
from seg_node.engines import ENGINE_NAMES, PRECISIONS
from seg_node.parameter_fields import parameter as _parameter


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


#: Changing one of these loads another model.
MODEL_PARAMETERS = ('bundle', 'adapter', 'engine', 'precision', 'threads')


def declare(node: Node) -> None:
    """
    Declare all parameters on a node.

    :raises ParameterError: when a value given at start has the wrong type or is out of range.
    """
    parameter_fields.declare(node, NodeParameters)


def read(node: Node, changes: dict[str, Any] | None = None) -> NodeParameters:
    """
    Return the node's parameters.

    :param changes: values about to be set, which count already.
    :raises ParameterError: for a value that is none of the choices.
    """
    return parameter_fields.read(node, NodeParameters, changes)


def model_of(values: NodeParameters) -> tuple[Any, ...]:
    """Return the values that say which model runs, and how."""
    return tuple(getattr(values, name) for name in MODEL_PARAMETERS)


def describe() -> str:
    """Return one line for each parameter: name, default, what it is."""
    return parameter_fields.describe(NodeParameters)
