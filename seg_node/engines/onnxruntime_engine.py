"""ONNX Runtime on the CPU: the default engine, on every platform."""

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
    import onnxruntime
except ImportError as error:
    raise EngineError(
        f'engine onnxruntime is not installed ({error}): pip install onnxruntime'
    ) from error


class OnnxRuntimeEngine:
    """Runs an ONNX file in ONNX Runtime's CPU provider."""

    def __init__(self, spec: EngineSpec) -> None:
        """
        Load and warm up.

        :raises EngineError: when the file cannot be loaded or is not what the bundle states.
        """
        self._spec = spec
        options = _session_options(spec.thread_count)
        self._session: onnxruntime.InferenceSession | None = onnxruntime.InferenceSession(
            read_weights(spec), options, providers=['CPUExecutionProvider']
        )
        declared = self._session.get_inputs()[0]
        check_graph_input(declared.shape, spec)
        self._input_name = declared.name
        self.description = (
            f'onnxruntime {onnxruntime.__version__}, {spec.precision}, {spec.thread_count} threads'
        )
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


def _session_options(threads: int) -> 'onnxruntime.SessionOptions':
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Idle threads that spin for the next frame take the core from the camera and from DDS.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    return options
