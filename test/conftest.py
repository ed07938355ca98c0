"""Fixtures shared by all tests."""

import os
from pathlib import Path

from bundles import make_bundle
import pytest
from seg_node.bundle import ModelBundle

SHARED_DATA = Path(__file__).resolve().parents[2] / 'shared' / 'data'


@pytest.fixture(scope='session', autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep measurements of the tests out of the user's own cache."""
    os.environ['XDG_CACHE_HOME'] = str(tmp_path_factory.mktemp('cache'))


@pytest.fixture(scope='session')
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """Return a bundle whose network calls bright pixels lane marking."""
    return make_bundle(tmp_path_factory.mktemp('bundles') / 'tiny')


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """Return the folder of real pictures, or skip."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f'no real pictures at {SHARED_DATA}')
    return SHARED_DATA
