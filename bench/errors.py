"""What stops a measurement."""

from seg_node.errors import SegNodeError


class BenchError(SegNodeError):
    """A measurement that cannot be made here, or a process that ended before its time."""
