"""What engines keep between starts: quicker the second time, and never believed blindly."""

from collections.abc import Callable
import dataclasses
import importlib.util
import json
import logging
import os
from pathlib import Path

from bundles import make_bundle
import numpy as np
import pytest
from seg_node.bundle import describe_file, ModelBundle, save_bundle
from seg_node.engines import compiled_cache, EngineError, load_engine
from seg_node.engines.base import EngineSpec

BATCH = np.random.default_rng(0).integers(0, 256, (1, 32, 64, 3), np.uint8)
ENGINES = ('onnxruntime', 'openvino')


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of compiled models, which only this test uses and is not there yet."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path / 'cache' / 'seg_node' / 'compiled'


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Return the name of each engine that compiles, where it is installed."""
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f'{request.param} is not installed')
    return request.param


def scores_of(bundle: ModelBundle, engine: str, **request: object) -> np.ndarray:
    """Start an engine as the node does, and let it see one picture."""
    loaded = load_engine(bundle, engine, **{'precision': 'fp32', 'threads': 1} | request)
    scores = loaded.infer(BATCH).copy()
    loaded.close()
    return scores


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def split(path: Path) -> tuple[dict, bytes]:
    """Return the header and the compiled model of an entry."""
    header, _, content = path.read_bytes().partition(b'\n')
    return json.loads(header), content


def test_the_second_start_runs_what_the_first_one_kept(
    cache: Path, engine: str, tiny_bundle: ModelBundle, caplog: pytest.LogCaptureFixture
) -> None:
    bright = scores_of(tiny_bundle, engine)
    kept = only_file(cache)
    dark = scores_of(tiny_bundle, engine, adapter='dark')
    (other,) = set(cache.iterdir()) - {kept}
    assert not np.array_equal(bright, dark)
    # the model of the adapter in the place of the base: it shows which of them is run
    compiled_cache.keep(split(kept)[0]['key'], split(other)[1])
    assert np.array_equal(scores_of(tiny_bundle, engine), dark)
    compiled_cache.keep(split(kept)[0]['key'], b'')
    assert np.array_equal(scores_of(tiny_bundle, engine), bright)
    assert len(list(cache.iterdir())) == 2
    assert 'cannot be used, it is built again' in caplog.text


def test_what_is_kept_is_the_users_own(cache: Path, engine: str, tiny_bundle) -> None:
    old = os.umask(0o002)
    try:
        scores_of(tiny_bundle, engine)
    finally:
        os.umask(old)
    assert cache.stat().st_mode & 0o777 == 0o700
    assert only_file(cache).stat().st_mode & 0o777 == 0o600


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-50] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b'')


def rubbish(path: Path) -> None:
    path.write_bytes(b'[1]\n' + os.urandom(1000))


def of_another_version(path: Path) -> None:
    """Put there what another version of the library would have kept under its own name."""
    header, content = split(path)
    parts = json.loads(header['key'])
    parts[1] = 'engine 0.1'
    compiled_cache.keep(json.dumps(parts), content)
    compiled_cache.path_of(json.dumps(parts)).replace(path)


def open_to_others(path: Path) -> None:
    path.chmod(0o666)


def a_link(path: Path) -> None:
    path.replace(path.parent.parent / 'elsewhere')
    path.symlink_to(path.parent.parent / 'elsewhere')


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


FAULTS = (cut, flip, empty, rubbish, of_another_version, open_to_others, a_link, a_pipe)


@pytest.mark.parametrize('spoil', FAULTS)
def test_a_damaged_entry_is_built_again(
    cache: Path, tiny_bundle: ModelBundle, spoil: Callable[[Path], None], caplog
) -> None:
    expected = scores_of(tiny_bundle, 'onnxruntime')
    path = only_file(cache)
    whole = split(path)
    spoil(path)
    assert compiled_cache.recall(whole[0]['key']) is None
    assert np.array_equal(scores_of(tiny_bundle, 'onnxruntime'), expected)
    assert 'is not used' in caplog.text
    assert not path.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o600
    assert compiled_cache.recall(whole[0]['key']) == split(path)[1]


def test_what_the_library_cannot_read_is_built_again(
    cache: Path, engine: str, tiny_bundle: ModelBundle, caplog
) -> None:
    """The entry is whole, so that only the library itself can find the fault."""
    expected = scores_of(tiny_bundle, engine)
    header, content = split(only_file(cache))
    compiled_cache.keep(header['key'], content[: len(content) // 2])
    assert np.array_equal(scores_of(tiny_bundle, engine), expected)
    assert 'cannot be used, it is built again' in caplog.text
    assert len(split(only_file(cache))[1]) >= len(content) // 2 + 1


@pytest.mark.parametrize('mode', [0o777, 0o770])
def test_a_folder_that_others_can_write_to_is_left_alone(
    cache: Path, engine: str, tiny_bundle: ModelBundle, mode: int, caplog
) -> None:
    bright = scores_of(tiny_bundle, engine)
    kept = only_file(cache)
    scores_of(tiny_bundle, engine, adapter='dark')
    (other,) = set(cache.iterdir()) - {kept}
    compiled_cache.keep(split(kept)[0]['key'], split(other)[1])
    planted = kept.read_bytes()
    cache.chmod(mode)
    assert np.array_equal(scores_of(tiny_bundle, engine), bright)
    assert kept.read_bytes() == planted
    assert 'other users can write to its folder: chmod go-w' in caplog.text


def test_a_folder_of_another_user_is_left_alone(cache: Path, tiny_bundle, caplog) -> None:
    if os.geteuid():
        pytest.skip('only root can give a folder away')
    expected = scores_of(tiny_bundle, 'onnxruntime')
    os.chown(cache, 12345, 12345)
    assert np.array_equal(scores_of(tiny_bundle, 'onnxruntime'), expected)
    assert 'its folder belongs to another user' in caplog.text


def test_a_cache_that_cannot_be_written_only_costs_time(
    cache: Path, engine: str, tiny_bundle: ModelBundle, caplog
) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text('a file in the way')  # permissions do not stop root
    with caplog.at_level(logging.WARNING):
        first, second = (scores_of(tiny_bundle, engine) for _ in range(2))
    assert np.array_equal(first, second)
    assert 'every start compiles again' in caplog.text
    assert cache.read_text() == 'a file in the way'


def test_a_cache_that_can_only_be_read_is_used(cache: Path, monkeypatch, caplog) -> None:
    compiled_cache.keep('key', b'content')

    def read_only(path: Path) -> None:
        raise OSError(30, 'Read-only file system')

    monkeypatch.setattr(os, 'utime', read_only)
    assert compiled_cache.recall('key') == b'content'
    assert not caplog.text


def test_an_altered_weight_file_is_refused_though_its_compiled_form_is_there(
    cache: Path, engine: str, tmp_path: Path
) -> None:
    bundle = make_bundle(tmp_path / 'bundle')
    scores_of(bundle, engine)
    (bundle.folder / 'model.onnx').write_bytes(b'not a network')
    with pytest.raises(EngineError, match=r'model\.onnx was altered'):
        scores_of(bundle, engine)


def test_keys_differ_where_the_compiled_model_may() -> None:
    spec = EngineSpec(Path('m.xml'), 'a' * 64, 32, 64, 3, weights_sha256='b' * 64)
    keys = {
        compiled_cache.key_of(library, changed, settings)
        for library, changed, settings in (
            ('x 1', spec, {'threads': 1}),
            ('x 2', spec, {'threads': 1}),
            ('x 1', spec, {'threads': 2}),
            ('x 1', dataclasses.replace(spec, sha256='c' * 64), {'threads': 1}),
            ('x 1', dataclasses.replace(spec, weights_sha256='c' * 64), {'threads': 1}),
        )
    }
    assert len(keys) == 5
    assert compiled_cache.key_of('x 1', spec, {'threads': 1}) in keys


def test_openvino_keeps_one_for_each_precision_and_number_of_threads(
    cache: Path, tiny_bundle: ModelBundle
) -> None:
    openvino_engine = pytest.importorskip('seg_node.engines.openvino_engine')
    precisions = ('fp32', 'bf16') if openvino_engine.has_bf16() else ('fp32',)
    for precision in precisions:
        for threads in (1, 2):
            scores_of(tiny_bundle, 'openvino', precision=precision, threads=threads)
    assert len(list(cache.iterdir())) == 2 * len(precisions)


def test_what_was_not_used_for_longest_makes_room(cache: Path, monkeypatch) -> None:
    monkeypatch.setattr(compiled_cache, 'MAX_BYTES', 2500)
    for age_s, key in ((30, 'old'), (20, 'older by use'), (10, 'new')):
        compiled_cache.keep(key, bytes(700))
        os.utime(compiled_cache.path_of(key), (1e9 - age_s, 1e9 - age_s))
    assert compiled_cache.recall('old') == bytes(700), 'and now it was used last'
    compiled_cache.keep('newest', bytes(700))
    kept = [key for key in ('old', 'older by use', 'new', 'newest') if compiled_cache.recall(key)]
    assert kept == ['old', 'new', 'newest']


def test_what_another_process_takes_away_meanwhile_is_no_fault(
    cache: Path, monkeypatch, caplog
) -> None:
    compiled_cache.keep('old', bytes(700))
    (cache / 'gone').touch()
    lstat = Path.lstat

    def taken(path: Path) -> os.stat_result:
        if path.name == 'gone':
            path.unlink()
        return lstat(path)

    monkeypatch.setattr(Path, 'lstat', taken)
    compiled_cache.keep('new', bytes(700))
    assert compiled_cache.recall('new') == bytes(700)
    assert not caplog.text


def test_both_files_of_an_openvino_model_are_checked_and_run(cache: Path, tmp_path: Path) -> None:
    openvino = pytest.importorskip('openvino', reason='openvino is not installed')
    plain = make_bundle(tmp_path / 'plain')
    staged = tmp_path / 'staged'
    model = openvino.convert_model(plain.folder / 'model.onnx')
    openvino.save_model(model, staged / 'model.xml', compress_to_fp16=False)
    files = tuple(
        describe_file(staged, name, format=kind, precision='fp32', engines=engines)
        for name, kind, engines in (
            ('model.xml', 'openvino_xml', ('openvino',)),
            ('model.bin', 'openvino_bin', ()),
        )
    )
    manifest = dataclasses.replace(plain.manifest, files=files, adapters={})
    sources = {file.path: staged / file.path for file in files}
    bundle = save_bundle(tmp_path / 'bundle', manifest, sources)
    for _ in range(2):
        difference = scores_of(bundle, 'openvino').astype(int) - scores_of(plain, 'openvino')
        assert np.abs(difference).max() <= 1
    weights = bundle.folder / 'model.bin'
    weights.write_bytes(bytes(weights.stat().st_size))
    with pytest.raises(EngineError, match=r'model\.bin was altered'):
        scores_of(bundle, 'openvino')
