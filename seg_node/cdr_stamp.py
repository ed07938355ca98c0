"""Read and change the stamp of a serialised message that begins with a ``std_msgs/Header``."""

import struct

#: The encapsulation before every serialised message: its second byte tells the byte order.
_ENCAPSULATION_BYTES = 4
_NS_PER_S = 1_000_000_000


def read_stamp_ns(content: bytes) -> int:
    """
    Return the header's stamp.

    :param content: CDR of a message whose first field is its header.
    :raises ValueError: when it is too short to hold one.
    """
    try:
        sec, nanosec = struct.unpack_from(_format(content), content, _ENCAPSULATION_BYTES)
    except (struct.error, IndexError) as error:
        raise ValueError(f'{len(content)} bytes hold no header') from error
    return sec * _NS_PER_S + nanosec


def with_stamp_ns(content: bytes, stamp_ns: int) -> bytes:
    """Return the same message with another stamp; nothing else is touched or even decoded."""
    changed = bytearray(content)
    struct.pack_into(_format(content), changed, _ENCAPSULATION_BYTES, *divmod(stamp_ns, _NS_PER_S))
    return bytes(changed)


def _format(content: bytes) -> str:
    return '<iI' if content[1] & 1 else '>iI'
