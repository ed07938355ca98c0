"""``python -m carla_lite``: the simulator as a process of its own."""

import sys

from carla_lite.server.command_line import main

if __name__ == '__main__':
    sys.exit(main())
