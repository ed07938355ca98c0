"""The errors of a benchmark that are the user's to mend."""

from seg_node.errors import SegNodeError


class BenchmarkError(SegNodeError):
    """A model that cannot be measured, or a request that it does not fit."""


class SizeError(BenchmarkError):
    """A network that does not work at the size asked for."""
