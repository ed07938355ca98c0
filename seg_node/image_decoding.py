"""
Camera buffers to pixels: the encodings that cameras send, checked before they are touched.

Packed colour and grey pictures become views of the buffer, without a copy; the rest is converted
by OpenCV. Nothing here knows ROS messages.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from seg_node.errors import SegNodeError
from seg_node.frame import PixelFormat
from seg_node.image_headers import encoded_size, HeaderError

#: The longest side that is taken for a picture; more is a broken header, not a camera.
MAX_SIDE = 16384


class ImageError(SegNodeError):
    """
    A picture that cannot be decoded.

    ``reason`` is short and the same for equal faults, so that they can be counted by it.
    """

    def __init__(self, reason: str, detail: str = '') -> None:
        super().__init__(f'{reason} ({detail})' if detail else reason)
        self.reason = reason


class UnsupportedEncodingError(ImageError):
    """A pixel layout that is not known here; another decoder may know it."""


class Pixels(NamedTuple):
    """What a :class:`seg_node.frame.Frame` is made of."""

    image: np.ndarray  # (H, W, 3 or 4) or (H, W) for gray, uint8; may be a read-only view
    pixel_format: PixelFormat


@dataclass(frozen=True)
class _Layout:
    """How an encoding lies in memory, and how it becomes one of the frame's pixel formats."""

    pixel_format: PixelFormat
    bytes_per_pixel: int  # of the first plane
    #: Gets (rows, W[, bytes_per_pixel]) uint8 and is_bigendian; None means: take it as it is.
    convert: Callable[[np.ndarray, bool], np.ndarray] | None = None
    even_width: bool = False  # two pixels share a colour
    even_height: bool = False  # and two rows do, in a second plane of half the height
    min_side: int = 1


def _top_byte(picture: np.ndarray, is_bigendian: bool) -> np.ndarray:
    return np.ascontiguousarray(picture[..., 0 if is_bigendian else 1])


def _converter(code: int) -> Callable[[np.ndarray, bool], np.ndarray]:
    return lambda picture, _is_bigendian: cv2.cvtColor(picture, code)


def _yuv422(code: int) -> _Layout:
    return _Layout('bgr', 2, _converter(code), even_width=True)


def _yuv420(code: int) -> _Layout:
    return _Layout('bgr', 1, _converter(code), even_width=True, even_height=True)


def _bayer(code: int) -> _Layout:
    # OpenCV leaves pictures of less than three rows or columns black
    return _Layout('bgr', 1, _converter(code), min_side=3)


_LAYOUTS = {
    'bgr8': _Layout('bgr', 3),
    'rgb8': _Layout('rgb', 3),
    'bgra8': _Layout('bgra', 4),
    'rgba8': _Layout('rgba', 4),
    'mono8': _Layout('gray', 1),
    'mono16': _Layout('gray', 2, _top_byte),
    '8UC1': _Layout('gray', 1),
    '8UC3': _Layout('bgr', 3),
    '8UC4': _Layout('bgra', 4),
    'yuv422': _yuv422(cv2.COLOR_YUV2BGR_UYVY),
    'uyvy': _yuv422(cv2.COLOR_YUV2BGR_UYVY),
    'yuv422_yuy2': _yuv422(cv2.COLOR_YUV2BGR_YUY2),
    'yuyv': _yuv422(cv2.COLOR_YUV2BGR_YUY2),
    'nv12': _yuv420(cv2.COLOR_YUV2BGR_NV12),
    'nv21': _yuv420(cv2.COLOR_YUV2BGR_NV21),
    # ROS names the first two rows, OpenCV the second and third pixel of the second row:
    # its BayerBG is RGGB to everyone else
    'bayer_rggb8': _bayer(cv2.COLOR_BayerBG2BGR),
    'bayer_bggr8': _bayer(cv2.COLOR_BayerRG2BGR),
    'bayer_gbrg8': _bayer(cv2.COLOR_BayerGR2BGR),
    'bayer_grbg8': _bayer(cv2.COLOR_BayerGB2BGR),
}

