"""Paths on command lines: what is no path is refused before anything is read or written."""

import argparse
from pathlib import Path

from seg_node.errors import SegNodeError


class PathError(SegNodeError):
    """A path that leads nowhere, or a place that cannot be written."""


def path_argument(text: str) -> Path:
    """Take a path that was named; an empty one would be the current folder."""
    if not text:
        raise argparse.ArgumentTypeError('it is empty: name a file or folder, . for this one')
    return Path(text)


def resolved(path: Path) -> Path:
    """
    Return where a path really leads.

    :raises PathError: when its links lead in a circle.
    """
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: before Python 3.13
        raise PathError(
            f'{path} cannot be followed, its links lead in a circle: name another path'
        ) from error


def check_bundle(path: Path | None) -> None:
    """
    Refuse a file in the place of a bundle's folder.

    :raises PathError: naming the folder as the remedy.
    """
    if path is not None and path.is_file():
        raise PathError(f'--bundle {path} is a file: name the folder that holds its bundle.json')


def not_written(place: object, error: OSError, remedy: str = 'name another --out') -> PathError:
    """Say what cannot be written, and why."""
    return PathError(f'{place} cannot be written ({error.strerror or error}): {remedy}')


def place_of(error: OSError, otherwise: object) -> object:
    """Return what an error of the system is about; ``otherwise`` where it does not say."""
    return error.filename2 or error.filename or otherwise
