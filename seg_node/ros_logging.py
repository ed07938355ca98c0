"""Send the log of the ROS-free modules to the node's logger."""

import logging


class RosForwarder(logging.Handler):
    """Passes log records on to an rclpy logger, so that the core never imports rclpy."""

    def __init__(self, logger) -> None:
        """
        Make a handler.

        :param logger: what ``node.get_logger()`` gave.
        """
        super().__init__()
        # rclpy binds a severity to each call site, so each needs a line of its own here.
        self._by_level = {
            logging.DEBUG: lambda text: logger.debug(text),
            logging.INFO: lambda text: logger.info(text),
            logging.WARNING: lambda text: logger.warning(text),
            logging.ERROR: lambda text: logger.error(text),
            logging.CRITICAL: lambda text: logger.fatal(text),
        }

    def emit(self, record: logging.LogRecord) -> None:
        """Forward one record."""
        self._by_level.get(record.levelno, self._by_level[logging.INFO])(self.format(record))


def forward_logs(logger) -> None:
    """Make everything under the ``seg_node`` logger appear in the node's log."""
    root = logging.getLogger('seg_node')
    root.handlers = [RosForwarder(logger)]
    root.setLevel(logging.INFO)
    root.propagate = False
