"""Operations, sizes, matrix products and fronts: what can be known without measuring."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
import pytest

pytest.importorskip('torch', reason='training needs torch')
from seg_node.bundle import describe_file, Manifest, save_bundle
from seg_node.engines import load_engine
from seg_node.preprocess import InputSpec
import torch
from training.benchmarking.errors import BenchmarkError, SizeError
from training.benchmarking.matrix_products import load_products, product_network, SHAPES
from training.benchmarking.operations import count_multiply_adds, count_onnx
from training.benchmarking.pareto import mark_fronts, on_front
from training.benchmarking.resized_bundle import resized
from training.benchmarking.resizing import resize_onnx, scaled_reshape
from training.models.cost import count_multiply_adds as count_in_torch
from training.models.score_graph import ScoreGraph
from training.models.unet import UNet, UNetConfig
from training.onnx_graph import write_onnx


@pytest.fixture(scope='module')
def network() -> UNet:
    """Return a network whose export holds sizes as numbers: its stem folds blocks of pixels."""
    torch.manual_seed(0)
    config = UNetConfig(widths=(4, 8), stem_factor=2, upsampling='transposed', block='separable')
    return UNet(config).eval()


@pytest.fixture(scope='module')
def onnx_file(network: UNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the network exported for 64x32."""
    path = tmp_path_factory.mktemp('networks') / 'small.onnx'
    write_onnx(ScoreGraph(network, InputSpec(width=64, height=32)), (1, 32, 64, 3), path, 'tiny')
    return path


@pytest.fixture(scope='module')
def ir_file(onnx_file: Path) -> Path:
    """Return the same as OpenVINO IR."""
    openvino = pytest.importorskip('openvino', reason='openvino is not installed')
    path = onnx_file.with_suffix('.xml')
    openvino.save_model(openvino.convert_model(onnx_file), path, compress_to_fp16=False)
    return path


def test_operations_of_a_file_are_those_of_the_network(network: UNet, onnx_file, ir_file) -> None:
    for shape, (height, width) in ((None, (32, 64)), ((1, 64, 96, 3), (64, 96))):
        expected = count_in_torch(network, height, width)
        for path in (onnx_file, ir_file):
            assert count_multiply_adds(path, shape) == expected


def test_operations_of_quantized_and_plain_matrix_products() -> None:
    for quantized in (False, True):
        assert count_onnx(product_network(16, 3, quantized)) == 3 * 16**3


def test_operations_of_gemm_and_of_quantized_operators() -> None:
    tensors = {
        'a': np.zeros((6, 4), np.float32),
        'b': np.zeros((6, 5), np.float32),
        's': np.float32(1),
        'z': np.uint8(0),
        'w': np.zeros((8, 3, 3, 3), np.uint8),
    }
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node('Gemm', ['x', 'b'], ['y'], transA=1),
            helper.make_node('QLinearConv', ['p', 's', 'z', 'w', 's', 'z', 's', 'z'], ['q']),
            helper.make_node('ConvInteger', ['p', 'w'], ['r']),
        ],
        'operators',
        [info('x', TensorProto.FLOAT, (6, 4)), info('p', TensorProto.UINT8, (1, 3, 10, 12))],
        [
            info('y', TensorProto.FLOAT, (4, 5)),
            info('q', TensorProto.UINT8, (1, 8, 8, 10)),
            info('r', TensorProto.INT32, (1, 8, 8, 10)),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)])
    assert count_onnx(model) == 4 * 5 * 6 + 2 * (8 * 8 * 10) * 3 * 9


def test_operations_of_an_open_size_are_refused(tmp_path: Path) -> None:
    model = product_network(16, 1, quantized=False)
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = 'N'
    onnx.save(model, tmp_path / 'open.onnx')
    with pytest.raises(BenchmarkError, match='is left open: its operations cannot be counted'):
        count_multiply_adds(tmp_path / 'open.onnx')
    (tmp_path / 'no.onnx').write_text('no model')
    with pytest.raises(BenchmarkError, match='cannot be read as a model'):
        count_multiply_adds(tmp_path / 'no.onnx')


