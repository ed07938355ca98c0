"""A bundle is saved whole or not at all, whatever happens meanwhile."""

from dataclasses import replace
import json
import os
from pathlib import Path
import subprocess
import sys

import pytest
from seg_node.atomic_files import put_folder
from seg_node.bundle import BundleError, describe_file, Manifest, ModelBundle, save_bundle
from seg_node.manifest import to_json

REPOSITORY = Path(__file__).resolve().parents[1]


def manifest_of(staged: Path, content: bytes, name: str = 'saved') -> tuple[Manifest, dict]:
    """Return a manifest with one file, and the sources to save it from."""
    staged.mkdir(exist_ok=True)
    (staged / 'w.onnx').write_bytes(content)
    file = describe_file(staged, 'w.onnx', format='onnx', precision='fp32')
    return Manifest(name, (file,)), {'w.onnx': staged / 'w.onnx'}


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file()}


def test_a_saved_bundle_replaces_the_old_one_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / 'deep' / 'bundle'
    save_bundle(folder, *manifest_of(tmp_path / 'staged', b'old'))
    (folder / 'w.onnx').rename(tmp_path / 'w.onnx')
    content = json.loads((folder / 'bundle.json').read_text())
    content['files'][0]['path'] = 'old_name.onnx'
    (folder / 'bundle.json').write_text(json.dumps(content))
    (tmp_path / 'w.onnx').rename(folder / 'old_name.onnx')
    saved = save_bundle(folder, *manifest_of(tmp_path / 'staged', b'new'))
    assert files_below(folder) == {'bundle.json', 'w.onnx'}
    assert ModelBundle.load(folder) == saved
    assert [path.name for path in folder.parent.iterdir()] == ['bundle']


def test_a_folder_with_anything_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    manifest, sources = manifest_of(tmp_path / 'staged', b'weights')
    other = tmp_path / 'home'
    other.mkdir()
    (other / 'thesis.txt').write_text('years of work')
    with pytest.raises(BundleError, match='holds other files and no readable'):
        save_bundle(other, manifest, sources)
    (other / 'bundle.json').write_text('{"of": "something else"}')
    with pytest.raises(BundleError, match='holds other files and no readable'):
        save_bundle(other, manifest, sources)
    (other / 'bundle.json').write_text(to_json(manifest))
    with pytest.raises(BundleError, match=r'holds thesis\.txt, which is no part'):
        save_bundle(other, manifest, sources)
    assert (other / 'thesis.txt').read_text() == 'years of work'
    with pytest.raises(BundleError, match='name another folder'):
        save_bundle(other / 'thesis.txt', manifest, sources)
    assert (other / 'thesis.txt').read_text() == 'years of work'


@pytest.mark.parametrize('fault', ['missing source', 'no source', 'altered source'])
def test_a_failed_save_leaves_the_old_bundle(tmp_path: Path, fault: str) -> None:
    folder = tmp_path / 'bundle'
    old = save_bundle(folder, *manifest_of(tmp_path / 'staged', b'old'))
    manifest, sources = manifest_of(tmp_path / 'staged', b'new')
    if fault == 'missing source':
        sources['w.onnx'].unlink()
    elif fault == 'altered source':
        sources['w.onnx'].write_bytes(b'not')
    with pytest.raises((BundleError, OSError)):
        save_bundle(folder, manifest, {} if fault == 'no source' else sources)
    assert ModelBundle.load(folder) == old
    assert {path.name for path in tmp_path.iterdir()} == {'bundle', 'staged'}


def test_a_bundle_can_be_saved_over_itself(tmp_path: Path) -> None:
    folder = tmp_path / 'bundle'
    old = save_bundle(folder, *manifest_of(tmp_path / 'staged', b'weights'))
    renamed = replace(old.manifest, name='renamed')
    save_bundle(folder, renamed, {'w.onnx': folder / 'w.onnx'})
    assert ModelBundle.load(folder).manifest.name == 'renamed'


KILLED = """
import os, sys
from pathlib import Path
from seg_node import atomic_files, bundle
sys.path.insert(0, 'test')
from test_bundle_save import manifest_of
target, moment = Path(sys.argv[1]), sys.argv[2]
def die(*_): os.kill(os.getpid(), 9)
if moment == 'copy': bundle.shutil.copyfile = die
if moment == 'manifest': bundle.write_text = die
if moment == 'check': bundle.ModelBundle.load = die
if moment == 'exchanged':
    bundle.write_text = Path.write_text
    atomic_files.sync = die
bundle.save_bundle(target, *manifest_of(target.parent / 'staged', b'new', 'new'))
"""


@pytest.mark.parametrize(
    ('moment', 'name'),
    [('copy', 'old'), ('manifest', 'old'), ('check', 'old'), ('exchanged', 'new')],
)
def test_a_kill_at_any_moment_leaves_a_whole_bundle(tmp_path: Path, moment, name) -> None:
    folder = tmp_path / 'bundle'
    save_bundle(folder, *manifest_of(tmp_path / 'staged', b'old', 'old'))
    command = [sys.executable, '-c', KILLED, str(folder), moment]
    environment = os.environ | {'PYTHONPATH': str(REPOSITORY)}
    assert subprocess.run(command, cwd=REPOSITORY, env=environment).returncode == -9
    assert ModelBundle.load(folder).manifest.name == name


def test_a_reader_never_misses_the_bundle_while_it_is_replaced(tmp_path: Path) -> None:
    """The exchange is one step: a folder stands there at every moment."""
    for name in ('one', 'two'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'content').write_text(name)
    watcher = subprocess.Popen(
        [sys.executable, '-c', 'import os, sys\nprint("ready", flush=True)\n'
         'while os.path.exists(sys.argv[2]):\n    os.stat(sys.argv[1])\n',
         tmp_path / 'one' / 'content', tmp_path / 'two'],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert watcher.stdout is not None
    watcher.stdout.readline()
    for _ in range(300):
        put_folder(tmp_path / 'two', tmp_path / 'one')
    (tmp_path / 'two').rename(tmp_path / 'gone')
    assert watcher.wait(10) == 0


def test_a_manifest_with_nan_is_never_written(tmp_path: Path) -> None:
    manifest, sources = manifest_of(tmp_path / 'staged', b'weights')
    with pytest.raises(ValueError, match='JSON'):
        save_bundle(tmp_path / 'bundle', replace(manifest, network={'a': float('nan')}), sources)
    assert not (tmp_path / 'bundle').exists()
