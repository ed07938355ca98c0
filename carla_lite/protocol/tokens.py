"""Tokens: how a client is told where a stream can be had."""

import struct

_TOKEN = struct.Struct('<IHBB16s')
_TCP = 1
_HOST_OF_THE_CALLS = 0  # the client takes the host at which it reached the server

TOKEN_BYTES = _TOKEN.size


def pack_token(stream_id: int, port: int) -> bytes:
    """Return the 24 bytes of a stream's token."""
    return _TOKEN.pack(stream_id, port, _TCP, _HOST_OF_THE_CALLS, b'')


def unpack_token(token: bytes) -> tuple[int, int]:
    """Return the stream's id and port."""
    stream_id, port, *_ = _TOKEN.unpack(token)
    return stream_id, port
