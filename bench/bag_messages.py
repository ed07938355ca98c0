"""Bags of a camera and its truth, written so that the same input gives the same bytes."""

from collections.abc import Iterable
import hashlib
import math
from pathlib import Path
from typing import Any, NamedTuple

from bench.bag_encodings import encode_raw
import cv2
import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

IMAGE, TRUTH, INFO = '/camera/front/image', '/camera/front/labels', '/camera/front/camera_info'
FRAME_ID = 'front_optical'
_TYPESTORE = get_typestore(Stores.ROS2_JAZZY)
_RECORDED_NS = 1_700_000_000_000_000_000  # the recorder's clock, far from the simulated one
_JPEG_QUALITY = 80


class Take(NamedTuple):
    """
    A picture with its truth, and when.

    :param stamp_ns: of the header; ``at_ns`` is when it was recorded, after the first.
    :param encoding: ``jpeg``, or a raw one with so many bytes of ``padding`` after each row.
    :param cut_rows: rows that a raw message lacks at its end.
    """

    picture: np.ndarray  # (H, W, 3) uint8 BGR
    truth: np.ndarray  # (H, W) uint8 label ids
    stamp_ns: int
    at_ns: int
    encoding: str = 'jpeg'
    padding: int = 0
    cut_rows: int = 0


def write_bag(path: Path, takes: Iterable[Take], fov_deg: float, storage: str) -> dict[str, Any]:
    """
    Write a bag of images, camera_info and truth, all three of a take with its stamp.

    :param path: the bag's folder, which must not exist.
    :param storage: ``mcap``, ``mcap+zstd`` (its chunks compressed) or ``sqlite3``.
    :return: topics with their types and counts, and hashes over messages and truth.
    """
    plugin, _, compression = storage.partition('+')
    writer = Writer(path, version=9, storage_plugin=StoragePlugin[plugin.upper()])
    if compression:
        writer.set_compression(CompressionMode.STORAGE, CompressionFormat[compression.upper()])
    messages, truth = hashlib.sha256(), hashlib.sha256()
    connections: dict[str, Any] = {}
    with writer:
        for take in takes:
            truth.update(take.truth.tobytes())
            for topic, message in _messages(take, fov_deg):
                kind = message.__msgtype__
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, kind, typestore=_TYPESTORE)
                content = bytes(_TYPESTORE.serialize_cdr(message, kind))
                messages.update(content)
                writer.write(connections[topic], _RECORDED_NS + take.at_ns, content)
    return {
        'topics': {topic: connection.msgtype for topic, connection in connections.items()},
        'messages_sha256': messages.hexdigest(),
        'truth_sha256': truth.hexdigest(),
    }


def _messages(take: Take, fov_deg: float) -> list[tuple[str, Any]]:
    info = (INFO, _camera_info(take, fov_deg))
    truth = (f'{TRUTH}/compressed', _compressed(take, '.png', take.truth, []))
    if take.encoding == 'jpeg':
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        image = _compressed(take, '.jpeg', take.picture, quality)
        return [info, (f'{IMAGE}/compressed', image), truth]
    return [info, (IMAGE, _image(take)), truth]


def _header(take: Take) -> Any:
    sec, nanosec = divmod(take.stamp_ns, 1_000_000_000)
    types = _TYPESTORE.types
    stamp = types['builtin_interfaces/msg/Time'](sec=sec, nanosec=nanosec)
    return types['std_msgs/msg/Header'](stamp=stamp, frame_id=FRAME_ID)


def _compressed(take: Take, suffix: str, plane: np.ndarray, options: list[int]) -> Any:
    return _TYPESTORE.types['sensor_msgs/msg/CompressedImage'](
        header=_header(take),
        format=suffix[1:],
        data=cv2.imencode(suffix, plane, options)[1].reshape(-1),
    )


def _image(take: Take) -> Any:
    raw = encode_raw(take.picture, take.encoding, take.padding)
    height, width = take.picture.shape[:2]
    return _TYPESTORE.types['sensor_msgs/msg/Image'](
        header=_header(take),
        height=height,
        width=width,
        encoding=raw.encoding,
        is_bigendian=raw.is_bigendian,
        step=raw.step,
        data=raw.data[: raw.data.size - take.cut_rows * raw.step],
    )


def _camera_info(take: Take, fov_deg: float) -> Any:
    height, width = take.picture.shape[:2]
    focal_px = width / (2 * math.tan(math.radians(fov_deg) / 2))
    k = np.array([[focal_px, 0, width / 2], [0, focal_px, height / 2], [0, 0, 1]])
    types = _TYPESTORE.types
    return types['sensor_msgs/msg/CameraInfo'](
        header=_header(take),
        height=height,
        width=width,
        distortion_model='plumb_bob',
        d=np.zeros(5),
        k=k.reshape(-1),
        r=np.eye(3).reshape(-1),
        p=np.column_stack([k, np.zeros(3)]).reshape(-1),
        binning_x=0,
        binning_y=0,
        roi=types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False),
    )
