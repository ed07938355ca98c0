"""What is missing or cannot be written, told in one sentence by the measurements' commands."""

from collections.abc import Iterator
from contextlib import contextmanager
import sys

from bench.errors import BenchError
from seg_node.paths import not_written as told
from seg_node.paths import place_of


@contextmanager
def imports_of(name: str) -> Iterator[None]:
    """
    Import what needs torch; a command that finds it missing says so and ends with status 2.

    :param name: the ``__name__`` of the module; one that is imported leaves it to who imports it.
    """
    try:
        yield
    except ImportError as error:
        if name != '__main__':
            raise
        print(f'error: {what_to_install(error)}', file=sys.stderr)
        sys.exit(2)


def what_to_install(error: ImportError) -> str:
    """Say what an import lacked, and the remedy."""
    return f'{error}: run make setup, which installs all of it'


def not_written(error: OSError, place: object, remedy: str = 'name another --out') -> BenchError:
    """
    Say where nothing can be written, and why.

    :param place: named where the error names none.
    """
    return BenchError(str(told(place_of(error, place), error, remedy)))
