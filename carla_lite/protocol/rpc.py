"""
Remote calls over msgpack-rpc.

A thread a connection: calls of one connection must be done in order, a call may wait (a tick waits
for cameras), and other clients go on meanwhile. Their number is small, so threads cost nothing.
"""

from collections.abc import Callable
import contextlib
import logging
import reprlib
import socket
import threading
import time
from typing import Any, NoReturn

import msgpack

_LOG = logging.getLogger(__name__)
_REQUEST, _RESPONSE = 0, 1
_CHUNK_BYTES = 1 << 16
_MAX_CALL_BYTES = 4 << 20  # a batch that makes two thousand vehicles
_MAX_ARRAY = 1 << 16
_MAX_ARRAYS = 100_000  # in one call: an empty one takes a byte on the wire and seventy here
_MAX_CONNECTIONS = 256
_NO_SOCKET_PAUSE_S = 0.1

#: Answers a call: name, arguments after the metadata -> the wrapped answer.
Answer = Callable[[str, list[Any]], Any]


class RpcServer:
    """
    Listens, and answers from ``start`` on until closed.

    :raises OSError: when the port cannot be had.
    """

    def __init__(self, host: str, port: int) -> None:
        self._listener = socket.create_server((host, port), backlog=128)
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.getsockname()[1])

    def start(self, answer: Answer) -> None:
        """
        Begin to accept clients.

        :param answer: called from each connection's own thread.
        """
        threading.Thread(
            target=self._accept, args=(answer,), name='rpc-accept', daemon=True
        ).start()

    def close(self) -> None:
        """Stop listening and hang up on all clients."""
        with self._lock:
            self._closed = True
            connections = list(self._connections)
        hang_up(self._listener)
        for connection in connections:
            hang_up(connection)

    def _accept(self, answer: Answer) -> None:
        while True:
            try:
                connection, address = self._listener.accept()
            except OSError as error:
                if self._closed:
                    return
                _LOG.debug('cannot accept a client: %s', error)
                time.sleep(_NO_SOCKET_PAUSE_S)  # out of file descriptors: it would fail at once
                continue
            with self._lock:
                if self._closed or len(self._connections) >= _MAX_CONNECTIONS:
                    _LOG.warning('turned %s away: %d clients', address, len(self._connections))
                    connection.close()
                    continue
                self._connections.add(connection)
            threading.Thread(
                target=self._serve, args=(connection, address, answer), name='rpc', daemon=True
            ).start()

    def _serve(self, connection: socket.socket, address: object, answer: Answer) -> None:
        try:
            keep_alive(connection)
            _LOG.debug('client %s connected', address)
            _serve_calls(connection, answer)
        except OSError as error:
            _LOG.debug('client %s: %s', address, error)
        except Exception as error:  # msgpack raises several unrelated classes on rubbish
            _LOG.warning('hung up on %s: %s', address, error or type(error).__name__)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()


def _serve_calls(connection: socket.socket, answer: Answer) -> None:
    arrays = _Arrays()
    unpacker = msgpack.Unpacker(
        raw=False,
        max_buffer_size=_MAX_CALL_BYTES,
        max_array_len=_MAX_ARRAY,
        list_hook=arrays.one_more,
        object_hook=_refuse,
        ext_hook=_refuse,
        unicode_errors='replace',
    )
    packer = msgpack.Packer()
    while chunk := connection.recv(_CHUNK_BYTES):
        unpacker.feed(chunk)
        for message in unpacker:
            arrays.count = 0
            number, name, is_async, arguments = _request(message)
            result = answer(name, arguments)
            reply = [_RESPONSE, number, None, None if is_async else result]
            connection.sendall(packer.pack(reply))


class _Arrays:
    """Counts the arrays of a call, so that a small one cannot fill the memory."""

    def __init__(self) -> None:
        self.count = 0

    def one_more(self, array: list[Any]) -> list[Any]:
        """
        Return the array as it is.

        :raises ValueError: when the call has too many.
        """
        self.count += 1
        if self.count > _MAX_ARRAYS:
            raise ValueError(f'a call of more than {_MAX_ARRAYS} arrays')
        return array


def _refuse(*_found: Any) -> NoReturn:
    raise ValueError('not a call of CARLA: it has neither maps nor extensions')


def _request(message: Any) -> tuple[int, str, bool, list[Any]]:
    """Return number, name, whether nobody waits, and the arguments of a request."""
    match message:
        case [int(kind), int(number), str(name), [[bool(is_async)], *arguments]] if (
            kind == _REQUEST
        ):
            return number, name, is_async, arguments
    raise ValueError(f'not a call of CARLA: {reprlib.repr(message)}')


def keep_alive(connection: socket.socket) -> None:
    """Let small answers go at once, and find out when the peer's machine is gone."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (('TCP_KEEPIDLE', 10), ('TCP_KEEPINTVL', 5), ('TCP_KEEPCNT', 3)):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def hang_up(connection: socket.socket) -> None:
    """Close a socket in such a way that a thread which waits on it wakes."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
