"""One contract for every engine; each engine that is installed must keep it."""

import dataclasses
import importlib.util
import logging
import os
from pathlib import Path
import subprocess
import sys

from bundles import brightness_network, ENGINES, make_bundle
import numpy as np
import onnx
import pytest
from seg_node.bundle import describe_file, Manifest, ModelBundle, save_bundle
from seg_node.cache import cache_folder
from seg_node.engines import choice_cache, Engine, EngineError, load_engine
from seg_node.engines.selection import find_candidates
from seg_node.preprocess import InputSpec


def random_batch(seed: int = 0, height: int = 32, width: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (1, height, width, 3), np.uint8)


def expected_scores(batch: np.ndarray) -> np.ndarray:
    """Return what the brightness network must give, (1, 3, H, W) uint8, within one level."""
    bright = batch.astype(np.float32).mean(axis=-1)
    return np.stack((255 - bright, bright, 0 * bright), axis=1).astype(np.uint8)


def network_with_input(*shape: int | str) -> bytes:
    """Return the brightness network with another shape written on its input."""
    model = brightness_network(64, 32)
    value = onnx.helper.make_tensor_value_info('frame', onnx.TensorProto.UINT8, shape)
    model.graph.input[0].CopyFrom(value)
    return model.SerializeToString()


def network_without_input() -> bytes:
    """Return a network that gives the same whatever it sees."""
    scores = onnx.numpy_helper.from_array(np.zeros((1, 3, 32, 64), np.uint8), 'zeros')
    output = onnx.helper.make_tensor_value_info('y', onnx.TensorProto.UINT8, (1, 3, 32, 64))
    node = onnx.helper.make_node('Concat', ['zeros'], ['y'], axis=0)
    graph = onnx.helper.make_graph([node], 'constant', [], [output], [scores])
    opset = onnx.helper.make_opsetid('', 18)
    return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()


BROKEN_NETWORKS = {
    'rubbish': lambda: b'not a network',
    'empty': lambda: b'',
    'no input': network_without_input,
    'another size': lambda: brightness_network(32, 32).SerializeToString(),
    'any batch': lambda: network_with_input('N', 32, 64, 3),
    'any rank': lambda: network_with_input(),
}


def bundle_of(folder: Path, network: bytes) -> ModelBundle:
    """Write a bundle around the bytes of a network; it is whole, whatever they are."""
    folder.mkdir(exist_ok=True)
    path = folder.with_suffix('.onnx')
    path.write_bytes(network)
    entry = describe_file(path.parent, path.name, format='onnx', precision='fp32', engines=ENGINES)
    manifest = Manifest(
        name='broken',
        files=(dataclasses.replace(entry, path='model.onnx'),),
        input=InputSpec(width=64, height=32),
    )
    for old in folder.iterdir():
        old.unlink()
    return save_bundle(folder, manifest, {'model.onnx': path})


