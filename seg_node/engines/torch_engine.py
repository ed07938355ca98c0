"""
PyTorch, for development: runs the bundle's ONNX file operator by operator, in eager mode.

Interpreting the exported graph keeps the engine independent of how a network was written in
``training`` (which runtime code never imports), needs no second weight file and no pickle, and
makes torch a third opinion on the very graph that the other engines run.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from seg_node.engines.base import (
    check_batch,
    check_graph_input,
    EngineError,
    EngineSpec,
    first_line,
    read_weights,
    warm_up,
)

try:
    import onnx
    from onnx import numpy_helper
    import torch
    from torch.nn import functional
except ImportError as error:
    raise EngineError(
        f'engine torch is not installed ({error}): pip install torch onnx'
    ) from error

Operator = Callable[..., torch.Tensor | tuple[torch.Tensor, ...]]


class TorchEngine:
    """Runs an ONNX file in eager PyTorch, on CUDA where there is one."""

    def __init__(self, spec: EngineSpec) -> None:
        """
        Load and warm up.

        :raises EngineError: when the file is no ONNX, or has an operator unknown here.
        """
        self._spec = spec
        self._device = 'cuda' if torch.cuda.is_available() else 'cpu'
        model = onnx.load_model_from_string(read_weights(spec))
        declared = model.graph.input[0].type.tensor_type.shape.dim
        check_graph_input([extent.dim_value for extent in declared], spec)
        self._graph: _Graph | None = _Graph(model.graph, self._device)
        torch.set_num_threads(spec.thread_count)
        self.description = (
            f'torch {torch.__version__}, {self._device}, {spec.precision}, '
            f'{spec.thread_count} threads'
        )
        warm_up(self, spec)

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Run the network; see :class:`seg_node.engines.base.Engine`."""
        if self._graph is None:
            raise EngineError('engine torch was closed: load it again')
        check_batch(batch, self._spec)
        try:
            with torch.inference_mode():
                scores = self._graph.run(torch.tensor(batch, device=self._device))
        except RuntimeError as error:
            raise EngineError(f'torch failed: {first_line(error)}') from error
        return scores.cpu().numpy()

    def close(self) -> None:
        """Drop weights and graph."""
        self._graph = None


class _Graph:
    """An ONNX graph with its constants on the device."""

    def __init__(self, graph: 'onnx.GraphProto', device: str) -> None:
        unknown = {node.op_type for node in graph.node} - set(_OPERATORS)
        if unknown:
            raise EngineError(
                f'the torch engine does not know the operator {sorted(unknown)[0]}: '
                'use engine onnxruntime or openvino for this file'
            )
        self._constants = {
            tensor.name: torch.tensor(numpy_helper.to_array(tensor), device=device)
            for tensor in graph.initializer
        }
        self._input, self._output = graph.input[0].name, graph.output[0].name
        self._steps = [
            (
                _OPERATORS[node.op_type],
                list(node.input),
                {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute},
                list(node.output),
            )
            for node in graph.node
        ]

    def run(self, batch: torch.Tensor) -> torch.Tensor:
        """Return the graph's first output."""
        values: dict[str, torch.Tensor] = {**self._constants, self._input: batch}
        for operator, inputs, attributes, outputs in self._steps:
            arguments = [values[name] if name else None for name in inputs]
            results = operator(*arguments, **attributes)
            several = results if isinstance(results, tuple) else (results,)
            values.update(zip(outputs, several, strict=False))
        return values[self._output]


def _cast(x: torch.Tensor, to: int, **_: Any) -> torch.Tensor:
    dtype = onnx.helper.tensor_dtype_to_np_dtype(to)
    return x.to(torch.from_numpy(np.empty(0, dtype)).dtype)


def _slice(x: torch.Tensor, starts: Any, ends: Any, axes: Any, steps: Any = None) -> torch.Tensor:
    """ONNX Slice, with the negative steps that torch's indexing lacks."""
    step_list = [1] * len(starts) if steps is None else steps.tolist()
    for start, end, axis, step in zip(
        starts.tolist(), ends.tolist(), axes.tolist(), step_list, strict=True
    ):
        indices = range(x.shape[axis])[slice(start, None if end < -x.shape[axis] else end, step)]
        x = x.index_select(axis, torch.tensor(indices, device=x.device))
    return x


