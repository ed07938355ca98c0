"""What ends a collection; the samples written so far stay whole."""

from seg_node.errors import SegNodeError


class CollectError(SegNodeError):
    """A server, recording, folder or setting that the user has to mend."""


class SpoiltError(CollectError):
    """Nothing that was collected can be relied on, so going on is no use."""
