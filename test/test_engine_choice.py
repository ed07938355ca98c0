"""Which engine and precision a bundle runs with, asked for by name or left to ``auto``."""

import importlib.util
import itertools
import logging
import os
from pathlib import Path
import subprocess
import sys
import time
from unittest import mock

from bundles import random_batch
import pytest
from seg_node.bundle import ModelBundle
from seg_node.cache import cache_folder
from seg_node.engines import choice_cache, Engine, EngineError, load_engine
from seg_node.engines.selection import Candidate, find_candidates


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


def test_auto_is_right_on_a_busy_machine(tiny_bundle: ModelBundle, monkeypatch, tmp_path) -> None:
    """The faster engine is disturbed in most of its runs; the slower one never is."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    turns = itertools.count()

    def load(_bundle, candidate, _threads):
        fast = candidate.name == 'onnxruntime fp32'
        engine = mock.Mock(spec=Engine, description=candidate.name)
        disturbed = lambda: fast and next(turns) % 4  # noqa: E731
        engine.infer = lambda _: time.sleep(0.03 if disturbed() else 0.002 if fast else 0.01)
        return engine

    monkeypatch.setattr('seg_node.engines.selection._load', load)
    candidates = [Candidate(name, 'fp32', tiny_bundle.manifest.files[0])
                  for name in ('onnxruntime', 'openvino')]  # fmt: skip
    monkeypatch.setattr('seg_node.engines.selection.find_candidates', lambda *_: candidates)
    assert load_engine(tiny_bundle).description == 'onnxruntime fp32'


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
