"""
Which layers int8 hurts: each one quantized alone, the others in fp32.

A layer counts as quantized when its weights are rounded and its input passes through
QuantizeLinear and DequantizeLinear, both with the scales that calibration found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
import onnxruntime
from seg_node.postprocess import decide
from training.quantization.graph_parts import Layer, layers_of
from training.quantization.measuring import agreement_counts, shares_of

#: Frames that are enough to rank layers; each costs a run of the network for every layer.
FRAMES = 8


@dataclass(frozen=True)
class Sensitivity:
    """
    What a network loses when one of its layers alone is quantized.

    :param score_rms: root mean square change of a score, of 255.
    :param lane_agreement: IoU of the lane pixels before and after.
    """

    layer: str
    node: str
    score_rms: float
    lane_agreement: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def sensitivities(
    graph: Path, quantized: Path, batches: Sequence[np.ndarray], lane_threshold: float
) -> list[Sensitivity]:
    """
    Return the layers of a network, the most sensitive one first.

    :param graph: in fp32, ONNX.
    :param quantized: the same with static QDQ for ONNX Runtime.
    :param batches: uint8 (1, H, W, 3) BGR each.
    :param lane_threshold: of the bundle.
    """
    model, rounded = onnx.load(str(graph)), onnx.load(str(quantized))
    expected = _scores(model, batches)
    found = []
    for layer in layers_of(model):
        single = quantize_one(model, rounded, layer)
        if single is None:
            continue
        scores = _scores(single, batches)
        pairs = list(zip(expected, scores, strict=True))
        squares = [np.square(a - b.astype(np.float64)).mean() for a, b in pairs]
        counts = sum(
            agreement_counts(decide(a[0], lane_threshold), decide(b[0], lane_threshold))
            for a, b in pairs
        )
        found.append(
            Sensitivity(
                layer.label,
                layer.node,
                round(float(np.sqrt(np.mean(squares))), 4),
                shares_of(np.asarray(counts))['lane_iou'],
            )
        )
    return sorted(found, key=lambda one: -one.score_rms)


def quantize_one(
    model: onnx.ModelProto, rounded: onnx.ModelProto, layer: Layer
) -> onnx.ModelProto | None:
    """
    Return an fp32 graph with one layer quantized; None where the quantizer left it in fp32.

    :param model: in fp32; stays as it is.
    :param rounded: the same with static QDQ, which has the scales.
    """
    scales = {tensor.name: tensor for tensor in rounded.graph.initializer}
    twin = next((node for node in rounded.graph.node if node.name == layer.node), None)
    sources = {output: node for node in rounded.graph.node for output in node.output}
    if twin is None or not all(_is_dequantized(name, sources) for name in twin.input[:2]):
        return None
    single = onnx.ModelProto()
    single.CopyFrom(model)
    graph = single.graph
    place, node = next((i, n) for i, n in enumerate(graph.node) if n.name == layer.node)
    weight = numpy_helper.from_array(
        _weights(sources[twin.input[1]], scales), f'{layer.node}_rounded'
    )
    scale, zero_point = (scales[name] for name in sources[twin.input[0]].input[1:3])
    graph.initializer.extend([weight, *_missing((scale, zero_point), graph)])
    middle, result = f'{layer.node}_q', f'{layer.node}_dq'
    parameters = [scale.name, zero_point.name]
    quantize = helper.make_node('QuantizeLinear', [node.input[0], *parameters], [middle])
    dequantize = helper.make_node('DequantizeLinear', [middle, *parameters], [result])
    node.input[0], node.input[1] = result, weight.name
    graph.node.insert(place, dequantize)
    graph.node.insert(place, quantize)
    return single


def _is_dequantized(name: str, sources: Mapping[str, onnx.NodeProto]) -> bool:
    return name in sources and sources[name].op_type == 'DequantizeLinear'


def _missing(
    tensors: Sequence[onnx.TensorProto], graph: onnx.GraphProto
) -> list[onnx.TensorProto]:
    there = {tensor.name for tensor in graph.initializer}
    return [tensor for tensor in tensors if tensor.name not in there]


def _weights(node: onnx.NodeProto, scales: Mapping[str, onnx.TensorProto]) -> np.ndarray:
    """Return weights as DequantizeLinear gives them, one scale for each slice of an axis."""
    values, scale, zero_point = (numpy_helper.to_array(scales[name]) for name in node.input[:3])
    axis = next((a.i for a in node.attribute if a.name == 'axis'), 1)
    shape = [1] * values.ndim
    if scale.size > 1:
        shape[axis] = scale.size
    centred = values.astype(np.float32) - zero_point.astype(np.float32).reshape(shape)
    return (centred * scale.reshape(shape)).astype(np.float32)


def _scores(model: onnx.ModelProto, batches: Sequence[np.ndarray]) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=['CPUExecutionProvider']
    )
    name = session.get_inputs()[0].name
    return [session.run(None, {name: batch})[0] for batch in batches]
