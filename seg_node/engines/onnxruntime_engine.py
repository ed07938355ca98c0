"""
ONNX Runtime on the CPU: the default engine, on every platform.

The graph that it runs is the file's after its own optimisations, kept from the first start on.
"""

from pathlib import Path
import tempfile

import numpy as np
from seg_node.engines import compiled_cache
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
    import onnxruntime
except ImportError as error:
    raise EngineError(
        f'engine onnxruntime is not installed ({error}): pip install onnxruntime'
    ) from error

# Some builds report their use to their maker; a robot keeps to itself.
onnxruntime.disable_telemetry_events()


class OnnxRuntimeEngine:
    """Runs an ONNX file in ONNX Runtime's CPU provider."""

    def __init__(self, spec: EngineSpec) -> None:
        """
        Load and warm up.

        :raises EngineError: when the file cannot be loaded or is not what the bundle states.
        """
        self._spec = spec
        network = read_weights(spec)
        library = f'onnxruntime {onnxruntime.__version__}'
        # the optimised graph is the same for any number of threads
        key = compiled_cache.key_of(library, spec, {})
        self._session: onnxruntime.InferenceSession | None = compiled_cache.restore_or_build(
            key, lambda kept: _restore(kept, spec), lambda: _build(network, spec)
        )
        declared = self._session.get_inputs()[0]
        check_graph_input(declared.shape, spec)
        self._input_name = declared.name
        self.description = f'{library}, {spec.precision}, {spec.thread_count} threads'
        warm_up(self, spec)

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Run the network; see :class:`seg_node.engines.base.Engine`."""
        if self._session is None:
            raise EngineError('engine onnxruntime was closed: load it again')
        check_batch(batch, self._spec)
        try:
            return self._session.run(None, {self._input_name: batch})[0]
        except Exception as error:  # onnxruntime raises a dozen unrelated classes
            raise EngineError(f'onnxruntime failed: {first_line(error)}') from error

    def close(self) -> None:
        """Drop the session."""
        self._session = None


def _build(network: bytes, spec: EngineSpec) -> tuple['onnxruntime.InferenceSession', bytes]:
    """Optimise a network; return it ready to run, and as it is to be kept."""
    options = session_options(spec.thread_count)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, 'optimised.onnx')
            options.optimized_model_filepath = str(path)
            return _session(network, options), path.read_bytes()
    except Exception:  # no room, or a network that cannot be: then the next line says so
        return _session(network, session_options(spec.thread_count)), b''


def _restore(kept: bytes, spec: EngineSpec) -> 'onnxruntime.InferenceSession':
    options = session_options(spec.thread_count)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return _session(kept, options)


def _session(
    network: bytes, options: 'onnxruntime.SessionOptions'
) -> 'onnxruntime.InferenceSession':
    return onnxruntime.InferenceSession(network, options, providers=['CPUExecutionProvider'])


def session_options(threads: int) -> 'onnxruntime.SessionOptions':
    """Return how this engine runs any network: for latency, beside other programs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Idle threads that spin for the next frame take the core from the camera and from DDS.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    return options
