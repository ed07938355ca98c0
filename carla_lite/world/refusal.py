"""A wish that the world cannot fulfil."""


class Refused(Exception):  # noqa: N818 - an answer to the client, not a fault of the program
    """The call cannot be done; its text becomes the client's RuntimeError."""
