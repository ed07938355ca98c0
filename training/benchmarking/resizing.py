"""
Run a network at another input size than it was exported for.

Convolutions do not mind, but exported graphs also hold sizes as numbers: the targets of Reshape
(as in pixel shuffling) and of Resize. Those are scaled with the input; a size that they cannot be
scaled to is refused.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference
from training.benchmarking.errors import SizeError


def resize_onnx(content: bytes, shape: Sequence[int]) -> bytes:
    """
    Return an ONNX file for another input shape.

    :param content: of the file.
    :param shape: of its only input.
    :raises SizeError: when the network does not work at that shape.
    """
    model = onnx.load_model_from_string(content)
    graph = model.graph
    old = _inferred(model)
    for value, extent in zip(graph.input[0].type.tensor_type.shape.dim, shape, strict=True):
        value.dim_value = extent
    for output in graph.output:
        output.type.tensor_type.ClearField('shape')
    del graph.value_info[:]
    constants = {tensor.name: tensor for tensor in graph.initializer}
    new = dict(old) | {graph.input[0].name: tuple(shape)}
    for position, node in enumerate(graph.node):
        place = {'Reshape': 1, 'Resize': 3}.get(node.op_type, 0)
        if not place or len(node.input) <= place or node.input[place] not in constants:
            continue
        new = _inferred(model)  # all before this node is right by now
        source = node.input[0]
        if source not in old or source not in new:
            raise SizeError(f'the shape of {source} is not known: it stays at its own size')
        target = numpy_helper.to_array(constants[node.input[place]])
        scale = scaled_reshape if node.op_type == 'Reshape' else scaled_sizes
        name = f'{node.input[place]}_resized_{position}'
        array = np.array(scale(old[source], target.tolist(), new[source]), np.int64)
        graph.initializer.append(numpy_helper.from_array(array, name))
        node.input[place] = name
    return _checked(model).SerializeToString()


def _checked(model: onnx.ModelProto) -> onnx.ModelProto:
    try:
        return shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except Exception as error:  # onnx's own class is not exported by every version
        raise SizeError(
            'its layers do not fit together at that size: use a width and height that the '
            'network halves without a rest'
        ) from error


def _inferred(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Return the shapes that are known, by name of the tensor."""
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        dims = value.type.tensor_type.shape.dim
        if value.type.tensor_type.HasField('shape') and all(d.HasField('dim_value') for d in dims):
            shapes[value.name] = tuple(dim.dim_value for dim in dims)
    return shapes


def resize_ir(model: Any, shape: Sequence[int]) -> None:
    """
    Change a loaded OpenVINO model to another input shape.

    :param model: ``openvino.Model`` with one input.
    :raises SizeError: when the network does not work at that shape.
    :raises RuntimeError: likewise, in OpenVINO's words.
    """
    try:
        model.clone().reshape(list(shape))
    except RuntimeError:  # a Reshape to fixed sizes
        _resize_reshapes(model, shape)
    else:
        model.reshape(list(shape))


def _resize_reshapes(model: Any, shape: Sequence[int]) -> None:
    import openvino
    from openvino import opset13

    nodes = model.get_ordered_ops()
    old = {node.get_name(): _extents(node) for node in nodes}
    for node in nodes:
        if node.get_type_name() == 'Parameter':
            node.set_partial_shape(openvino.PartialShape(list(shape)))
        elif node.get_type_name() == 'Reshape':
            source, target = (node.input_value(place).get_node() for place in (0, 1))
            if target.get_type_name() == 'Constant' and old[source.get_name()]:
                wanted = np.array(target.get_data()).tolist()
                scaled = scaled_reshape(old[source.get_name()], wanted, _extents(source))
                constant = opset13.constant(np.array(scaled, np.int64))
                node.input(1).replace_source_output(constant.output(0))
        if node.get_type_name() != 'Result':
            node.constructor_validate_and_infer_types()
    model.validate_nodes_and_infer_types()


def _extents(node: Any) -> tuple[int, ...]:
    shape = node.output(0).partial_shape if node.get_output_size() else None
    return tuple(shape.to_shape()) if shape is not None and shape.is_static else ()


def scaled_sizes(old: Sequence[int], target: Sequence[int], new: Sequence[int]) -> list[int]:
    """Return what Resize is to give of an input that was ``old`` and is ``new``."""
    pairs = zip(old, target, new, strict=True)
    return [_share(extent, after, before) for before, extent, after in pairs]


def scaled_reshape(old: Sequence[int], target: Sequence[int], new: Sequence[int]) -> list[int]:
    """
    Return what Reshape is to give of an input that was ``old`` and is ``new``.

    Runs of extents with the same product belong together, as 288 and (144, 2) do. Where one of
    them grew, the first extent of its run grows with it.

    :param target: -1 and 0 as ONNX has them.
    :raises SizeError: when that is no whole number.
    """
    filled = [old[i] if extent == 0 else extent for i, extent in enumerate(target)]
    if -1 in filled:
        filled[filled.index(-1)] = int(np.prod(old)) // -int(np.prod(filled))
    result = list(filled)
    start = place = 0
    while start < len(old) and place < len(filled):
        end, last = start + 1, place + 1
        while np.prod(old[start:end]) != np.prod(filled[place:last]):
            if np.prod(old[start:end]) < np.prod(filled[place:last]):
                end += 1
            else:
                last += 1
        before, after = int(np.prod(old[start:end])), int(np.prod(new[start:end]))
        if before != after:
            first = next((i for i in range(place, last) if filled[i] > 1), place)
            result[first] = _share(filled[first], after, before)
        start, place = end, last
    return result


def _share(extent: int, after: int, before: int) -> int:
    if extent * after % before:
        raise SizeError(
            f'an inner size of {extent} would be {extent * after / before:g}: use a width and '
            'height that the network divides without a rest'
        )
    return extent * after // before
