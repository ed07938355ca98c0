"""Each way in which a connection to CARLA fails, with its sentence."""

import socket
import sys
import threading

import pytest
from seg_node.carla import library
from seg_node.carla.connection import connect
from seg_node.carla.errors import CarlaError, ConnectError, NoServerError

pytest.importorskip('carla', reason='the carla client is not installed')


def free_port() -> int:
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        return found.getsockname()[1]


def test_nothing_listens() -> None:
    with pytest.raises(NoServerError, match=r'no simulator listens on 127.0.0.1:\d+: start CARLA'):
        connect('127.0.0.1', free_port(), 2.0)


def test_an_unknown_host() -> None:
    with pytest.raises(ConnectError, match=r"the host 'no-such-host\.invalid' is unknown"):
        connect('no-such-host.invalid', 2000, 2.0)


def test_something_else_listens() -> None:
    silent = pytest.raises(NoServerError, match='does not answer as CARLA within 1 s')
    with listener(lambda request: b'') as port, silent:
        connect('127.0.0.1', port, 1.0)
    other = pytest.raises(ConnectError, match=r"is not CARLA \(it answers b'HTTP/1.1 400")
    with listener(lambda request: b'HTTP/1.1 400 Bad Request\r\n\r\n') as port, other:
        connect('127.0.0.1', port, 5.0)


def test_another_version() -> None:
    import msgpack

    def answer(request: bytes) -> bytes:
        _, number, name, _ = msgpack.unpackb(request)
        assert name == 'version'
        return msgpack.packb([1, number, None, [[1, '0.9.13']]])

    refused = pytest.raises(ConnectError, match=r'CARLA 0.9.13 .* pip install carla==0.9.13')
    with listener(answer) as port, refused:
        connect('127.0.0.1', port, 5.0)


class listener:  # noqa: N801
    """A TCP server that answers whatever comes, each connection on a thread of its own."""

    def __init__(self, answer) -> None:
        self._answer = answer
        self._socket = socket.create_server(('127.0.0.1', 0))

    def __enter__(self) -> int:
        threading.Thread(target=self._serve, daemon=True).start()
        return self._socket.getsockname()[1]

    def __exit__(self, *_) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection:
            while request := connection.recv(4096):
                connection.sendall(self._answer(request))


def test_a_missing_client_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'carla', None)
    monkeypatch.setattr(library.sys, 'version_info', (3, 12, 0))
    with pytest.raises(CarlaError, match=r'pip install carla==0.9.16 \(Python 3.10 to 3.12\)'):
        library.carla_library()
    monkeypatch.setattr(library.sys, 'version_info', (3, 14, 0))
    with pytest.raises(CarlaError, match=r'no wheel for Python 3.14: use Python 3\.10'):
        library.carla_library()