class EngineContract:
    """Tests that every engine passes; a subclass names the engine."""

    name: str

    @pytest.fixture
    def engine(self, tiny_bundle: ModelBundle):
        if importlib.util.find_spec(self.name) is None:
            pytest.skip(f'{self.name} is not installed')
        engine = load_engine(tiny_bundle, self.name, 'fp32', threads=1)
        yield engine
        engine.close()

    def test_scores_are_the_networks_own(self, engine: Engine) -> None:
        batch = random_batch()
        scores = engine.infer(batch)
        assert scores.dtype == np.uint8
        assert scores.shape == (1, 3, 32, 64)
        difference = scores.astype(int) - expected_scores(batch)
        assert np.abs(difference).max() <= 1

    def test_same_input_same_scores(self, engine: Engine) -> None:
        first = engine.infer(random_batch(1)).copy()
        engine.infer(random_batch(2))
        assert np.array_equal(engine.infer(random_batch(1)), first)

    def test_input_is_left_alone(self, engine: Engine) -> None:
        batch = random_batch(3)
        before = batch.copy()
        engine.infer(batch)
        assert np.array_equal(batch, before)

    def test_a_read_only_and_a_strided_input_work(self, engine: Engine) -> None:
        batch = random_batch(4)
        expected = engine.infer(batch).copy()
        batch.flags.writeable = False
        assert np.array_equal(engine.infer(batch), expected)
        wide = np.zeros((1, 32, 128, 3), np.uint8)
        wide[:, :, ::2] = batch
        assert np.array_equal(engine.infer(wide[:, :, ::2]), expected)

    @pytest.mark.parametrize(
        'batch',
        [
            np.zeros((1, 32, 65, 3), np.uint8),
            np.zeros((32, 64, 3), np.uint8),
            np.zeros((2, 32, 64, 3), np.uint8),
            np.zeros((1, 32, 64, 3), np.float32),
        ],
    )
    def test_wrong_input_is_refused_with_what_was_expected(
        self, engine: Engine, batch: np.ndarray
    ) -> None:
        with pytest.raises(EngineError, match=r'expected uint8 \(1, 32, 64, 3\)'):
            engine.infer(batch)
        assert engine.infer(random_batch()).shape == (1, 3, 32, 64)

    def test_closed_twice_and_used_after(self, engine: Engine) -> None:
        engine.close()
        engine.close()
        with pytest.raises(EngineError, match='was closed'):
            engine.infer(random_batch())

    def test_two_instances_do_not_mix(self, engine: Engine, tiny_bundle: ModelBundle) -> None:
        other = load_engine(tiny_bundle, self.name, 'fp32', adapter='dark', threads=1)
        batch = random_batch(5)
        bright, dark = engine.infer(batch).copy(), other.infer(batch).copy()
        other.close()
        assert np.array_equal(bright[:, 1], dark[:, 0])
        assert np.array_equal(engine.infer(batch), bright)

    def test_description_names_engine_precision_and_threads(self, engine: Engine) -> None:
        assert engine.description.startswith(self.name)
        assert 'fp32' in engine.description
        assert '1 threads' in engine.description

    def test_a_file_altered_after_loading_is_refused(self, engine: Engine, tmp_path) -> None:
        bundle = make_bundle(tmp_path / 'bundle')
        (bundle.folder / 'model.onnx').write_bytes(b'not a network')
        with pytest.raises(EngineError, match=r'model\.onnx was altered') as caught:
            load_engine(bundle, self.name, 'fp32')
        assert '\n' not in str(caught.value)

    @pytest.mark.parametrize('fault', sorted(BROKEN_NETWORKS))
    def test_a_network_that_cannot_be_is_one_sentence(
        self, engine: Engine, tmp_path, fault: str
    ) -> None:
        bundle = bundle_of(tmp_path / 'bundle', BROKEN_NETWORKS[fault]())
        with pytest.raises(EngineError, match=r'model\.onnx|does not know') as caught:
            load_engine(bundle, self.name, 'fp32')
        assert '\n' not in str(caught.value)

    def test_weights_outside_the_file_are_not_followed(self, engine: Engine, tmp_path) -> None:
        model = brightness_network(64, 32, slow_layers=1)
        folder = tmp_path / 'bundle'
        folder.mkdir()
        path = folder / 'model.onnx'
        onnx.save(model, path, save_as_external_data=True, location='out.bin', size_threshold=0)
        bundle = bundle_of(folder, path.read_bytes())
        (folder / 'out.bin').touch()
        with pytest.raises(EngineError):
            load_engine(bundle, self.name, 'fp32')


class TestOnnxRuntime(EngineContract):
    name = 'onnxruntime'


class TestOpenVino(EngineContract):
    name = 'openvino'


class TestTorch(EngineContract):
    name = 'torch'


def test_engines_agree(tiny_bundle: ModelBundle) -> None:
    batch = random_batch(6)
    installed = [name for name in ENGINES if importlib.util.find_spec(name)]
    scores = [
        load_engine(tiny_bundle, name, 'fp32').infer(batch).astype(int) for name in installed
    ]
    for other in scores[1:]:
        assert np.abs(other - scores[0]).max() <= 1


def test_tensorrt_says_why_it_is_not_there(tiny_bundle: ModelBundle, tmp_path) -> None:
    if importlib.util.find_spec('tensorrt'):
        pytest.skip('tensorrt is installed')
    with pytest.raises(EngineError, match='nothing for engine tensorrt'):
        load_engine(tiny_bundle, 'tensorrt')


