"""
Ask who listens on a port before the client library does.

The library waits for its time-out where nothing listens, and ends the whole process where another
protocol answers.
"""

import contextlib
import socket
import time

from seg_node.carla.errors import ConnectError, NoServerError

#: msgpack-rpc: [request, number 1, "version", [[not asynchronous]]], as the library itself asks.
_QUESTION = b'\x94\x00\x01\xa7version\x91\x91\xc2'
#: [response, number 1, ...
_ANSWER = b'\x94\x01\x01'


def greet(host: str, port: int, timeout_s: float) -> None:
    """
    Return if something at the place answers in CARLA's protocol.

    :raises ConnectError: saying why not, and what to do.
    """
    try:
        with socket.create_connection((host, port), timeout_s) as connection:
            answer = _answer_of(connection, timeout_s)
    except OSError as error:
        raise _cannot_reach(host, port, timeout_s, error) from error
    if not answer:
        raise NoServerError(
            f'something listens on {host}:{port} and does not answer as CARLA within '
            f'{timeout_s:g} s: it is still starting (wait, or give more timeout_s), or is another '
            'program (look at the port)'
        )
    if not answer.startswith(_ANSWER):
        raise ConnectError(
            f'what listens on {host}:{port} is not CARLA (it answers {answer[:16]!r}): check host '
            'and port'
        )


def _answer_of(connection: socket.socket, timeout_s: float) -> bytes:
    """Return the first bytes of the answer; less, or none, when they do not come in time."""
    end_s = time.monotonic() + timeout_s
    answer = b''
    connection.sendall(_QUESTION)
    with contextlib.suppress(TimeoutError, ConnectionResetError):
        while len(answer) < len(_ANSWER) and (left_s := end_s - time.monotonic()) > 0:
            connection.settimeout(left_s)
            received = connection.recv(64)
            if not received:
                break
            answer += received
    return answer


def _cannot_reach(host: str, port: int, timeout_s: float, error: OSError) -> ConnectError:
    place = f'{host}:{port}'
    if isinstance(error, ConnectionRefusedError):
        return NoServerError(
            f'no simulator listens on {place}: start CARLA (./CarlaUE4.sh) or carla_lite '
            '(ros2 run seg_node carla_lite), or name another host and port'
        )
    if isinstance(error, socket.gaierror):
        return ConnectError(f"the host '{host}' is unknown ({error.strerror}): check host")
    if isinstance(error, TimeoutError):
        return NoServerError(
            f'{place} did not answer within {timeout_s:g} s: check host, port and firewall'
        )
    return ConnectError(f'{place} cannot be reached ({error}): check host and port')
