"""
OpenVINO on the CPU: optional, usually the fastest on x86 and on recent Arm.

What its compiler makes of a model is kept from the first start on. OpenVINO has a cache of its
own (``CACHE_DIR``), but that one takes whatever lies in its folder.
"""

import io
from typing import Any

import numpy as np
from seg_node.engines import compiled_cache
from seg_node.engines.base import (
    check_batch,
    check_graph_input,
    EngineError,
    EngineSpec,
    read_weights,
    read_weights_beside,
    warm_up,
)

try:
    import openvino
except ImportError as error:
    raise EngineError(
        f'engine openvino is not installed ({error}): pip install openvino'
    ) from error

#: OpenVINO computes in bf16 by itself where the processor can; parity needs it to be told.
_PRECISION_HINT = {'fp32': 'f32', 'bf16': 'bf16', 'int8': 'f32'}


def compile_settings(precision: str, threads: int) -> dict[str, Any]:
    """Return how this engine compiles any network: for latency, in the precision asked for."""
    return {
        'PERFORMANCE_HINT': 'LATENCY',
        'INFERENCE_NUM_THREADS': threads,
        'INFERENCE_PRECISION_HINT': _PRECISION_HINT[precision],
    }


def has_bf16() -> bool:
    """Return whether this processor computes in bf16 by itself."""
    return 'BF16' in openvino.Core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')


class OpenVinoEngine:
    """Runs an ONNX file or an OpenVINO IR on OpenVINO's CPU plugin."""

    def __init__(self, spec: EngineSpec) -> None:
        """
        Load, compile for latency and warm up.

        :raises EngineError: when the file cannot be loaded or is not what the bundle states.
        """
        self._spec = spec
        settings = compile_settings(spec.precision, spec.thread_count)
        content = _read(spec)
        core = openvino.Core()
        key = compiled_cache.key_of(f'openvino {openvino.__version__}', spec, settings)
        try:
            compiled = compiled_cache.restore_or_build(
                key,
                lambda kept: core.import_model(io.BytesIO(kept), 'CPU', settings),
                lambda: _build(core, content, settings),
            )
        except RuntimeError as error:
            raise EngineError(
                f'openvino cannot load {spec.path.name}: {last_line(error)}'
            ) from error
        check_graph_input(_extents(compiled.input().partial_shape), spec)
        self._request: openvino.InferRequest | None = compiled.create_infer_request()
        self.description = (
            f'openvino {openvino.__version__.split("-")[0]}, {spec.precision}, '
            f'{spec.thread_count} threads'
        )
        warm_up(self, spec)

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Run the network; see :class:`seg_node.engines.base.Engine`."""
        if self._request is None:
            raise EngineError('engine openvino was closed: load it again')
        check_batch(batch, self._spec)
        try:
            self._request.infer([batch], share_inputs=True)
        except RuntimeError as error:
            raise EngineError(f'openvino failed: {last_line(error)}') from error
        return self._request.get_output_tensor().data

    def close(self) -> None:
        """Drop the compiled model."""
        self._request = None


def _read(spec: EngineSpec) -> tuple[bytes, ...]:
    """Return an ONNX file, or an IR and the weights that lie in the .bin beside it."""
    if spec.path.suffix == '.xml':
        return read_weights(spec), read_weights_beside(spec)
    return (read_weights(spec),)


def _build(
    core: 'openvino.Core', content: tuple[bytes, ...], settings: dict[str, Any]
) -> tuple['openvino.CompiledModel', bytes]:
    """Compile a model; return it ready to run, and as it is to be kept."""
    compiled = core.compile_model(core.read_model(*content), 'CPU', settings)
    kept = io.BytesIO()
    compiled.export_model(kept)
    return compiled, kept.getvalue()


def _extents(shape: 'openvino.PartialShape') -> list[int | str]:
    return [
        extent.get_length() if extent.is_static else str(extent)
        for extent in (shape if shape.rank.is_static else [])
    ]


def last_line(error: RuntimeError) -> str:
    """Return the one line of OpenVINO's message that names the reason."""
    return str(error).strip().splitlines()[-1]
