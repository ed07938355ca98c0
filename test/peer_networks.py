"""Models as others make them: floats in, planes or pixels, scores or label ids out."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto

WIDTH, HEIGHT = 64, 32


def write_peer(
    path: Path,
    *,
    layout: str = 'nchw',
    shape: tuple[int | str, ...] | None = None,
    shrink: int = 1,
    label_ids: bool = False,
    one_plane: bool = False,
    dtype: int = TensorProto.FLOAT,
    metadata: dict[str, str] | None = None,
) -> Path:
    """
    Write a network that scores class 0 by its first channel, 1 by the second, 2 by the third.

    :param shape: of the input, where it is not one picture of 64x32.
    :param shrink: how much smaller the scores are than the picture.
    :param label_ids: give the best class of each pixel instead of scores.
    :param one_plane: give the probability of one class.
    """
    planes = layout == 'nchw'
    own = (1, 3, HEIGHT, WIDTH) if planes else (1, HEIGHT, WIDTH, 3)
    nodes, source = [], 'picture'
    if dtype != TensorProto.FLOAT:
        nodes.append(helper.make_node('Cast', [source], ['floats'], to=TensorProto.FLOAT))
        source = 'floats'
    if not planes:
        nodes.append(helper.make_node('Transpose', [source], ['planes'], perm=[0, 3, 1, 2]))
        source = 'planes'
    attributes = {'kernel_shape': [1, 1], 'strides': [shrink, shrink]}
    nodes.append(helper.make_node('Conv', [source, 'weights'], ['scores'], **attributes))
    weights = np.eye(3, dtype=np.float32)[: 1 if one_plane else 3, :, None, None]
    output, kind = 'scores', TensorProto.FLOAT
    if one_plane:
        nodes.append(helper.make_node('Sigmoid', ['scores'], ['probability']))
        output = 'probability'
    if label_ids:
        nodes.append(helper.make_node('ArgMax', ['scores'], ['labels'], axis=1))
        output, kind = 'labels', TensorProto.INT64
    graph = helper.make_graph(
        nodes,
        'peer',
        [helper.make_tensor_value_info('picture', dtype, own if shape is None else shape)],
        [helper.make_tensor_value_info(output, kind, None)],
        [numpy_helper.from_array(weights, 'weights')],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, path)
    return path
