"""
PyTorch, for development: runs the bundle's ONNX file operator by operator, in eager mode.

Interpreting the exported graph keeps the engine independent of how a network was written in
``training`` (which runtime code never imports), needs no second weight file and no pickle, and
makes torch a third opinion on the very graph that the other engines run.
"""

from collections.abc import Callable
from functools import reduce
import logging
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

_TYPES = {'fp32': torch.float32, 'bf16': torch.bfloat16, 'fp16': torch.float16}
#: Runs before a graph is captured: libraries choose kernels and allocate in the first ones.
_RUNS_BEFORE_CAPTURE = 3

_log = logging.getLogger(__name__)


def half_precisions() -> tuple[str, ...]:
    """Return in what fp32 weights can be computed beside fp32: on GPUs, where it pays."""
    if not torch.cuda.is_available():
        return ()
    return ('bf16', 'fp16') if torch.cuda.is_bf16_supported() else ('fp16',)


class TorchEngine:
    """Runs an ONNX file in eager PyTorch; on CUDA, where there is one, as a captured graph."""

    def __init__(self, spec: EngineSpec) -> None:
        """
        Load and warm up.

        :raises EngineError: when the file is no ONNX, or has an operator unknown here.
        """
        self._spec = spec
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
        model = onnx.load_model_from_string(read_weights(spec))
        declared = model.graph.input[0].type.tensor_type.shape.dim
        check_graph_input([extent.dim_value for extent in declared], spec)
        torch.set_num_threads(spec.thread_count)
        graph = Graph(model.graph, device, _TYPES.get(spec.precision, torch.float32))
        self._run: Callable[[np.ndarray], np.ndarray] | None = (
            _OnCuda(graph, spec)
            if device == 'cuda'
            else lambda batch: graph.run(torch.tensor(batch)).numpy()
        )
        self.description = (
            f'torch {torch.__version__}, {device}, {spec.precision}, {spec.thread_count} threads'
        )
        warm_up(self, spec)

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Run the network; see :class:`seg_node.engines.base.Engine`."""
        if self._run is None:
            raise EngineError('engine torch was closed: load it again')
        check_batch(batch, self._spec)
        try:
            with torch.inference_mode():
                return self._run(batch)
        except RuntimeError as error:
            raise EngineError(f'torch failed: {first_line(error)}') from error

    def close(self) -> None:
        """Drop weights and graph."""
        self._run = None


class _OnCuda:
    """Replays what was captured once, where it can be: a hundred small kernels start as one."""

    def __init__(self, graph: 'Graph', spec: EngineSpec) -> None:
        self._graph = graph
        shape = (1, spec.height, spec.width, 3)
        self._host = torch.zeros(shape, dtype=torch.uint8, pin_memory=True)
        self._input = torch.zeros(shape, dtype=torch.uint8, device='cuda')
        with torch.inference_mode():
            self._captured = self._capture()

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        self._host.numpy()[...] = batch
        self._input.copy_(self._host, non_blocking=True)
        if self._captured is None:
            self._scores = self._eager()
        else:
            self._captured.replay()
        return self._scores.cpu().numpy()  # waits for all that was asked

    def _eager(self) -> torch.Tensor:
        # fp32 is what the other engines call so: TF32 has ten bits
        with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
            return self._graph.run(self._input)

    def _capture(self) -> 'torch.cuda.CUDAGraph | None':
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_RUNS_BEFORE_CAPTURE):
                self._eager()
        torch.cuda.current_stream().wait_stream(stream)
        captured = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(captured):
                self._scores = self._eager()
        except RuntimeError as error:
            _log.warning('torch runs the graph kernel by kernel: %s', first_line(error))
            return None
        return captured


class Graph:
    """
    An ONNX graph with its constants where it runs.

    Numbers that say how to compute (sizes, axes, places) stay on the CPU: reading them from a
    GPU would make it wait in the middle of a frame.
    """

    def __init__(self, graph: 'onnx.GraphProto', device: str, dtype: torch.dtype) -> None:
        unknown = {node.op_type for node in graph.node} - set(_OPERATORS)
        if unknown:
            raise EngineError(
                f'the torch engine does not know the operator {sorted(unknown)[0]}: '
                'use engine onnxruntime or openvino for this file'
            )
        self._constants: dict[str, torch.Tensor] = {}
        for tensor in graph.initializer:
            value = torch.tensor(numpy_helper.to_array(tensor))
            self._constants |= {tensor.name: value.to(device), _setting(tensor.name): value}
        for node in graph.node:
            if node.op_type in ('Conv', 'ConvTranspose'):
                for name in set(node.input[1:]) & self._constants.keys():
                    self._constants[name] = _placed(self._constants[name], device, dtype)
        self._input, self._output = graph.input[0].name, graph.output[0].name
        self._steps = [
            (
                _OPERATORS[node.op_type],
                [self._name_of(node, place) for place in range(len(node.input))],
                {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute},
                list(node.output),
            )
            for node in graph.node
        ]

    def _name_of(self, node: 'onnx.NodeProto', place: int) -> str:
        """Return the value of an input: for settings that are constants, the one on the CPU."""
        on_cpu = _setting(node.input[place])
        is_setting = place in _SETTINGS.get(node.op_type, ()) and on_cpu in self._constants
        return on_cpu if is_setting else node.input[place]

    def run(self, batch: torch.Tensor) -> torch.Tensor:
        """Return the graph's first output."""
        values: dict[str, torch.Tensor] = {**self._constants, self._input: batch}
        for operator, inputs, attributes, outputs in self._steps:
            arguments = [values[name] if name else None for name in inputs]
            results = operator(*arguments, **attributes)
            several = results if isinstance(results, tuple) else (results,)
            values.update(zip(outputs, several, strict=False))
        return values[self._output]