#: Names of the raw encodings that :func:`decode_raw` knows.
ENCODINGS = tuple(_LAYOUTS)


def decode_raw(
    encoding: str, height: int, width: int, step: int, is_bigendian: bool, data: Any
) -> Pixels:
    """
    Decode an uncompressed picture; the fields are those of ``sensor_msgs/Image``.

    :param encoding: one of ``ENCODINGS``.
    :param height: rows of the picture.
    :param width: pixels in a row.
    :param step: bytes from one row to the next, padding included.
    :param is_bigendian: byte order of 16-bit pixels.
    :param data: anything with a buffer; a view of it is returned where the encoding allows.
    :raises ImageError: with its ``reason``; UnsupportedEncodingError for other encodings.
    """
    layout = _LAYOUTS.get(encoding)
    if layout is None:
        name = ''.join(filter(str.isprintable, encoding[:32]))
        raise UnsupportedEncodingError(f'unsupported encoding {name}')
    _check_layout(layout, height, width)
    row_bytes = width * layout.bytes_per_pixel
    if step < row_bytes:
        raise ImageError('step too small', f'{step} bytes for a row of {row_bytes}')
    rows = height * 3 // 2 if layout.even_height else height
    picture = _exactly(data, rows * step).reshape(rows, step)[:, :row_bytes]
    if layout.bytes_per_pixel > 1:
        picture = picture.reshape(rows, width, layout.bytes_per_pixel)
    if layout.convert is not None:
        picture = layout.convert(picture, bool(is_bigendian))
    return Pixels(picture, layout.pixel_format)


def decode_compressed(data: Any, format: str = '') -> Pixels:  # noqa: A002
    """
    Decode a JPEG or PNG: grey, colour, with alpha, 8 or 16 bits (of which the top 8 are taken).

    :param data: the whole file, as anything with a buffer.
    :param format: what its sender calls it; used in messages only, the content decides.
    :raises ImageError: with its ``reason``.
    """
    content = _buffer(data).tobytes()
    named = f'sent as {format[:48]!r}' if format else ''
    try:
        check_size(*encoded_size(content))
    except HeaderError as error:
        raise ImageError(str(error), named) from error
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ImageError('damaged', named) from error
    if image is None:
        raise ImageError('damaged', named)
    if image.dtype == np.uint16:
        image = np.right_shift(image, 8, dtype=np.uint16).astype(np.uint8)
    if image.ndim == 2:
        return Pixels(image, 'gray')
    return Pixels(image, 'bgra' if image.shape[2] == 4 else 'bgr')


def check_size(height: int, width: int) -> None:
    """
    Refuse sizes that no picture has.

    :raises ImageError: ``zero size`` or ``absurd size``.
    """
    if height < 1 or width < 1:
        raise ImageError('zero size', f'{width}x{height}')
    if max(height, width) > MAX_SIDE:
        raise ImageError('absurd size', f'{width}x{height}, at most {MAX_SIDE} a side')


def _check_layout(layout: _Layout, height: int, width: int) -> None:
    check_size(height, width)
    if layout.even_width and width % 2:
        raise ImageError('odd width', f'{width} pixels, colours are shared by two')
    if layout.even_height and height % 2:
        raise ImageError('odd height', f'{height} rows, colours are shared by two')
    if min(height, width) < layout.min_side:
        raise ImageError('too small for a bayer pattern', f'{width}x{height}')


def _exactly(data: Any, size: int) -> np.ndarray:
    flat = _buffer(data)
    if flat.size != size:
        reason = 'truncated' if flat.size < size else 'over-long'
        raise ImageError(reason, f'{flat.size} bytes instead of {size}')
    return flat


def _buffer(data: Any) -> np.ndarray:
    try:
        return np.frombuffer(data, np.uint8)
    except (TypeError, ValueError, BufferError) as error:
        raise ImageError('no byte buffer', f'{type(data).__name__}: {error}') from error
