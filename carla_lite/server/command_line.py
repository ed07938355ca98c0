"""Command line of the simulator."""

import argparse
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
import logging
import signal
import socket
import sys
from typing import TypeVar

from carla_lite.errors import CarlaLiteError
from carla_lite.look import draw_look
from carla_lite.protocol.rpc import RpcServer
from carla_lite.protocol.streams import StreamServer
from carla_lite.render.renderer import Renderer
from carla_lite.server import calls  # noqa: F401 - registers the endpoints
from carla_lite.server.registry import answer
from carla_lite.server.simulation import Simulation
from carla_lite.town import Town
from carla_lite.towns import build_town, TOWN_NAMES
from carla_lite.weather import PRESETS

_Server = TypeVar('_Server')

_EPILOG = """\
What is printed first on stdout, once clients can connect:
  carla_lite LiteLoop ready on 127.0.0.1:2000

Then, in another terminal or program, the official client (pip install carla==0.9.16):
  import carla
  client = carla.Client('127.0.0.1', 2000)
  world = client.get_world()

examples:
  python -m carla_lite                                  a loop road at noon, on CARLA's usual port
  python -m carla_lite --port 0                         on any free port, see the line it prints
  python -m carla_lite --town LiteTown --weather HardRainNoon --seed 7

Ctrl-C or SIGTERM ends it, with status 0. It listens on this machine only: whoever reaches it can
do everything that CARLA lets a client do, so say --host 0.0.0.0 only in a network that you trust.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal; 0 then, 2 when the user has something to mend."""
    options = _parser().parse_args(arguments)
    end = _End()
    logging.basicConfig(
        level=options.log.upper(), format='%(levelname)s %(name)s: %(message)s', stream=sys.stderr
    )
    try:
        _check(options)
        _serve(options, end)
    except CarlaLiteError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    return 0


class _End:
    """
    Ctrl-C or SIGTERM, from the first moment on.

    The system hands a signal to any thread, to another than the main one after SIGSTOP and SIGCONT
    for example. A lock that the main thread waits for does not wake then; a socket does.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)

    def wait(self) -> None:
        """Return once there was one."""
        self._reader.recv(1)


def _check(options: argparse.Namespace) -> None:
    """
    Check what argparse cannot.

    :raises CarlaLiteError: names the option and what it takes.
    """
    if options.town not in TOWN_NAMES:
        known = ', '.join(TOWN_NAMES)
        raise CarlaLiteError(f'--town {options.town}: there is no such town, use one of {known}')
    if options.weather not in PRESETS:
        known = ', '.join(PRESETS)
        raise CarlaLiteError(f'--weather {options.weather}: no such preset, use one of {known}')
    if not options.host:
        raise CarlaLiteError(
            '--host is empty, which would be every network: name an address, or 0.0.0.0 for that'
        )
    if not 0 <= options.port <= 65535:
        raise CarlaLiteError(f'--port {options.port}: use 1 to 65535, or 0 for any free one')
    if not 0 < options.rate <= 1000:
        raise CarlaLiteError(f'--rate {options.rate:g}: use a number over 0, up to 1000')
    if options.seed < 0:
        raise CarlaLiteError(f'--seed {options.seed}: use 0 or a larger whole number')


def _serve(options: argparse.Namespace, end: _End) -> None:
    rpc = _listening(RpcServer, options.host, options.port)
    streams = _listening(StreamServer, options.host, 0)
    simulation = Simulation(
        streams,
        lambda name: _town_and_renderer(name, options.seed),
        options.town,
        PRESETS[options.weather],
        options.rate,
    )
    streams.start()
    simulation.start()
    rpc.start(partial(answer, simulation))
    print(f'carla_lite {options.town} ready on {options.host}:{rpc.port}', flush=True)
    end.wait()
    rpc.close()
    simulation.close()
    streams.close()


@lru_cache(2)  # who goes back and forth between two towns does not build them again
def _town_and_renderer(name: str, seed: int) -> tuple[Town, Renderer]:
    town = build_town(name, seed)
    return town, Renderer(town, draw_look(seed))


def _listening(make: Callable[[str, int], _Server], host: str, port: int) -> _Server:
    try:
        return make(host, port)
    except OSError as error:
        reason = str(error.strerror or error).partition(' (while')[0]
        raise CarlaLiteError(
            f'cannot listen on {host}:{port} ({reason}): choose another --port, '
            'or 0 for any free one, and a --host of this machine'
        ) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m carla_lite',
        description=(
            'A small driving simulator for the unmodified CARLA 0.9.16 client: rendered roads '
            'with exact labels, without a GPU.'
        ),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--host', default='127.0.0.1', help='address to listen on (%(default)s)')
    parser.add_argument(
        '--port', type=int, default=2000, help='0 for any free one (%(default)s); streams use '
        'another free one'
    )  # fmt: skip
    parser.add_argument('--town', default=TOWN_NAMES[0], help=', '.join(TOWN_NAMES))
    parser.add_argument('--weather', default='ClearNoon', help=', '.join(PRESETS))
    parser.add_argument('--seed', type=int, default=0, help='of towns and looks (%(default)s)')
    parser.add_argument(
        '--rate', type=float, default=20.0, metavar='HZ',
        help='ticks a second in asynchronous mode (%(default)s)',
    )  # fmt: skip
    parser.add_argument(
        '--log', default='warning', choices=('debug', 'info', 'warning', 'error'),
        help='what is written on stderr (%(default)s)',
    )  # fmt: skip
    return parser
