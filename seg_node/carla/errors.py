"""What can go wrong with a simulator, in classes that callers can tell apart."""

from seg_node.errors import SegNodeError


class CarlaError(SegNodeError):
    """Something about CARLA that the user can mend."""


class ConnectError(CarlaError):
    """No simulator of the right kind could be reached."""


class NoServerError(ConnectError):
    """Nothing answers there yet; it may be starting, so that trying again makes sense."""


class ServerLostError(CarlaError):
    """The simulator answered once and does not any more; a new rig may find it again."""


class NoTicksError(ServerLostError):
    """The simulator answers, but its clock stands still: whoever is to tick it does not."""
