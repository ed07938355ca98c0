"""
Draw a pairs folder of rendered roads: pictures, masks and where each is from.

Every sample follows from the settings and its number alone, so a run that was stopped goes on
where it was, and a longer one keeps what a shorter one drew. Ingredients can be left out, one or
several, to learn what each is worth.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
import os
from pathlib import Path
import sys

from carla_lite.dataset.drawing import draw_all
from carla_lite.dataset.settings import read_settings, Settings
from carla_lite.errors import CarlaLiteError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.frames < 1 or options.workers < 1:
            raise CarlaLiteError('--frames and --workers are numbers of 1 or more')
        settings = read_settings(options.settings) if options.settings else Settings()
        if options.seed is not None:
            settings = replace(settings, seed=options.seed)
        for name in options.without:
            settings = settings.without(name)
        draw_all(settings, options.frames, options.out, options.workers)
    except CarlaLiteError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except OSError as error:
        place, reason = error.filename or options.out, error.strerror or error
        print(f'error: {place} cannot be written ({reason}): name another --out', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('interrupted; the same command goes on from here', file=sys.stderr)
        return 130
    return 0


def _folder(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError('it is empty: name a folder')
    return Path(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python -m carla_lite.dataset', description=__doc__)
    parser.add_argument(
        '--settings', type=Path, metavar='JSON', help='as carla_lite/dataset/settings.py states'
    )
    parser.add_argument('--frames', type=int, default=1000, help='how many pairs')
    parser.add_argument('--out', type=_folder, default=Path('out/rendered'), metavar='DIR')
    parser.add_argument('--seed', type=int, help="another than the settings'")
    parser.add_argument(
        '--without', action='append', default=[], metavar='INGREDIENT',
        help='leave one out: shadows, grain, lens, looks, town:LiteTrack ...; may be repeated',
    )  # fmt: skip
    parser.add_argument('--workers', type=int, default=os.cpu_count() or 1, metavar='N')
    return parser


if __name__ == '__main__':
    sys.exit(main())
