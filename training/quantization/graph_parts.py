"""The parts of an ONNX graph that matter for int8: its layers, and what comes before and after."""

from collections.abc import Iterator
from dataclasses import dataclass

import onnx

#: Operators with weights: the arithmetic that int8 is for.
LAYERS = ('Conv', 'ConvTranspose', 'Gemm', 'MatMul')


@dataclass(frozen=True)
class Layer:
    """
    One layer with weights.

    :param node: its name in the graph.
    :param label: its name for people, after the module that it was exported from.
    """

    node: str
    label: str


def layers_of(model: onnx.ModelProto) -> list[Layer]:
    """Return the layers of a graph, in its order."""
    weights = {tensor.name for tensor in model.graph.initializer}
    found = []
    for node in model.graph.node:
        if node.op_type in LAYERS:
            weight = next((name for name in node.input[1:] if name in weights), node.name)
            label = weight.removeprefix('network.').removesuffix('.weight')
            found.append(Layer(node.name, label))
    return found


def after_last_layer(model: onnx.ModelProto) -> list[str]:
    """
    Return the names of all nodes that no layer comes after: softmax and scores.

    They are element-wise arithmetic that decides the result: nothing to win in int8, and what is
    rounded there is seen at once.
    """
    return [node.name for node in _apart(reversed(model.graph.node), forward=False)]


def before_first_layer(model: onnx.ModelProto) -> list[str]:
    """Return the names of all nodes that no layer comes before: what makes input of a picture."""
    return [node.name for node in _apart(iter(model.graph.node), forward=True)]


def _apart(nodes: Iterator[onnx.NodeProto], forward: bool) -> Iterator[onnx.NodeProto]:
    """Yield the nodes that no layer reaches, going through the graph in one direction."""
    reached: set[str] = set()
    for node in nodes:
        sources, targets = (node.input, node.output) if forward else (node.output, node.input)
        is_layer = node.op_type in LAYERS
        touched = any(name in reached for name in sources)
        if is_layer or touched:
            reached.update(targets)
        if not (is_layer or touched):
            yield node
