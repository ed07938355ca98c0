"""Fixtures shared by all tests."""

from collections.abc import Callable, Iterator
import os
from pathlib import Path
import socket
from types import SimpleNamespace
from typing import TYPE_CHECKING

from bundles import make_bundle
import pytest
from seg_node.bundle import ModelBundle

if TYPE_CHECKING:
    from adaptations import Adaptation

SHARED_DATA = Path(__file__).resolve().parents[2] / 'shared' / 'data'


@pytest.fixture(scope='session', autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep measurements of the tests out of the user's own cache."""
    os.environ['XDG_CACHE_HOME'] = str(tmp_path_factory.mktemp('cache'))


@pytest.fixture
def domain_id() -> Iterator[int]:
    """Yield a DDS domain that no other test on this machine has, not even of another run."""
    for number in range(1, 100):
        with socket.socket(socket.AF_UNIX) as claim:
            try:
                claim.bind(f'\0seg_node_test_domain_{number}')  # abstract: gone with the process
            except OSError:
                continue
            yield number
            return
    pytest.fail('all DDS domains are taken by other tests')


@pytest.fixture
def node_process() -> type:
    """Return how to start the node; the launch tests start it through ``ros2 launch``."""
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    from dds import NodeProcess

    return NodeProcess


@pytest.fixture
def start_node(
    tmp_path: Path, domain_id: int, node_process: type
) -> Iterator[Callable[..., SimpleNamespace]]:
    """Return a function that starts the node with parameters, beside a probe."""
    from dds import Probe

    stops: list[Callable[[], object]] = []

    def start(made: ModelBundle | None = None, /, **parameters: object) -> SimpleNamespace:
        folder = (made or make_bundle(tmp_path / 'bundle')).folder
        defaults = {'bundle': folder, 'engine': 'onnxruntime', 'diagnostics_period_s': 0.1}
        node = node_process(tmp_path / 'node.log', domain_id, defaults | parameters)
        probe = Probe(domain_id)
        stops.extend((probe.close, node.stop))
        return SimpleNamespace(node=node, probe=probe)

    yield start
    for stop in stops:
        stop()


@pytest.fixture(scope='session')
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """Return a bundle whose network calls bright pixels lane marking."""
    return make_bundle(tmp_path_factory.mktemp('bundles') / 'tiny')


@pytest.fixture(scope='session')
def adaptation(tmp_path_factory: pytest.TempPathFactory) -> 'Adaptation':
    """Return a tiny training, its bundle, and how to adapt it."""
    from adaptations import Adaptation

    return Adaptation(tmp_path_factory.mktemp('adaptation'))


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """Return the folder of real pictures, or skip."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f'no real pictures at {SHARED_DATA}')
    return SHARED_DATA
