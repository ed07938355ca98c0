"""Let a node work on a thread of its own, so that the main thread is free for signals."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import threading
import traceback

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future


@contextmanager
def spinning(node: Node, on_failure: Callable[[], None]) -> Iterator[list[Exception]]:
    """
    Take messages, answer services and fire timers while the block runs.

    At its end the callback in work is finished first.

    :param node: whose callbacks run.
    :param on_failure: called when one of them raised, which ends the work.
    :return: what was raised, filled by then.
    """
    # Not the MultiThreadedExecutor: rclpy 7.1's now and then stood still for up to 2.8 s, with
    # all Python threads of the process, and lost 177 of 500 frames; this one lost none.
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    stopped: Future = Future()
    failures: list[Exception] = []

    def spin() -> None:
        try:
            executor.spin_until_future_complete(stopped)
        except Exception as error:
            failures.append(error)
            node.get_logger().fatal(traceback.format_exc())
            on_failure()

    thread = threading.Thread(target=spin, name='executor')
    thread.start()
    try:
        yield failures
    finally:
        stopped.set_result(None)
        executor.wake()
        thread.join()
        executor.shutdown()
