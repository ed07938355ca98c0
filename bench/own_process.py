"""Do one piece of work in a process of its own, so that its peak of memory is its own too."""

from collections.abc import Callable
import multiprocessing
import sys
from typing import Any

from bench.errors import BenchError
from seg_node.errors import SegNodeError
from training.loop.workers import end_with_parent

#: Exit status of a process that told its error in one line already.
_TOLD = 2


def in_own_process(work: Callable[..., Any], *arguments: Any) -> None:
    """
    Run a function of a module; what it finds it has to write to a file.

    The process is forked from a server that has imported torch and done nothing with it: it
    starts in a moment, and without threads that a fork would lose.

    :raises BenchError: when the process did not end well; its error is on the terminal.
    """
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['training.train', 'training.evaluation.measure'])
    process = context.Process(target=_told_in_one_line, args=(work, *arguments))
    process.start()
    try:
        process.join()
    except BaseException:
        process.terminate()
        process.join()
        raise
    if process.exitcode:
        what = 'see above' if process.exitcode == _TOLD else f'status {process.exitcode}'
        raise BenchError(f'the process of this measurement failed ({what})')


def _told_in_one_line(work: Callable[..., Any], *arguments: Any) -> None:
    end_with_parent()
    try:
        work(*arguments)
    except SegNodeError as error:
        print(f'error: {error}', file=sys.stderr)
        sys.exit(_TOLD)
    except KeyboardInterrupt:
        sys.exit(130)
