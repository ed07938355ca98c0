"""Pictures as cameras send them without compression: the reverse of seg_node.image_decoding."""

from typing import NamedTuple

import cv2
import numpy as np

#: What stands behind the pixels of a padded row; drivers leave there what was in the memory.
_PADDING_BYTE = 0xAB


class Raw(NamedTuple):
    """The fields of a ``sensor_msgs/Image`` that depend on the encoding."""

    encoding: str
    step: int
    is_bigendian: int
    data: np.ndarray  # (n,) uint8


def encode_raw(picture: np.ndarray, encoding: str, padding: int = 0) -> Raw:
    """
    Lay a picture out as an encoding of ``sensor_msgs`` says.

    :param picture: (H, W, 3) uint8 BGR, both sides even.
    :param padding: bytes after each row.
    """
    rows = _rows(picture, encoding)
    padded = np.full((len(rows), rows.shape[1] + padding), _PADDING_BYTE, np.uint8)
    padded[:, : rows.shape[1]] = rows
    return Raw(encoding, padded.shape[1], int(encoding == 'mono16'), padded.reshape(-1))


def _rows(picture: np.ndarray, encoding: str) -> np.ndarray:
    """Return (rows, bytes a row) uint8."""
    height = len(picture)
    if encoding in _PACKED:
        return cv2.cvtColor(picture, _PACKED[encoding]).reshape(height, -1)
    if encoding == 'mono16':  # big-endian, as GigE cameras send it; the low byte must not show
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        return np.stack([grey, 255 - grey], axis=2).reshape(height, -1)
    if encoding in ('uyvy', 'yuyv'):
        luma, blue, red = _planes(np.repeat(picture, 2, axis=0))
        return _interleaved(luma[::2], blue, red, encoding)
    if encoding in ('nv12', 'nv21'):
        luma, blue, red = _planes(picture)
        colours = (blue, red) if encoding == 'nv12' else (red, blue)
        return np.concatenate([luma, np.stack(colours, axis=2).reshape(height // 2, -1)])
    if encoding.startswith('bayer_'):
        return _mosaic(picture, encoding)
    return picture.reshape(height, -1)  # bgr8


_PACKED = {
    'rgb8': cv2.COLOR_BGR2RGB,
    'bgra8': cv2.COLOR_BGR2BGRA,
    'rgba8': cv2.COLOR_BGR2RGBA,
    'mono8': cv2.COLOR_BGR2GRAY,
}


def _planes(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return luma (H, W) and the two colours (H / 2, W / 2)."""
    height, width = picture.shape[:2]
    flat = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
    blue, red = flat[height:].reshape(2, height // 2, width // 2)
    return flat[:height], blue, red


def _interleaved(luma: np.ndarray, blue: np.ndarray, red: np.ndarray, encoding: str) -> np.ndarray:
    height, width = luma.shape
    even, odd = luma[:, ::2], luma[:, 1::2]
    parts = (blue, even, red, odd) if encoding == 'uyvy' else (even, blue, odd, red)
    return np.stack(parts, axis=2).reshape(height, 2 * width)


def _mosaic(picture: np.ndarray, encoding: str) -> np.ndarray:
    """Keep one colour a pixel; the name says which in each two rows of two."""
    pattern = encoding.removeprefix('bayer_')[:4]
    rows = np.empty(picture.shape[:2], np.uint8)
    for place, colour in enumerate(pattern):
        top, left = divmod(place, 2)
        rows[top::2, left::2] = picture[top::2, left::2, 'bgr'.index(colour)]
    return rows
