"""
The frame around a node's process: signals that end it in order, errors in one line.

Nothing here imports ROS before it is needed, so that its absence is told like any other fault.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import os
import signal
import sys
import threading
from typing import Protocol, TypeVar

from seg_node.dds_profile import use_large_images_profile
from seg_node.errors import SegNodeError
from seg_node.memory import keep_freed_memory

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class _Node(Protocol):
    """What is used of ``rclpy.node.Node``."""

    def destroy_node(self) -> object: ...


_NodeT = TypeVar('_NodeT', bound=_Node)


@dataclass(frozen=True)
class CommandLine:
    """What ``--help`` says of a node; everything else about it is a parameter."""

    name: str
    description: str
    usage: str  # after the name
    epilog: str
    without_ros: str = ''  # what to do where ROS is not there, besides installing it

    def parse(self, arguments: list[str], parameters: str) -> None:
        """
        Answer --help, and refuse what is no ROS argument.

        :param arguments: without those for ROS.
        :param parameters: one line for each.
        """
        parser = argparse.ArgumentParser(
            prog=self.name,
            description=f'{self.description}\n'
            f'parameters (-p NAME:=VALUE after --ros-args):\n{parameters}',
            epilog=self.epilog,
            usage=f'{self.name} {self.usage}',
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.parse_args(arguments)


def run_until_stopped(run: Callable[[threading.Event], int]) -> int:
    """
    Run a node; return the exit status.

    :param run: gets the event that a signal sets, and returns the status. A ``SegNodeError`` of
        its is printed, with status 2.
    """
    stop = threading.Event()
    # Ours, not rclpy's: those end ROS under the feet of whatever callback is running. They are
    # here before the slow imports, so that a signal always means an orderly end.
    with _set_by_signals(stop):
        try:
            status = run(stop)
        except SegNodeError as error:
            print(f'error: {error}', file=sys.stderr)
            status = 2
    return status


@contextmanager
def _set_by_signals(stop: threading.Event) -> Iterator[None]:
    """
    Set an event when a signal comes; a thread of its own does so, not the signal's handler.

    A handler runs amid whatever the main thread does. There, setting the event waits for ever for
    the event's lock if that is taken: by the handler of the signal before, for example, as two
    come at once from a terminal and from ``ros2 launch`` (of 60 processes with 40 signals each
    one hung). Nor does it run while the main thread waits for a lock and the system hands the
    signal to another thread.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def watch() -> None:
        if os.read(reading, 1):
            stop.set()

    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    thread = threading.Thread(target=watch, name='signals', daemon=True)
    thread.start()
    for number in _NUMBERS:
        signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        # What comes now is an impatient second Ctrl-C: it must not spoil the exit status.
        for number in _NUMBERS:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(before)
        os.close(writing)
        thread.join()
        os.close(reading)


@contextmanager
def ros_node(
    arguments: list[str],
    command_line: CommandLine,
    load: Callable[[], tuple[Callable[[], _NodeT], Callable[[], str]]],
) -> Iterator[_NodeT]:
    """
    Start ROS and make a node; end both with the block.

    :param arguments: of the process.
    :param load: imports what needs ROS; returns what makes the node and what lists its parameters.
    :raises SegNodeError: where ROS is not there, or refuses an argument or a parameter.
    """
    try:
        import rclpy
        from rclpy.exceptions import InvalidTopicNameException, ParameterException
        from rclpy.signals import SignalHandlerOptions
        from rclpy.utilities import remove_ros_args

        make, describe = load()
    except ImportError as error:
        raise SegNodeError(
            f'ROS 2 is not there ({error}): source its setup.bash, or run make setup'
            f'{command_line.without_ros}'
        ) from error
    use_large_images_profile()
    keep_freed_memory()
    try:
        try:
            command_line.parse(remove_ros_args([sys.argv[0], *arguments])[1:], describe())
            rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
            node = make()
        except (RuntimeError, ParameterException, InvalidTopicNameException) as error:
            raise SegNodeError(f'{str(error).splitlines()[0]}: see --help') from error
        try:
            yield node
        finally:
            node.destroy_node()
    finally:
        rclpy.try_shutdown()
