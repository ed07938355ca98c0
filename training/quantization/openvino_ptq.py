"""int8 for OpenVINO, by NNCF: uint8 or int8 activations as they come, int8 weights by channel."""

from collections.abc import Iterator, Sequence
import contextlib
import io
import logging
import os
from pathlib import Path
from types import ModuleType
from typing import Any
import warnings

import numpy as np
import openvino
from training.errors import ConfigError, ExportError

_LAYER_TYPES = ('Convolution', 'GroupConvolution', 'ConvolutionBackpropData', 'MatMul')
_NO_WORK = ('Constant', 'Parameter', 'Result')
#: OpenVINO puts a layer's bias into an operation of its own and names the rest so.
_WITHOUT_BIAS = '/WithoutBiases'


def import_nncf() -> ModuleType:
    """
    Return NNCF; it tells nobody that it is used.

    :raises ConfigError: when it is not installed.
    """
    os.environ.setdefault('NNCF_CI', '1')  # its one switch that leaves telemetry out
    try:
        import nncf
    except ImportError as error:
        raise ConfigError(
            f'int8 for openvino needs nncf, which is not there ({error}): pip install nncf, or '
            'leave openvino out of --engines'
        ) from error
    nncf.set_log_level(logging.ERROR)
    module: ModuleType = nncf
    return module


def quantize_openvino(
    source: Path,
    target: Path,
    batches: Sequence[np.ndarray],
    method: str = 'minmax',
    percentile: float = 99.999,
    skip: Sequence[str] = (),
) -> None:
    """
    Write an OpenVINO IR in int8: ``target`` and the weights beside it.

    :param source: the fp32 graph, ONNX.
    :param target: a path that ends in .xml.
    :param batches: calibration frames, uint8 (1, H, W, 3) BGR each.
    :param method: ``minmax`` or ``percentile``.
    :param percentile: share of the values that the last one keeps, in percent.
    :param skip: names of ONNX layers that stay in fp32.
    :raises ConfigError: when NNCF is not installed.
    :raises ExportError: when it refuses the graph.
    """
    nncf = import_nncf()
    try:
        model = openvino.Core().read_model(source)
        with quiet():
            quantized = nncf.quantize(
                model,
                nncf.Dataset(list(batches)),
                preset=nncf.QuantizationPreset.MIXED,
                target_device=nncf.TargetDevice.CPU,
                subset_size=len(batches),
                fast_bias_correction=True,
                ignored_scope=nncf.IgnoredScope(names=[
                    *after_last_layer(model), *_names_of(model, skip)
                ]),
                advanced_parameters=ranges_of(method, percentile),
            )  # fmt: skip
        save_ir(quantized, target)
    except ConfigError:
        raise
    except Exception as error:  # whatever it makes of a graph that it was not made for
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise ExportError(
            f'{source.name} cannot be quantized for openvino ({reason:.200}): export the model '
            'again, or leave openvino out of --engines'
        ) from error


def save_ir(model: openvino.Model, target: Path) -> None:
    """Write a model as .xml and .bin, weights that are no int8 in fp32."""
    openvino.save_model(model, target, compress_to_fp16=False)


def after_last_layer(model: openvino.Model) -> list[str]:
    """Return the names of the operations that no layer comes after, as in ``graph_parts``."""
    reaches: dict[str, bool] = {}
    names = []
    for operation in reversed(model.get_ordered_ops()):
        users = [
            target.get_node()
            for port in operation.outputs()
            for target in port.get_target_inputs()
        ]
        name = operation.get_friendly_name()
        reaches[name] = any(
            user.get_type_name() in _LAYER_TYPES or reaches[user.get_friendly_name()]
            for user in users
        )
        kind = operation.get_type_name()
        if not reaches[name] and kind not in (*_LAYER_TYPES, *_NO_WORK):
            names.append(name)
    return names[::-1]


def _names_of(model: openvino.Model, layers: Sequence[str]) -> list[str]:
    """Return what OpenVINO calls layers of the ONNX graph that a model was read from."""
    return [
        operation.get_friendly_name()
        for operation in model.get_ordered_ops()
        if operation.get_type_name() in _LAYER_TYPES
        and operation.get_friendly_name().removesuffix(_WITHOUT_BIAS) in layers
    ]


def ranges_of(method: str, percentile: float = 99.999) -> Any:
    """
    Return how NNCF makes ranges of what calibration saw: wide enough for every frame.

    Its own choice is the mean over the frames. That cuts off the bright ones where dark ones were
    calibrated on too: of the lane pixels of fp32 96 % were left instead of 99 %.
    """
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters
    from nncf.quantization.range_estimator import (
        AggregatorType,
        RangeEstimatorParameters,
        StatisticsCollectorParameters,
        StatisticsType,
    )

    quantile = method == 'percentile'
    low, high = (
        StatisticsCollectorParameters(
            statistics_type=StatisticsType.QUANTILE if quantile else extreme,
            aggregator_type=aggregator,
            quantile_outlier_prob=1 - percentile / 100,
        )
        for extreme, aggregator in (
            (StatisticsType.MIN, AggregatorType.MIN),
            (StatisticsType.MAX, AggregatorType.MAX),
        )
    )
    return AdvancedQuantizationParameters(
        activations_range_estimator_params=RangeEstimatorParameters(min=low, max=high)
    )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep NNCF from drawing progress bars, and from warning of what it does itself."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter('ignore')
        yield
