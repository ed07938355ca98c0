"""Bundles made by hand for tests: their networks are simple enough to know every answer."""

from dataclasses import replace
from pathlib import Path
import tempfile

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
from seg_node.bundle import Adapter, describe_file, Manifest, ModelBundle, save_bundle
from seg_node.postprocess import OutputSpec
from seg_node.preprocess import InputSpec

ENGINES = ('onnxruntime', 'openvino', 'torch')


def make_bundle(
    folder: Path,
    width: int = 64,
    height: int = 32,
    *,
    dark: bool = False,
    slow_layers: int = 0,
    resize: str = 'letterbox',
    name: str = 'tiny',
) -> ModelBundle:
    """
    Write a bundle whose network calls bright pixels lane marking and all others background.

    :param dark: call dark pixels lane marking instead.
    :param slow_layers: convolutions that cost time and change nothing.
    """
    with tempfile.TemporaryDirectory() as temporary:
        staged = Path(temporary)
        sources = {}
        entries = {}
        for path, is_dark in (('model.onnx', dark), ('adapters/dark/model.onnx', not dark)):
            (staged / path).parent.mkdir(parents=True, exist_ok=True)
            onnx.save(brightness_network(width, height, is_dark, slow_layers), staged / path)
            sources[path] = staged / path
            entries[path] = describe_file(
                staged, path, format='onnx', precision='fp32', engines=ENGINES
            )
        manifest = Manifest(
            name=name,
            files=(entries['model.onnx'],),
            adapters={'dark': Adapter((entries['adapters/dark/model.onnx'],))},
            input=InputSpec(width=width, height=height, resize=resize),
            output=OutputSpec(lane_threshold=0.5),
        )
        return save_bundle(folder, manifest, sources)


def bundle_of(folder: Path, network: bytes) -> ModelBundle:
    """Write a bundle around the bytes of a network; it is whole, whatever they are."""
    folder.mkdir(exist_ok=True)
    path = folder.with_suffix('.onnx')
    path.write_bytes(network)
    entry = describe_file(path.parent, path.name, format='onnx', precision='fp32', engines=ENGINES)
    manifest = Manifest(
        name='broken',
        files=(replace(entry, path='model.onnx'),),
        input=InputSpec(width=64, height=32),
    )
    for old in folder.iterdir():
        old.unlink()
    return save_bundle(folder, manifest, {'model.onnx': path})


def random_batch(seed: int = 0, height: int = 32, width: int = 64) -> np.ndarray:
    """Return a picture of noise as engines take it, (1, H, W, 3) uint8 BGR."""
    return np.random.default_rng(seed).integers(0, 256, (1, height, width, 3), np.uint8)


def brightness_network(
    width: int, height: int, dark: bool = False, slow_layers: int = 0
) -> onnx.ModelProto:
    """Return a graph uint8 (1, H, W, 3) BGR -> uint8 (1, 3, H, W): lane = brightness, or 255 -."""
    constants = {
        'third': np.float32(1 / 3),
        'zero': np.float32(0),
        'full': np.float32(255),
    }
    for index, name in enumerate(('start_b', 'start_g', 'start_r')):
        constants[name] = np.array([index], np.int64)
        constants[name.replace('start', 'end')] = np.array([index + 1], np.int64)
    constants['axis'] = np.array([1], np.int64)
    nodes = [
        helper.make_node('Transpose', ['frame'], ['planes'], perm=[0, 3, 1, 2]),
        helper.make_node('Cast', ['planes'], ['values'], to=TensorProto.FLOAT),
    ]
    nodes += [
        helper.make_node('Slice', ['values', f'start_{c}', f'end_{c}', 'axis'], [c]) for c in 'bgr'
    ]
    nodes += [
        helper.make_node('Add', ['b', 'g'], ['bg']),
        helper.make_node('Add', ['bg', 'r'], ['bgr']),
        helper.make_node('Mul', ['bgr', 'third'], ['bright']),
        helper.make_node('Sub', ['full', 'bright'], ['other']),
        helper.make_node('Mul', ['bright', 'zero'], ['road']),
    ]
    road = 'road'
    if slow_layers:
        road = _add_slow_layers(nodes, constants, slow_layers)
    order = ['bright', 'other', road] if dark else ['other', 'bright', road]
    nodes += [
        helper.make_node('Concat', order, ['scores_float'], axis=1),
        helper.make_node('Cast', ['scores_float'], ['scores'], to=TensorProto.UINT8),
    ]
    graph = helper.make_graph(
        nodes,
        'brightness',
        [helper.make_tensor_value_info('frame', TensorProto.UINT8, (1, height, width, 3))],
        [helper.make_tensor_value_info('scores', TensorProto.UINT8, (1, 3, height, width))],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


def _add_slow_layers(
    nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray], layers: int
) -> str:
    """Append 32-channel convolutions over the zero plane; return the name of their output."""
    shapes = [(32, 1), *[(32, 32)] * layers, (1, 32)]
    source = 'road'
    for index, (outputs, inputs) in enumerate(shapes):
        constants[f'w{index}'] = np.full((outputs, inputs, 3, 3), 0.01, np.float32)
        attributes = {'pads': [1] * 4, 'strides': [1, 1], 'dilations': [1, 1]}
        nodes.append(
            helper.make_node(
                'Conv', [source, f'w{index}'], [f'c{index}'], kernel_shape=[3, 3], **attributes
            )
        )
        source = f'c{index}'
    return source
