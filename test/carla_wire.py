"""CARLA's wire protocol spoken by hand, for what the official client never does."""

import socket
import struct
from typing import Any

import msgpack

TIMEOUT_S = 15.0


class WireClient:
    """One connection for calls."""

    def __init__(self, port: int, timeout_s: float = TIMEOUT_S) -> None:
        self.socket = socket.create_connection(('127.0.0.1', port), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unpacker = msgpack.Unpacker()
        self._number = 0

    def call(self, name: str, *arguments: Any) -> Any:
        """Return a call's result; RuntimeError with the server's text when it fails."""
        self.send(name, *arguments)
        return self.result()

    def send(self, name: str, *arguments: Any) -> None:
        self._number += 1
        self.socket.sendall(msgpack.packb([0, self._number, name, [[False], *arguments]]))

    def result(self) -> Any:
        while True:
            for kind, number, error, result in self._unpacker:
                assert (kind, number, error) == (1, self._number, None)
                return self._opened(result)
            chunk = self.socket.recv(1 << 16)
            if not chunk:
                raise ConnectionError('the server hung up')
            self._unpacker.feed(chunk)

    def close(self) -> None:
        self.socket.close()

    @staticmethod
    def _opened(result: Any) -> Any:
        (inner,) = result
        if inner[0] is False:
            return None
        if inner[0] == 0:
            raise RuntimeError(inner[1][0])
        return inner[1]


class WireStream:
    """One subscription."""

    def __init__(self, token: bytes, timeout_s: float = TIMEOUT_S) -> None:
        stream_id, port = struct.unpack_from('<IH', token)
        self.socket = socket.create_connection(('127.0.0.1', port), timeout_s)
        self.socket.sendall(struct.pack('<I', stream_id))

    def message(self) -> bytes:
        (size,) = struct.unpack('<I', self._exactly(4))
        return self._exactly(size)

    def close(self) -> None:
        self.socket.close()

    def _exactly(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self.socket.recv(count - len(parts))
            if not part:
                raise ConnectionError('the stream ended')
            parts += part
        return bytes(parts)


def frame_of(message: bytes) -> int:
    """Return the frame of a sensor's or the world's message."""
    return int(struct.unpack_from('<QQ', message)[1])


def settings(synchronous: bool, delta_s: float = 0.05) -> list[Any]:
    """Return EpisodeSettings."""
    return [synchronous, False, [True, delta_s], True, 0.01, 10, 0.0, True, 3000.0, 2000.0, True]
