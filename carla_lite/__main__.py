"""``python -m carla_lite``: the simulator as a process of its own."""

import logging
import os
import sys

from carla_lite.server.command_line import main as serve


def main() -> None:
    """
    Serve until a signal, then end the process at once.

    Everything is closed by then, but a picture may still be drawn in threads of OpenCV and numpy.
    If the interpreter takes itself apart under them, the process aborts (status 134) now and then.
    """
    status = serve()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == '__main__':
    main()
