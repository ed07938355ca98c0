"""
TensorRT on NVIDIA GPUs: written against the documented API of TensorRT 10, not run by our tests.

The plan is built from the bundle's ONNX file on first use (minutes on a small Jetson) and kept
for that file, TensorRT version and GPU. A plan is a cache, never something to ship: it fits one
GPU and one version.
"""

import logging
from typing import Any

import numpy as np
from seg_node.engines import compiled_cache
from seg_node.engines.base import check_batch, EngineError, EngineSpec, read_weights, warm_up

try:
    from cuda.bindings import runtime as cudart
    import tensorrt
except ImportError as error:
    raise EngineError(
        f'engine tensorrt is not available ({error}): it needs an NVIDIA GPU and '
        'pip install tensorrt cuda-python; engine onnxruntime runs everywhere'
    ) from error

_log = logging.getLogger(__name__)


class TensorRtEngine:
    """Runs an ONNX file through a TensorRT plan, strongly typed."""

    def __init__(self, spec: EngineSpec) -> None:
        """
        Build or load the plan, allocate, warm up.

        :raises EngineError: when there is no GPU, or the file cannot be built.
        """
        self._spec = spec
        self._logger = tensorrt.Logger(tensorrt.Logger.WARNING)
        gpu = _gpu_name()
        self._engine = _load_or_build(spec, self._logger, gpu)
        self._context = self._engine.create_execution_context()
        self._stream = _check(cudart.cudaStreamCreate())
        self._scores = np.empty((1, spec.classes, spec.height, spec.width), np.uint8)
        self._device_input = _check(cudart.cudaMalloc(spec.height * spec.width * 3))
        self._device_scores = _check(cudart.cudaMalloc(self._scores.nbytes))
        self._closed = False
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        for name, address in zip(names, (self._device_input, self._device_scores), strict=True):
            self._context.set_tensor_address(name, address)
        self.description = f'tensorrt {tensorrt.__version__}, {gpu}, {spec.precision}'
        warm_up(self, spec)

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Run the network; see :class:`seg_node.engines.base.Engine`."""
        if self._closed:
            raise EngineError('engine tensorrt was closed: load it again')
        check_batch(batch, self._spec)
        to_device = cudart.cudaMemcpyKind.cudaMemcpyHostToDevice
        to_host = cudart.cudaMemcpyKind.cudaMemcpyDeviceToHost
        stream, scores = self._stream, self._scores
        batch = np.ascontiguousarray(batch)
        _check(
            cudart.cudaMemcpyAsync(
                self._device_input, batch.ctypes.data, batch.nbytes, to_device, stream
            )
        )
        if not self._context.execute_async_v3(stream):
            raise EngineError('tensorrt failed to run the network: see its log above')
        _check(
            cudart.cudaMemcpyAsync(
                scores.ctypes.data, self._device_scores, scores.nbytes, to_host, stream
            )
        )
        _check(cudart.cudaStreamSynchronize(stream))
        return scores

    def close(self) -> None:
        """Free GPU memory."""
        if self._closed:
            return
        self._closed = True
        self._context = self._engine = None
        for address in (self._device_input, self._device_scores):
            _check(cudart.cudaFree(address))
        _check(cudart.cudaStreamDestroy(self._stream))


def _load_or_build(
    spec: EngineSpec, logger: 'tensorrt.Logger', gpu: str
) -> 'tensorrt.ICudaEngine':
    network = read_weights(spec)
    key = compiled_cache.key_of(f'tensorrt {tensorrt.__version__}', spec, {'gpu': gpu})
    runtime = tensorrt.Runtime(logger)

    def restore(plan: bytes) -> 'tensorrt.ICudaEngine':
        engine = runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise EngineError(f'tensorrt cannot load the plan of {spec.path.name}')
        return engine

    def build() -> tuple['tensorrt.ICudaEngine', bytes]:
        plan = _build_plan(network, spec, logger)
        return restore(plan), plan

    return compiled_cache.restore_or_build(key, restore, build)


def _build_plan(network: bytes, spec: EngineSpec, logger: 'tensorrt.Logger') -> bytes:
    _log.warning('building a TensorRT plan of %s: this takes minutes, once', spec.path.name)
    flags = 1 << int(tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    builder = tensorrt.Builder(logger)
    definition = builder.create_network(flags)
    parser = tensorrt.OnnxParser(definition, logger)
    if not parser.parse(network):
        raise EngineError(f'tensorrt cannot read {spec.path.name}: {parser.get_error(0).desc()}')
    plan = builder.build_serialized_network(definition, builder.create_builder_config())
    if plan is None:
        raise EngineError(f'tensorrt cannot build {spec.path.name}: see its log above')
    return bytes(plan)


def _gpu_name() -> str:
    properties = _check(cudart.cudaGetDeviceProperties(0))
    name = properties.name
    return name.decode() if isinstance(name, bytes) else str(name)


def _check(result: tuple[Any, ...]) -> Any:
    """Unpack what a CUDA call returns, or raise with CUDA's own words."""
    status, *values = result
    if int(status) != 0:
        message = cudart.cudaGetErrorString(status)[1]
        raise EngineError(f'CUDA: {message}: is there an NVIDIA GPU with a driver?')
    return values[0] if values else None
