"""What the torch engine's graph does beyond the contract that it shares with the others."""

from pathlib import Path

from bundles import bundle_of, random_batch
import numpy as np
import onnx
import pytest
from seg_node.bundle import ModelBundle
from seg_node.engines import EngineError, load_engine


def shuffling_network() -> onnx.ModelProto:
    """Return convolutions between the reshaping, slicing and resizing that our exports hold."""
    random = np.random.default_rng(0)
    constants = {
        'back': np.array([-1], np.int64),
        'before': np.array([-5], np.int64),
        'one': np.array([1], np.int64),
        'weight': random.normal(0, 0.3, (4, 3, 3, 3)).astype(np.float32),
        'bias': random.normal(0, 1, 4).astype(np.float32),
        'up': random.normal(0, 0.3, (4, 3, 2, 2)).astype(np.float32),
        'halves': np.array([1, 1, 0.5, 0.5], np.float32),
        'scale': np.float32(1 / 64),
        'shape': np.array([1, 3, 32, 64], np.int64),
        'half': np.float32(127.5),
    }
    node = onnx.helper.make_node
    plain = {'strides': [1, 1], 'dilations': [1, 1], 'pads': [1] * 4}
    nodes = [
        node('Transpose', ['frame'], ['planes'], perm=[0, 3, 1, 2]),
        node('Cast', ['planes'], ['floats'], to=onnx.TensorProto.FLOAT),
        node('Slice', ['floats', 'back', 'before', 'one', 'back'], ['turned']),
        node('Mul', ['turned', 'scale'], ['small']),
        node('Conv', ['small', 'weight', 'bias'], ['features'], **plain),
        node('Relu', ['features'], ['positive']),
        node('Resize', ['positive', '', 'halves'], ['coarse'], mode='linear'),
        node('ConvTranspose', ['coarse', 'up'], ['fine'], **{**plain, 'strides': [2, 2],
             'pads': [0] * 4}),
        node('Reshape', ['fine', 'shape'], ['logits']),
        node('Sigmoid', ['logits'], ['certain']),
        node('Mul', ['certain', 'half'], ['levels']),
        node('Cast', ['levels'], ['scores'], to=onnx.TensorProto.UINT8),
    ]  # fmt: skip
    graph = onnx.helper.make_graph(
        nodes,
        'shuffling',
        [onnx.helper.make_tensor_value_info('frame', onnx.TensorProto.UINT8, (1, 32, 64, 3))],
        [onnx.helper.make_tensor_value_info('scores', onnx.TensorProto.UINT8, (1, 3, 32, 64))],
        [onnx.numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()],
    )
    opset = onnx.helper.make_opsetid('', 18)
    return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9)


def shuffled_scores(device: str, dtype: str) -> np.ndarray:
    """Return what the torch engine's graph makes of a picture."""
    torch = pytest.importorskip('torch', reason='torch is not installed')
    from seg_node.engines.torch_engine import Graph

    graph = Graph(shuffling_network().graph, device, getattr(torch, dtype))
    with torch.inference_mode():
        return graph.run(torch.from_numpy(random_batch()).to(device))


def test_torch_computes_what_onnxruntime_does(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path / 'bundle', shuffling_network().SerializeToString())
    expected = load_engine(bundle, 'onnxruntime', 'fp32').infer(random_batch()).astype(int)
    assert expected.std() > 5
    assert np.abs(shuffled_scores('cpu', 'float32').numpy() - expected).max() <= 1
    # convolutions alone are in half precision, so that little is lost
    assert np.abs(shuffled_scores('cpu', 'bfloat16').numpy() - expected).max() <= 4


def test_torch_never_reads_back_from_the_device_within_a_frame() -> None:
    """What a graph captured on a GPU must not do; tensors without data raise when read."""
    scores = shuffled_scores('meta', 'float16')
    assert tuple(scores.shape) == (1, 3, 32, 64)


@pytest.mark.parametrize('precision', ['fp32', 'bf16', 'fp16'])
def test_torch_on_cuda_replays_a_captured_graph(tmp_path: Path, precision: str) -> None:
    torch = pytest.importorskip('torch', reason='torch is not installed')
    if not torch.cuda.is_available():
        pytest.skip('there is no NVIDIA GPU here')
    bundle = bundle_of(tmp_path / 'bundle', shuffling_network().SerializeToString())
    expected = shuffled_scores('cpu', 'float32').numpy().astype(int)
    engine = load_engine(bundle, 'torch', precision)
    assert 'cuda' in engine.description
    assert engine._run._captured is not None
    first = engine.infer(random_batch()).copy()
    engine.infer(random_batch(1))
    assert np.array_equal(engine.infer(random_batch()), first)
    assert np.abs(first - expected).max() <= {'fp32': 1, 'bf16': 4, 'fp16': 2}[precision]


def test_half_precision_in_torch_is_for_gpus(tiny_bundle: ModelBundle) -> None:
    torch = pytest.importorskip('torch', reason='torch is not installed')
    if torch.cuda.is_available():
        pytest.skip('there is an NVIDIA GPU here')
    with pytest.raises(EngineError, match='nothing for engine torch with precision fp16'):
        load_engine(tiny_bundle, 'torch', 'fp16')
