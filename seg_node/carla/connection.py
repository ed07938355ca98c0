"""Reach a simulator, and say in one sentence why it cannot be reached."""

from collections.abc import Iterator
from contextlib import contextmanager
import difflib
import logging
import re
from typing import Any

from seg_node.carla.errors import CarlaError, ConnectError, ServerLostError
from seg_node.carla.greeting import greet
from seg_node.carla.library import carla_library

_log = logging.getLogger(__name__)

#: Loading a town of the real simulator takes up to minutes.
_LOAD_TIMEOUT_S = 180.0
_VERSION = re.compile(r'\d+\.\d+\.\d+')


def connect(host: str, port: int, timeout_s: float) -> Any:
    """
    Return a ``carla.Client`` that has an answer of a server of its own version.

    :param timeout_s: for every call of the client from now on.
    :raises CarlaError: when the client library is not there.
    :raises ConnectError: naming what is wrong: nothing listens, nothing answers, another version.
    """
    carla = carla_library()
    greet(host, port, timeout_s)
    client = carla.Client(host, port)
    client.set_timeout(timeout_s)
    with asking('asking for the version'):
        server = client.get_server_version()
    _check_version(server, client.get_client_version())
    return client


def _check_version(server: str, client: str) -> None:
    ours, theirs = _VERSION.search(client), _VERSION.search(server)
    if ours is None or theirs is None:
        _log.warning('the server calls itself %s, the client %s: not compared', server, client)
    elif ours.group() != theirs.group():
        raise ConnectError(
            f'the server is CARLA {server} and the client {client}: '
            f'pip install carla=={theirs.group()}, or start a server of {ours.group()}'
        )


@contextmanager
def asking(what: str) -> Iterator[None]:
    """
    Turn what the client library raises inside the block into errors with a remedy.

    :param what: is being done, such as ``loading Town03``.
    :raises ServerLostError: when the server does not answer any more.
    :raises CarlaError: when it answers with an error.
    """
    try:
        yield
    except RuntimeError as error:
        text = ' '.join(str(error).split())
        if 'time-out' in text or 'timeout' in text:
            raise ServerLostError(
                f'the simulator does not answer any more ({what}): it has ended, hangs, or needs '
                'more than timeout_s'
            ) from error
        raise CarlaError(f'{what} failed: {text}') from error


def town_of(map_name: str) -> str:
    """Return ``Town03`` of ``/Game/Carla/Maps/Town03``."""
    return map_name.rpartition('/')[2]


def town_to_load(client: Any, town: str) -> str:
    """
    Return the full name of a town that is to be loaded, or empty when it is there already.

    :param town: ``Town03`` or a full name of ``get_available_maps``.
    :raises CarlaError: when the server does not have it; the text lists what it has.
    """
    with asking('looking for the towns'):
        available = client.get_available_maps()
        if town_of(client.get_world().get_map().name) == town_of(town):
            return ''
    return known_town(town, available)


def load_town(client: Any, name: str, timeout_s: float) -> None:
    """
    Load a town, which keeps the world's settings and destroys every actor.

    :param name: in full, as :func:`town_to_load` returns it.
    :param timeout_s: of the client, afterwards.
    """
    client.set_timeout(max(timeout_s, _LOAD_TIMEOUT_S))
    try:
        with asking(f'loading {town_of(name)}'):
            client.load_world(name, False)
    finally:
        client.set_timeout(timeout_s)


def known_town(town: str, available: list[str]) -> str:
    """
    Return the name of a town as the server has it.

    :param town: ``Town03`` or a full name.
    :param available: of ``get_available_maps``, or the short names of these.
    :raises CarlaError: when it is not among them; the text lists them.
    """
    by_town = {town_of(name): name for name in sorted(available, reverse=True)}
    if town in available:
        return town
    if town in by_town:
        return by_town[town]
    close = difflib.get_close_matches(town, by_town, 1)
    hint = f'did you mean {close[0]}? ' if close else ''
    raise CarlaError(
        f"the server has no town '{town}': {hint}It has {', '.join(sorted(by_town)) or 'none'}"
    )