def _padding(pads: list[int]) -> list[int]:
    """Turn ONNX pads (all starts, all ends) into torch's symmetric padding."""
    starts, ends = pads[: len(pads) // 2], pads[len(pads) // 2 :]
    if starts != ends:
        raise EngineError(f'the torch engine knows symmetric padding only, not {pads}')
    return starts


def _conv(
    x: torch.Tensor, weight: torch.Tensor, bias: Any = None, *, pads: Any, strides: Any,
    dilations: Any, group: int = 1, **_: Any,
) -> torch.Tensor:  # fmt: skip
    return functional.conv2d(x, weight, bias, strides, _padding(list(pads)), dilations, group)


def _conv_transpose(
    x: torch.Tensor, weight: torch.Tensor, bias: Any = None, *, pads: Any, strides: Any,
    dilations: Any, group: int = 1, **_: Any,
) -> torch.Tensor:  # fmt: skip
    padding = _padding(list(pads))
    return functional.conv_transpose2d(x, weight, bias, strides, padding, 0, group, dilations)


def _max_pool(x: torch.Tensor, kernel_shape: Any, strides: Any, **_: Any) -> torch.Tensor:
    return functional.max_pool2d(x, kernel_shape, strides)


def _resize(x: torch.Tensor, *inputs: Any, mode: bytes, **_: Any) -> torch.Tensor:
    scales, sizes = (*inputs, None, None)[1:3]
    target = x.shape * scales.cpu().numpy() if sizes is None else sizes.tolist()
    size = [int(extent) for extent in target[-2:]]
    if mode == b'linear':
        return functional.interpolate(x, size=size, mode='bilinear')
    return functional.interpolate(x, size=size, mode='nearest')


def _depth_to_space(x: torch.Tensor, blocksize: int, mode: bytes = b'DCR') -> torch.Tensor:
    if mode != b'CRD':
        raise EngineError('the torch engine knows DepthToSpace in mode CRD only')
    return functional.pixel_shuffle(x, blocksize)


def _maximum(*values: torch.Tensor) -> torch.Tensor:
    result = values[0]
    for value in values[1:]:
        result = torch.maximum(result, value)
    return result


def _batch_norm(
    x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, mean: torch.Tensor,
    variance: torch.Tensor, *, epsilon: float, **_: Any,
) -> torch.Tensor:  # fmt: skip
    return functional.batch_norm(x, mean, variance, scale, shift, eps=epsilon)


def _constant_of_shape(shape: torch.Tensor, value: Any) -> torch.Tensor:
    filling = torch.tensor(numpy_helper.to_array(value), device=shape.device)
    return filling.expand(shape.tolist())


def _pad(
    x: torch.Tensor, pads: torch.Tensor, value: Any = None, axes: Any = None, *,
    mode: bytes = b'constant',
) -> torch.Tensor:  # fmt: skip
    """Pad height and width; ONNX lists the starts of all axes, then their ends."""
    starts, ends = pads.reshape(2, -1).tolist()
    if axes is not None or len(starts) != 4 or any((*starts[:2], *ends[:2])):
        raise EngineError('the torch engine knows Pad of height and width only')
    sides = (starts[3], ends[3], starts[2], ends[2])
    if mode == b'constant':
        return functional.pad(x, sides, value=0.0 if value is None else float(value))
    return functional.pad(x, sides, {b'edge': 'replicate', b'reflect': 'reflect'}[mode])


def _mean(x: torch.Tensor, axes: torch.Tensor, *, keepdims: int = 1, **_: Any) -> torch.Tensor:
    return x.mean(axes.tolist(), keepdim=bool(keepdims))


def _sum(x: torch.Tensor, axes: torch.Tensor, *, keepdims: int = 1, **_: Any) -> torch.Tensor:
    return x.sum(axes.tolist(), keepdim=bool(keepdims))


def _scatter(
    x: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor, *, axis: int, **_: Any
) -> torch.Tensor:
    return x.scatter(axis, indices, updates)


def _top_k(
    x: torch.Tensor, k: torch.Tensor, *, axis: int, largest: int = 1, **_: Any
) -> tuple[torch.Tensor, ...]:
    return tuple(x.topk(int(k), axis, bool(largest)))


def _unsqueeze(x: torch.Tensor, axes: torch.Tensor) -> torch.Tensor:
    rank = x.ndim + len(axes)
    for axis in sorted(position % rank for position in axes.tolist()):
        x = x.unsqueeze(axis)
    return x


#: What our exports hold; one line more is all that a new operator needs.
_OPERATORS: dict[str, Operator] = {
    'Add': torch.add,
    'BatchNormalization': _batch_norm,
    'Cast': _cast,
    'Clip': lambda x, low=None, high=None: torch.clamp(x, low, high),
    'Concat': lambda *parts, axis: torch.cat(parts, axis),
    'ConstantOfShape': _constant_of_shape,
    'Conv': _conv,
    'ConvTranspose': _conv_transpose,
    'DepthToSpace': _depth_to_space,
    'Div': torch.div,
    'Erf': torch.erf,
    'Exp': torch.exp,
    'Expand': lambda x, shape: x * torch.ones(shape.tolist(), dtype=x.dtype, device=x.device),
    'Floor': torch.floor,
    'Max': _maximum,
    'MaxPool': _max_pool,
    'Mul': torch.mul,
    'Pad': _pad,
    'Reciprocal': torch.reciprocal,
    'ReduceMean': _mean,
    'ReduceSum': _sum,
    'Relu': functional.relu,
    'Reshape': lambda x, shape, **_: x.reshape(shape.tolist()),
    'Resize': _resize,
    'ScatterElements': _scatter,
    'Sigmoid': torch.sigmoid,
    'Slice': _slice,
    'Softmax': lambda x, axis=-1: x.softmax(axis),
    'Sub': torch.sub,
    'TopK': _top_k,
    'Transpose': lambda x, perm: x.permute(*perm),
    'Unsqueeze': _unsqueeze,
}
