"""What a user is told without a traceback."""


class CarlaLiteError(Exception):
    """A user's mistake or a broken surrounding: one sentence with the remedy."""
