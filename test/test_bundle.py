"""A bundle is loaded whole, or refused in one line with the remedy."""

from dataclasses import replace
import json
from pathlib import Path
import shutil

import pytest
from seg_node.bundle import BundleError, ModelBundle
from seg_node.postprocess import OutputSpec


@pytest.fixture
def folder(tiny_bundle: ModelBundle, tmp_path: Path) -> Path:
    """Return a copy of the tiny bundle, to be damaged."""
    return Path(shutil.copytree(tiny_bundle.folder, tmp_path / 'bundle'))


def refused(folder: Path, *words: str) -> str:
    """Return the message with which a bundle is refused; it must be one line with a remedy."""
    with pytest.raises(BundleError) as caught:
        ModelBundle.load(folder)
    message = str(caught.value)
    assert message.isprintable(), message
    assert len(message) < 600
    remedies = ('fetch', 'export', 'name another', 'mend', 'put the file')
    assert any(remedy in message for remedy in remedies), message
    for word in words:
        assert word in message
    return message


def change_file(folder: Path, **changes) -> None:
    content = json.loads((folder / 'bundle.json').read_text())
    content['files'][0] |= changes
    (folder / 'bundle.json').write_text(json.dumps(content))


def test_a_whole_bundle_loads(folder: Path) -> None:
    bundle = ModelBundle.load(str(folder))
    assert bundle.folder == folder
    assert bundle.manifest.name == 'tiny'
    assert bundle.path_of(bundle.manifest.files[0]).read_bytes()


def test_altered_truncated_grown_and_missing_weights(folder: Path) -> None:
    weights = folder / 'model.onnx'
    whole = weights.read_bytes()
    weights.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    refused(folder, 'model.onnx was altered')
    weights.write_bytes(whole[:-1])
    refused(folder, f'{len(whole) - 1} bytes instead of {len(whole)}')
    weights.write_bytes(whole + b'0')
    refused(folder, f'{len(whole) + 1} bytes instead of {len(whole)}')
    weights.unlink()
    refused(folder, 'model.onnx is missing')
    weights.mkdir()
    refused(folder, 'model.onnx is missing')
    weights.rmdir()
    weights.write_bytes(whole)
    ModelBundle.load(folder)
    adapted = folder / 'adapters/dark/model.onnx'
    adapted.write_bytes(adapted.read_bytes()[:-1] + b'?')
    refused(folder, 'adapters/dark/model.onnx was altered')


@pytest.mark.parametrize('path', ['../secret', '/etc/hostname', '..\\secret', 'a\nb', '../a\nb'])
def test_paths_outside_the_folder(folder: Path, path: str) -> None:
    (folder.parent / 'secret').write_text('0')
    change_file(folder, path=path)
    refused(folder, 'files[0].path')


def test_paths_that_the_system_refuses(folder: Path) -> None:
    change_file(folder, path='x' * 300)
    refused(folder, 'cannot be read')


def test_links(folder: Path) -> None:
    weights, moved = folder / 'model.onnx', folder.parent / 'outside.onnx'
    weights.rename(moved)
    weights.symlink_to(moved)
    refused(folder, 'model.onnx is a link to outside')
    weights.unlink()
    moved.rename(folder / 'inside.onnx')
    weights.symlink_to('inside.onnx')
    ModelBundle.load(folder)
    weights.unlink()
    weights.symlink_to(weights)
    refused(folder)


def test_a_link_in_the_middle_of_a_path(folder: Path) -> None:
    (folder / 'adapters/dark').rename(folder.parent / 'elsewhere')
    (folder / 'adapters/dark').symlink_to(folder.parent / 'elsewhere')
    refused(folder, 'is a link to outside')


def test_an_install_made_of_links_is_followed(folder: Path, tmp_path: Path) -> None:
    """As ``colcon build --symlink-install`` leaves it: each file a link into the sources."""
    installed = tmp_path / 'install'
    for path in (path for path in folder.rglob('*') if path.is_file()):
        link = installed / path.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    bundle = ModelBundle.load(installed)
    assert bundle.folder == folder
    (tmp_path / 'linked').symlink_to(folder)
    assert ModelBundle.load(tmp_path / 'linked').folder == folder


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('', 'not valid JSON'),
        ('{"name": ', 'not valid JSON'),
        ('{"mean": NaN}', 'NaN is not JSON'),
        ('{"a": -Infinity}', 'Infinity is not JSON'),
        ('{"name": "a", "name": "b"}', "key 'name' twice"),
        ('[' * 100_000, 'not valid JSON'),
        ('9' * 5000, 'not valid JSON'),
        ('[]', 'expected an object'),
        ('3', 'expected an object'),
        ('null', 'expected an object'),
        ('{}', 'schema_version None'),
        ('{"schema_version": 2}', 'schema_version 2, this seg_node reads 1'),
        ('{"schema_version": "1\\n"}', "schema_version '1\\n'"),
        ('{"schema_version": true}', 'name: missing'),
        (f'{{"schema_version": "{"1" * 9999}"}}', "schema_version '111"),
    ],
)
def test_damaged_manifests(folder: Path, text: str, words: str) -> None:
    (folder / 'bundle.json').write_text(text)
    refused(folder, words)


def test_manifests_that_are_no_text_files(folder: Path) -> None:
    manifest = folder / 'bundle.json'
    manifest.write_bytes(b'\xff\xfe{}')
    refused(folder, 'not valid JSON')
    manifest.write_text(' ' * (1 << 20) + '{}')
    refused(folder, 'over 1 MiB')
    manifest.unlink()
    refused(folder, 'has no bundle.json')
    manifest.mkdir()
    refused(folder, 'has no bundle.json')
    shutil.rmtree(folder)
    refused(folder, 'no such folder')
    folder.write_text('a file')
    refused(folder, 'no such folder')


def test_select(tiny_bundle: ModelBundle) -> None:
    assert [file.path for file in tiny_bundle.select('torch')] == ['model.onnx']
    assert [file.path for file in tiny_bundle.select('torch', 'fp32', 'dark')] == [
        'adapters/dark/model.onnx'
    ]
    assert tiny_bundle.select('torch', 'int8') == []
    assert tiny_bundle.select('tensorrt') == []
    with pytest.raises(BundleError, match="has no adapter 'rain': it has dark"):
        tiny_bundle.select('torch', adapter='rain')


def test_the_digest_changes_with_weights_and_settings(tiny_bundle: ModelBundle) -> None:
    manifest = tiny_bundle.manifest
    (file,) = manifest.files
    others = [
        replace(manifest, output=OutputSpec(lane_threshold=0.25)),
        replace(manifest, files=(replace(file, sha256='0' * 64),)),
        replace(manifest, adapters={}),
    ]
    digests = {ModelBundle(tiny_bundle.folder, other).digest for other in (manifest, *others)}
    assert len(digests) == 4
    assert ModelBundle(Path('/elsewhere'), manifest).digest == tiny_bundle.digest
