"""One contract for every engine; each engine that is installed must keep it."""

import importlib.util
import logging

from bundles import ENGINES, make_bundle
import numpy as np
import pytest
from seg_node.bundle import ModelBundle
from seg_node.cache import cache_folder
from seg_node.engines import Engine, EngineError, load_engine
from seg_node.engines.selection import find_candidates


def random_batch(seed: int = 0, height: int = 32, width: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (1, height, width, 3), np.uint8)


def expected_scores(batch: np.ndarray) -> np.ndarray:
    """Return what the brightness network must give, (1, 3, H, W) uint8, within one level."""
    bright = batch.astype(np.float32).mean(axis=-1)
    return np.stack((255 - bright, bright, 0 * bright), axis=1).astype(np.uint8)


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

    def test_a_damaged_file_is_one_sentence(self, engine: Engine, tmp_path) -> None:
        bundle = make_bundle(tmp_path / 'bundle')
        (bundle.folder / 'model.onnx').write_bytes(b'not a network')
        with pytest.raises(EngineError, match=r'model\.onnx') as caught:
            load_engine(bundle, self.name, 'fp32')
        assert '\n' not in str(caught.value)

    def test_a_network_that_breaks_its_bundle_is_refused(self, engine: Engine, tmp_path) -> None:
        bundle = make_bundle(tmp_path / 'bundle')
        other = make_bundle(tmp_path / 'other', width=32)
        (bundle.folder / 'model.onnx').write_bytes((other.folder / 'model.onnx').read_bytes())
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
