"""Multiply-adds of a model file: what a fast machine and a slow one have to do alike."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import shape_inference
from training.benchmarking.errors import BenchmarkError
from training.benchmarking.resizing import resize_ir, resize_onnx

Shape = tuple[int, ...]

#: Which input holds the weights; all others of these operators are counted by their shapes.
_ONNX_WEIGHTS = {
    'Conv': 1, 'ConvTranspose': 1, 'ConvInteger': 1, 'QLinearConv': 3,
    'MatMul': 1, 'MatMulInteger': 1, 'Gemm': 1, 'QLinearMatMul': 3,
}  # fmt: skip


def count_multiply_adds(path: Path, shape: Sequence[int] | None = None) -> int:
    """
    Return the multiply-adds of all convolutions and matrix products of a file.

    Everything else (activations, resizing, normalisation) is left out, as is usual.

    :param path: an ONNX file or an OpenVINO .xml.
    :param shape: of the input, where it is not the file's own.
    :raises BenchmarkError: when it cannot be read, or a size in it is left open.
    """
    try:
        if path.suffix == '.xml':
            return _count_ir(path, shape)
        content = path.read_bytes()
        content = resize_onnx(content, shape) if shape else content
        return count_onnx(onnx.load_model_from_string(content))
    except BenchmarkError:
        raise
    except Exception as error:  # what a parser makes of a file that is none
        raise BenchmarkError(
            f'{path} cannot be read as a model ({type(error).__name__}): name an ONNX file or an '
            'OpenVINO .xml'
        ) from error


def count_onnx(model: onnx.ModelProto) -> int:
    """Return the multiply-adds of an ONNX graph; see :func:`count_multiply_adds`."""
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        dims = value.type.tensor_type.shape.dim
        shapes[value.name] = tuple(dim.dim_value for dim in dims)
    total = 0
    for node in graph.node:
        if node.op_type not in _ONNX_WEIGHTS:
            continue
        weights = shapes.get(node.input[_ONNX_WEIGHTS[node.op_type]], ())
        taken, given = shapes.get(node.input[0], ()), shapes.get(node.output[0], ())
        transposed = any(item.name == 'transA' and item.i for item in node.attribute)
        total += _COUNTS[node.op_type.removeprefix('QLinear').removesuffix('Integer')](
            _known(taken[::-1] if transposed else taken, node.name), weights,
            _known(given, node.name),
        )  # fmt: skip
    return total


def _known(shape: Shape, name: str) -> Shape:
    if not shape or not all(shape):
        raise BenchmarkError(f'a size at {name} is left open: its operations cannot be counted')
    return shape


def _convolution(taken: Shape, weights: Shape, given: Shape) -> int:
    return int(np.prod(given)) * int(np.prod(weights[1:]))


def _transposed_convolution(taken: Shape, weights: Shape, given: Shape) -> int:
    return int(np.prod(taken)) * int(np.prod(weights[1:]))


def _matrix_product(taken: Shape, weights: Shape, given: Shape) -> int:
    return int(np.prod(given)) * taken[-1]


_COUNTS: dict[str, Callable[[Shape, Shape, Shape], int]] = {
    'Conv': _convolution,
    'ConvTranspose': _transposed_convolution,
    'MatMul': _matrix_product,
    'Gemm': _matrix_product,
}


def _count_ir(path: Path, shape: Sequence[int] | None) -> int:
    try:
        import openvino
    except ImportError as error:
        raise BenchmarkError(
            f'{path} needs OpenVINO to be read ({error}): pip install openvino'
        ) from error
    model = openvino.Core().read_model(path)
    if shape:
        resize_ir(model, shape)
    return sum(map(_count_node, model.get_ops()))


def _count_node(node: Any) -> int:
    kind = node.get_type_name()
    if kind not in _IR_COUNTS:
        return 0
    shapes = [node.input_value(place).partial_shape for place in (0, 1)]
    shapes.append(node.output(0).partial_shape)
    if not all(shape.is_static for shape in shapes):
        name = node.get_friendly_name()
        raise BenchmarkError(f'a size at {name} is left open: its operations cannot be counted')
    taken, weights, given = (tuple(shape.to_shape()) for shape in shapes)
    if kind == 'MatMul' and node.get_attributes()['transpose_a']:
        taken = (*taken[:-2], taken[-1], taken[-2])
    # the weights of groups: (groups, out, in, height, width)
    return _IR_COUNTS[kind](taken, weights[1:] if kind.startswith('Group') else weights, given)


_IR_COUNTS = {
    'Convolution': _convolution,
    'GroupConvolution': _convolution,
    'ConvolutionBackpropData': _transposed_convolution,
    'GroupConvolutionBackpropData': _transposed_convolution,
    'MatMul': _matrix_product,
}
