"""What ships is found in a checkout and after every way of installing."""

import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest
from seg_node.errors import SegNodeError
from seg_node.share import shared_path

REPOSITORY = Path(__file__).resolve().parents[1]


def find(package_folder: Path, relative: str, **environment: str) -> str:
    """Ask a process whose seg_node lies in ``package_folder``; return what it answers."""
    program = 'import sys; from seg_node.share import shared_path; print(shared_path(sys.argv[1]))'
    clean = {key: value for key, value in os.environ.items() if key != 'AMENT_PREFIX_PATH'}
    done = subprocess.run(
        [sys.executable, '-c', program, relative],
        cwd=package_folder,
        env=clean | {'PYTHONPATH': str(package_folder)} | environment,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return a folder with nothing but the package, as site-packages is."""
    package = tmp_path / 'site-packages' / 'seg_node'
    package.mkdir(parents=True)
    for name in ('__init__.py', 'errors.py', 'share.py'):
        shutil.copy(REPOSITORY / 'seg_node' / name, package)
    return package.parent


def make_share(prefix: Path) -> Path:
    path = prefix / 'share' / 'seg_node' / 'models' / 'made_for_this_test'
    path.mkdir(parents=True)
    return path


def test_a_checkout_has_it_beside_the_package() -> None:
    assert shared_path('config/seg_node.yaml') == REPOSITORY / 'config' / 'seg_node.yaml'


def test_a_colcon_workspace(installed: Path, tmp_path: Path) -> None:
    path = make_share(tmp_path / 'install' / 'seg_node')
    prefixes = os.pathsep.join(['', '/opt/ros/none', str(tmp_path / 'install' / 'seg_node')])
    assert find(installed, 'models/made_for_this_test', AMENT_PREFIX_PATH=prefixes) == str(path)


def test_an_install_for_one_user(installed: Path, tmp_path: Path) -> None:
    path = make_share(tmp_path / 'home')
    base = str(tmp_path / 'home')
    assert find(installed, 'models/made_for_this_test', PYTHONUSERBASE=base) == str(path)


def test_the_prefix_of_the_interpreter(monkeypatch, tmp_path: Path) -> None:
    path = make_share(tmp_path)
    monkeypatch.setattr(sys, 'prefix', str(tmp_path))
    assert shared_path('models/made_for_this_test') == path


def test_a_checkout_comes_before_an_installed_one(installed: Path, tmp_path: Path) -> None:
    make_share(tmp_path / 'install')
    beside = installed / 'models' / 'made_for_this_test'
    beside.mkdir(parents=True)
    found = find(
        installed, 'models/made_for_this_test', AMENT_PREFIX_PATH=str(tmp_path / 'install')
    )
    assert found == str(beside)


def test_an_empty_prefix_is_not_the_current_folder(installed: Path) -> None:
    make_share(installed)
    found = find(installed, 'models/made_for_this_test', AMENT_PREFIX_PATH='')
    assert 'was not installed' in found


def test_what_is_nowhere_is_one_sentence_with_the_places(installed: Path) -> None:
    with pytest.raises(SegNodeError, match='models/none was not installed') as caught:
        shared_path('models/none')
    message = str(caught.value)
    assert str(REPOSITORY) in message
    assert str(Path(sys.prefix, 'share', 'seg_node')) in message
    assert 'install the package again' in message
    assert message.isprintable()
    assert 'models/none was not installed' in find(installed, 'models/none')
