"""One contract for every engine; each engine that is installed must keep it."""

import importlib.util

from bundles import brightness_network, bundle_of, ENGINES, make_bundle, random_batch
import numpy as np
import onnx
import pytest
from seg_node.bundle import ModelBundle
from seg_node.engines import Engine, EngineError, load_engine


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