@pytest.mark.parametrize(
    ('request_', 'words'),
    [
        ({'engine': 'caffe'}, "engine 'caffe' is unknown: use auto, onnxruntime"),
        ({'precision': 'fp8'}, "precision 'fp8' is unknown: use auto, fp32"),
        ({'precision': 'int8'}, 'has nothing for engine auto with precision int8'),
    ],
)
def test_requests_that_cannot_be_met(tiny_bundle: ModelBundle, request_, words) -> None:
    with pytest.raises(EngineError, match=words):
        load_engine(tiny_bundle, **request_)


def test_auto_measures_once_and_says_what_it_chose(tiny_bundle: ModelBundle, caplog) -> None:
    if len(find_candidates(tiny_bundle)) < 2:
        pytest.skip('only one engine is installed')
    cached = cache_folder() / 'engine_choices.json'
    cached.unlink(missing_ok=True)
    with caplog.at_level(logging.INFO):
        first = load_engine(tiny_bundle).description
    assert 'fastest of' in caplog.text
    assert ' ms' in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert load_engine(tiny_bundle).description == first
    assert 'measured here before' in caplog.text
    cached.write_text('{"half a fi')
    assert load_engine(tiny_bundle).infer(random_batch()).shape == (1, 3, 32, 64)
    assert cached.read_text().endswith('}')


def test_torch_is_never_the_choice_of_auto(tiny_bundle: ModelBundle) -> None:
    assert 'torch' not in {candidate.engine for candidate in find_candidates(tiny_bundle)}


@pytest.mark.parametrize('error', ['ImportError', 'OSError', 'AttributeError'])
def test_a_broken_library_is_left_out_of_auto(
    tiny_bundle: ModelBundle, tmp_path, error: str
) -> None:
    (tmp_path / 'openvino').mkdir()
    (tmp_path / 'openvino' / '__init__.py').write_text(f'raise {error}("no libtbb.so.12")')
    code = (
        'import sys\n'
        'from seg_node.bundle import ModelBundle\n'
        'from seg_node.engines import EngineError, load_engine\n'
        'bundle = ModelBundle.load(sys.argv[1])\n'
        'print(load_engine(bundle).description)\n'
        'try:\n'
        '    load_engine(bundle, "openvino")\n'
        'except EngineError as error:\n'
        '    print("refused", error)\n'
    )
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, '-c', code, str(tiny_bundle.folder)],
        env={**os.environ, 'PYTHONPATH': f'{tmp_path}{os.pathsep}{root}'},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.startswith('onnxruntime'), done.stderr
    assert 'no libtbb.so.12' in done.stderr
    assert done.stdout.splitlines()[1].startswith('refused')
    assert 'no libtbb.so.12' in done.stdout


def test_a_processor_that_does_not_answer_has_no_half_precision(
    tiny_bundle: ModelBundle, monkeypatch, caplog
) -> None:
    pytest.importorskip('openvino')
    monkeypatch.setattr('seg_node.engines.openvino_engine.has_bf16', lambda: 1 / 0)
    found = find_candidates(tiny_bundle, 'openvino')
    assert {candidate.precision for candidate in found} == {'fp32'}
    assert 'half precision of openvino left out: division by zero' in caplog.text


def test_a_remembered_engine_that_fails_is_measured_again(
    tiny_bundle: ModelBundle, monkeypatch, caplog
) -> None:
    if len(find_candidates(tiny_bundle)) < 2:
        pytest.skip('only one engine is installed')
    monkeypatch.setattr(choice_cache, 'recall', lambda key: 'openvino fp32')
    monkeypatch.setattr(
        'seg_node.engines.openvino_engine.OpenVinoEngine.__init__', lambda *_: 1 / 0
    )
    assert load_engine(tiny_bundle).description.startswith('onnxruntime')
    assert 'ZeroDivisionError' in caplog.text


def test_a_library_from_another_distribution_has_a_version_too(monkeypatch) -> None:
    first = choice_cache.key_of('digest', '', 0, ['a'], ['no_such_distribution'])
    assert 'no_such_distribution unknown' in first


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
