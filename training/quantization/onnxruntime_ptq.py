"""
int8 for ONNX Runtime and TensorRT: QuantizeLinear and DequantizeLinear around every layer.

ONNX Runtime on x86 is fastest with uint8 activations and int8 weights, one scale for each output
channel; TensorRT takes symmetric int8 alone. One file is therefore not both.
"""

from collections.abc import Iterator, Sequence
import contextlib
import io
import logging
from pathlib import Path
import tempfile
from typing import Any
import warnings

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    quantize_dynamic,
    quantize_static,
    QuantType,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from training.errors import ExportError
from training.quantization.graph_parts import after_last_layer

_METHODS = {
    'minmax': CalibrationMethod.MinMax,
    'entropy': CalibrationMethod.Entropy,
    'percentile': CalibrationMethod.Percentile,
}


def quantize_onnx(
    source: Path,
    target: Path,
    batches: Sequence[np.ndarray],
    method: str = 'minmax',
    percentile: float = 99.999,
    skip: Sequence[str] = (),
) -> None:
    """
    Write a graph with uint8 activations and int8 weights for ONNX Runtime.

    :param source: the fp32 graph.
    :param batches: calibration frames, uint8 (1, H, W, 3) BGR each.
    :param method: ``minmax``, ``entropy`` or ``percentile``.
    :param percentile: share of the values that the last one keeps.
    :param skip: names of layers that stay in fp32.
    :raises ExportError: when the quantizer refuses the graph.
    """
    options: dict[str, Any] = {}
    if method == 'percentile':
        options['CalibPercentile'] = percentile
    _quantize(source, target, batches, method, QuantType.QUInt8, options, skip)


def quantize_for_tensorrt(source: Path, target: Path, batches: Sequence[np.ndarray]) -> None:
    """
    Write a graph with explicit, symmetric int8 for TensorRT 10 and later.

    Activations and weights have zero point 0, weights one scale for each output channel, and
    biases stay in fp32. It is checked as a graph, not run on TensorRT.

    :param source: the fp32 graph.
    :param batches: calibration frames, uint8 (1, H, W, 3) BGR each.
    :raises ExportError: when the quantizer refuses the graph, or what it wrote is not symmetric.
    """
    options = {
        'ActivationSymmetric': True,
        'WeightSymmetric': True,
        'QuantizeBias': False,
        'AddQDQPairToWeight': True,
    }
    _quantize(source, target, batches, 'minmax', QuantType.QInt8, options, ())
    check_symmetric(onnx.load(str(target)))


def check_symmetric(model: onnx.ModelProto) -> None:
    """
    Refuse a graph that TensorRT would not take.

    :raises ExportError: when a quantizer has another zero point than 0, or is not int8.
    """
    onnx.checker.check_model(model, full_check=True)
    values = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type not in ('QuantizeLinear', 'DequantizeLinear'):
            continue
        zero_point = values.get(node.input[2]) if len(node.input) > 2 else None
        kind = onnx.TensorProto.INT8 if zero_point is None else zero_point.data_type
        if kind != onnx.TensorProto.INT8 or (
            zero_point is not None and onnx.numpy_helper.to_array(zero_point).any()
        ):
            raise ExportError(
                f'{node.name} is not symmetric int8, which TensorRT needs: try another version '
                'of onnxruntime'
            )


def quantize_dynamically(source: Path, target: Path) -> None:
    """
    Write a graph whose activations get their ranges anew in every frame.

    :param source: the fp32 graph.
    :raises ExportError: when the quantizer refuses the graph.
    """
    with _prepared(source) as prepared, _quiet():
        try:
            quantize_dynamic(
                prepared,
                target,
                per_channel=True,
                weight_type=QuantType.QInt8,
                extra_options={'WeightSymmetric': True},
                op_types_to_quantize=['Conv', 'MatMul', 'Gemm'],
            )
        except Exception as error:  # whatever it makes of a graph that it was not made for
            raise _refusal(source, error) from error


def _quantize(
    source: Path,
    target: Path,
    batches: Sequence[np.ndarray],
    method: str,
    activations: QuantType,
    options: dict[str, Any],
    skip: Sequence[str],
) -> None:
    with _prepared(source) as prepared, _quiet():
        model = onnx.load(str(prepared))
        try:
            quantize_static(
                prepared,
                target,
                _Frames(model.graph.input[0].name, batches),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=activations,
                weight_type=QuantType.QInt8,
                calibrate_method=_METHODS[method],
                nodes_to_exclude=[*after_last_layer(model), *skip],
                # one frame at a time: what all layers give for a frame is 40 MB
                extra_options={'CalibStridedMinMax': 1, **options},
            )
        except Exception as error:  # whatever it makes of a graph that it was not made for
            raise _refusal(source, error) from error


def _refusal(source: Path, error: Exception) -> ExportError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return ExportError(
        f'{source.name} cannot be quantized for onnxruntime ({reason:.200}): export the model '
        'again, or leave onnxruntime out of --engines'
    )


class _Frames(CalibrationDataReader):
    """Gives the calibration frames, in parts as the quantizer asks for them."""

    def __init__(self, name: str, batches: Sequence[np.ndarray]) -> None:
        self._name, self._batches = name, batches
        self.set_range(0, len(batches))

    def __len__(self) -> int:
        return len(self._batches)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Give these frames from now on."""
        self._left = iter(self._batches[start_index:end_index])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next frame by the name of the graph's input; None after the last."""
        batch = next(self._left, None)
        return None if batch is None else {self._name: batch}


@contextlib.contextmanager
def _prepared(source: Path) -> Iterator[Path]:
    """Give a copy of a graph with shapes inferred and constants folded."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder, 'prepared.onnx')
        try:
            with _quiet():
                quant_pre_process(source, prepared, skip_symbolic_shape=True)
        except Exception as error:
            raise _refusal(source, error) from error
        yield prepared


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantizer from telling each frame, and from warning of what it was told to do."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter('ignore')
        try:
            yield
        finally:
            root.setLevel(level)
