"""Read the size that a JPEG or PNG states, without decoding it, and whether its end is there."""

import struct

_JPEG_START, _JPEG_END = b'\xff\xd8\xff', b'\xff\xd9'
_PNG_START, _PNG_END = b'\x89PNG\r\n\x1a\n', b'IEND'
#: Markers of a JPEG that carry the size: every "start of frame", none of the tables between.
_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN_MARKERS = frozenset({0xD8, 0xD9, 0xDA})


class HeaderError(ValueError):
    """A file that is cut short or is no JPEG or PNG; the message is one or two words."""


def encoded_size(content: bytes) -> tuple[int, int]:
    """
    Return height and width in pixels of a JPEG or PNG.

    Decoders differ in what they do with a file that stops early: some give a grey lower half,
    some print to stderr for each frame. Looking first makes it one clear refusal.

    :param content: the whole file.
    :raises HeaderError: ``not a jpeg or png``, ``truncated`` or ``damaged``.
    """
    if content.startswith(_JPEG_START):
        return _jpeg_size(content)
    if content.startswith(_PNG_START):
        return _png_size(content)
    raise HeaderError('not a jpeg or png')


def _png_size(content: bytes) -> tuple[int, int]:
    if len(content) < 24 or content.rfind(_PNG_END, 24) < 0:
        raise HeaderError('truncated')
    if content[12:16] != b'IHDR':
        raise HeaderError('damaged')
    width, height = struct.unpack_from('>II', content, 16)
    return height, width


def _jpeg_size(content: bytes) -> tuple[int, int]:
    position = 2
    while position + 9 <= len(content):
        fill, marker, length = struct.unpack_from('>BBH', content, position)
        if fill != 0xFF or marker in _SCAN_MARKERS:
            raise HeaderError('damaged')
        if marker == 0xFF:
            position += 1
        elif marker in _SIZE_MARKERS:
            if content.rfind(_JPEG_END, position) < 0:
                raise HeaderError('truncated')
            height, width = struct.unpack_from('>HH', content, position + 5)
            return height, width
        else:
            position += 2 + length
    raise HeaderError('truncated')
