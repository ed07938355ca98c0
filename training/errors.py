"""The errors of training that are the user's to mend."""

from seg_node.errors import SegNodeError


class DataError(SegNodeError):
    """A data set that is missing, incomplete or inconsistent."""


class ConfigError(SegNodeError):
    """A configuration that cannot be run, with the flag that mends it."""


class ExportError(SegNodeError):
    """A network that would not run the same outside torch."""