def _setting(name: str) -> str:
    return f'{name} (on the CPU)'


def _placed(weight: torch.Tensor, device: str, dtype: torch.dtype) -> torch.Tensor:
    """Return a convolution's weight or bias as it is computed with."""
    weight = weight.to(dtype)
    if device == 'cuda' and weight.ndim == 4:  # the layout of tensor cores
        return weight.contiguous(memory_format=torch.channels_last)
    return weight


def _fed(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return a convolution's input in the type and layout of its weight."""
    x = x.to(weight.dtype)
    return x.contiguous(memory_format=torch.channels_last) if x.is_cuda else x


def _cast(x: torch.Tensor, to: int, **_: Any) -> torch.Tensor:
    dtype = onnx.helper.tensor_dtype_to_np_dtype(to)
    return x.to(torch.from_numpy(np.empty(0, dtype)).dtype)


def _slice(x: torch.Tensor, starts: Any, ends: Any, axes: Any, steps: Any = None) -> torch.Tensor:
    """ONNX Slice, with the negative steps that torch's indexing lacks."""
    step_list = [1] * len(starts) if steps is None else steps.tolist()
    for start, end, axis, step in zip(
        starts.tolist(), ends.tolist(), axes.tolist(), step_list, strict=True
    ):
        taken = range(x.shape[axis])[slice(start, None if end < -x.shape[axis] else end, step)]
        forward = taken if step > 0 else taken[::-1]
        x = x.transpose(0, axis)[forward.start : forward.stop : forward.step].transpose(0, axis)
        x = x if step > 0 else x.flip(axis)
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
    return functional.conv2d(
        _fed(x, weight), weight, bias, strides, _padding(list(pads)), dilations, group
    )


def _conv_transpose(
    x: torch.Tensor, weight: torch.Tensor, bias: Any = None, *, pads: Any, strides: Any,
    dilations: Any, group: int = 1, **_: Any,
) -> torch.Tensor:  # fmt: skip
    padding = _padding(list(pads))
    x = _fed(x, weight)
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


def _batch_norm(
    x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, mean: torch.Tensor,
    variance: torch.Tensor, *, epsilon: float, **_: Any,
) -> torch.Tensor:  # fmt: skip
    return functional.batch_norm(x, mean, variance, scale, shift, eps=epsilon)


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


def _reduction(over: Callable[..., torch.Tensor]) -> Operator:
    return lambda x, axes, keepdims=1, **_: over(x, axes.tolist(), keepdim=bool(keepdims))


def _top_k(
    x: torch.Tensor, k: torch.Tensor, *, axis: int, largest: int = 1, **_: Any
) -> tuple[torch.Tensor, ...]:
    return tuple(x.topk(int(k), axis, bool(largest)))


def _unsqueeze(x: torch.Tensor, axes: torch.Tensor) -> torch.Tensor:
    rank = x.ndim + len(axes)
    for axis in sorted(position % rank for position in axes.tolist()):
        x = x.unsqueeze(axis)
    return x


#: Which inputs of an operator say how to compute, and are no data.
_SETTINGS = {
    'Expand': (1,), 'Pad': (1, 2, 3), 'ReduceMax': (1,), 'ReduceMean': (1,),
    'ReduceSum': (1,), 'Reshape': (1,), 'Resize': (1, 2, 3), 'Slice': (1, 2, 3, 4),
    'TopK': (1,), 'Unsqueeze': (1,),
}  # fmt: skip
#: What our exports hold; one line more is all that a new operator needs.
_OPERATORS: dict[str, Operator] = {
    'Add': torch.add,
    'BatchNormalization': _batch_norm,
    'Cast': _cast,
    'Clip': lambda x, low=None, high=None: torch.clamp(x, low, high),
    'Concat': lambda *parts, axis: torch.cat(parts, axis),
    'ConstantOfShape': lambda shape, value: torch.full(
        shape.tolist(), numpy_helper.to_array(value).item(), device=shape.device
    ),
    'Conv': _conv,
    'ConvTranspose': _conv_transpose,
    'DepthToSpace': _depth_to_space,
    'Div': torch.div,
    'Erf': torch.erf,
    'Exp': lambda x: torch.exp(x.float()),  # scores have 255 levels, more than bf16 tells apart
    'Expand': lambda x, shape: x * torch.ones(shape.tolist(), dtype=x.dtype, device=x.device),
    'Floor': torch.floor,
    'Max': lambda *values: reduce(torch.maximum, values),
    'MaxPool': _max_pool,
    'Mul': torch.mul,
    'Pad': _pad,
    'Reciprocal': torch.reciprocal,
    'ReduceMax': _reduction(torch.amax),
    'ReduceMean': _reduction(torch.mean),
    'ReduceSum': _reduction(torch.sum),
    'Relu': functional.relu,
    'Reshape': lambda x, shape, **_: x.reshape(shape.tolist()),
    'Resize': _resize,
    'ScatterElements': lambda x, at, new, *, axis, **_: x.scatter(axis, at, new),
    'Sigmoid': torch.sigmoid,
    'Slice': _slice,
    'Softmax': lambda x, axis=-1: x.softmax(axis),
    'Sub': torch.sub,
    'TopK': _top_k,
    'Transpose': lambda x, perm: x.permute(*perm),
    'Unsqueeze': _unsqueeze,
}
