"""The one base class of every error that is the user's to mend."""


class SegNodeError(Exception):
    """
    A fault with a remedy, told in one sentence: what, why, and what to do.

    Command lines print it without a traceback and exit with 2; the node logs it once and stays
    as it was. Each layer derives its own class beside its code.
    """