def test_a_bundle_at_another_size_is_the_same_network(
    network: UNet, onnx_file: Path, ir_file: Path, tmp_path: Path
) -> None:
    paths = {path.name: path for path in (onnx_file, ir_file, ir_file.with_suffix('.bin'))}
    entries = tuple(
        describe_file(onnx_file.parent, name, format=kind, precision='fp32', engines=engines)
        for name, kind, engines in (
            ('small.onnx', 'onnx', ('onnxruntime',)),
            ('small.xml', 'openvino_xml', ('openvino',)),
            ('small.bin', 'openvino_bin', ()),
        )
    )
    manifest = Manifest('tiny', entries, input=InputSpec(width=64, height=32))
    bundle = save_bundle(tmp_path / 'bundle', manifest, paths)
    found = resized(bundle, (96, 64), tmp_path)
    assert (found.manifest.input.width, found.manifest.input.height) == (96, 64)
    assert resized(bundle, (96, 64), tmp_path).folder == found.folder
    batch = np.random.default_rng(0).integers(0, 256, (1, 64, 96, 3), np.uint8)
    with torch.inference_mode():
        graph = ScoreGraph(network, InputSpec(width=96, height=64))
        expected = graph(torch.from_numpy(batch)).numpy().astype(int)
    assert expected.std() > 1
    for engine in ('onnxruntime', 'openvino'):
        scores = load_engine(found, engine, 'fp32').infer(batch)
        assert np.abs(scores.astype(int) - expected).max() <= 1, engine


def test_a_size_that_does_not_fit_is_refused(onnx_file: Path) -> None:
    content = onnx_file.read_bytes()
    for shape in ((1, 33, 64, 3), (1, 34, 66, 3)):
        with pytest.raises(SizeError, match='without a rest'):
            resize_onnx(content, shape)


@pytest.mark.parametrize(
    ('old', 'target', 'new', 'expected'),
    [
        ((1, 3, 32, 64), (1, 3, 16, 2, 32, 2), (1, 3, 64, 96), [1, 3, 32, 2, 48, 2]),
        ((1, 3, 2, 2, 16, 32), (-1, 12, 16, 32), (1, 3, 2, 2, 32, 48), [1, 12, 32, 48]),
        ((1, 8, 4, 4), (0, 8, -1), (1, 8, 6, 4), [1, 8, 24]),
        ((1, 3, 32, 64), (1, 3, 32, 64), (1, 3, 16, 16), [1, 3, 16, 16]),
    ],
)
def test_reshapes_grow_with_their_input(old, target, new, expected) -> None:
    assert scaled_reshape(old, target, new) == expected


@pytest.mark.parametrize('engine', ['onnxruntime', 'openvino', 'torch'])
def test_matrix_products_run_in_every_engine(engine: str, tmp_path: Path) -> None:
    pytest.importorskip(engine)
    for precision in ('fp32',) if engine == 'torch' else ('fp32', 'int8'):
        products = load_products(engine, precision, 1, tmp_path)
        assert [p.multiply_adds for p in products] == [n * side**3 for side, n in SHAPES]
        products[0].run()


@pytest.mark.parametrize('engine', ['onnxruntime', 'openvino'])
def test_int8_products_are_computed_in_int8(engine: str, tmp_path: Path) -> None:
    """Weights that cancel out in int8 by the last digit show it: rounding between is exact."""
    library = pytest.importorskip(engine)
    model = product_network(64, 1, quantized=True)
    onnx.save(model, tmp_path / 'product.onnx')
    weights = numpy_helper.to_array(
        next(t for t in model.graph.initializer if t.name == 'weight_0')
    )
    array = np.random.default_rng(1).integers(0, 256, (64, 64), np.uint8)
    exact = (array.astype(int) - 128) @ weights.astype(int) * (0.2 / 64) + 128
    expected = np.clip(np.rint(exact), 0, 255)
    if engine == 'onnxruntime':
        found = library.InferenceSession(tmp_path / 'product.onnx').run(None, {'array': array})[0]
    else:
        core = library.Core()
        compiled = core.compile_model(core.read_model(tmp_path / 'product.onnx'), 'CPU')
        found = compiled([array])[0]
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert expected.std() > 5


def test_the_front_holds_what_nothing_beats() -> None:
    points = [(10, 0.7), (20, 0.8), (15, 0.6), (20, 0.75), (30, 0.8), (10, 0.7), (5, 0.1)]
    assert on_front(points) == [True, True, False, False, False, True, True]


def test_fronts_leave_out_what_a_set_does_not_judge() -> None:
    def case(ms: float, *ious: float | None) -> dict:
        accuracy = [{} if iou is None else {'lane_iou': iou} for iou in ious]
        return {'segment_ms': {'p50': ms}, 'accuracy': accuracy}

    cases = [case(10, 0.5, None), case(5, 0.4, None), case(20, 0.4, None)]
    mark_fronts(cases)
    assert [c['accuracy'][0]['on_front'] for c in cases] == [True, True, False]
    assert all('on_front' not in c['accuracy'][1] for c in cases)
