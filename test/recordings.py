"""Pictures, videos and bags that tests record for themselves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

TYPESTORE = get_typestore(Stores.ROS2_JAZZY)
#: The wall clock of the recorder and, very different from it, the simulated clock of the camera.
RECORDED_NS = 1_700_000_000_000_000_000
FIRST_STAMP_NS = 12_000_000_007
PERIOD_NS = 50_000_000


def road_picture(index: int = 0, height: int = 32, width: int = 64) -> np.ndarray:
    """Return a dark road with two white lines that move with ``index``, (H, W, 3) uint8 BGR."""
    picture = np.full((height, width, 3), 60, np.uint8)
    for left in (width // 8, 5 * width // 8):
        start = left + index % (width // 4)
        picture[:, start : start + width // 16] = 255
    return picture


def write_pictures(folder: Path, count: int, suffix: str = '.png') -> list[Path]:
    """Write ``frame0``, ``frame1``, ... into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f'frame{index}{suffix}' for index in range(count)]
    for index, path in enumerate(paths):
        cv2.imwrite(str(path), road_picture(index))
    return paths


def write_video(path: Path, count: int, rate_hz: float = 20.0) -> Path:
    """Write an MPEG-4 video of road pictures."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), rate_hz, (64, 32))
    for index in range(count):
        writer.write(road_picture(index))
    writer.release()
    return path


def header_stamp_ns(index: int) -> int:
    """Return the stamp of the ``index``-th recorded message."""
    return FIRST_STAMP_NS + index * PERIOD_NS


def header_of(index: int, frame_id: str = 'front') -> Any:
    """Return the header of the ``index``-th recorded message."""
    types = TYPESTORE.types
    sec, nanosec = divmod(header_stamp_ns(index), 1_000_000_000)
    stamp = types['builtin_interfaces/msg/Time'](sec=sec, nanosec=nanosec)
    return types['std_msgs/msg/Header'](stamp=stamp, frame_id=frame_id)


def image_message(index: int, picture: np.ndarray | None = None, encoding: str = 'bgr8') -> Any:
    """Return a ``sensor_msgs/Image`` of rosbags."""
    picture = road_picture(index) if picture is None else picture
    return TYPESTORE.types['sensor_msgs/msg/Image'](
        header=header_of(index),
        height=picture.shape[0],
        width=picture.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=picture.strides[0],
        data=picture.reshape(-1),
    )


def compressed_message(index: int, suffix: str = '.png') -> Any:
    """Return a ``sensor_msgs/CompressedImage`` of rosbags."""
    content = cv2.imencode(suffix, road_picture(index))[1].reshape(-1)
    return TYPESTORE.types['sensor_msgs/msg/CompressedImage'](
        header=header_of(index), format=suffix[1:], data=content
    )


def camera_info_message(index: int) -> Any:
    """Return a ``sensor_msgs/CameraInfo`` of rosbags, of a camera no default would guess."""
    types = TYPESTORE.types
    return types['sensor_msgs/msg/CameraInfo'](
        header=header_of(index),
        height=32,
        width=64,
        distortion_model='plumb_bob',
        d=np.zeros(5),
        k=np.array([77.0, 0, 32, 0, 77, 16, 0, 0, 1]),
        r=np.eye(3).reshape(-1),
        p=np.zeros(12),
        binning_x=0,
        binning_y=0,
        roi=types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False),
    )


def write_bag(
    path: Path, topics: dict[str, Sequence[Any]], storage: str = 'mcap', period_ns: int = PERIOD_NS
) -> list[bytes]:
    """
    Record messages, those of the same index at the same time.

    :param topics: messages of rosbags by topic; bytes stand for a damaged image message.
    :return: the serialised messages of the first topic.
    """
    contents: dict[str, list[bytes]] = {}
    with Writer(path, version=9, storage_plugin=StoragePlugin[storage.upper()]) as writer:
        for topic, messages in topics.items():
            kinds = [m.__msgtype__ for m in messages if not isinstance(m, bytes)]
            kind = kinds[0] if kinds else 'sensor_msgs/msg/Image'
            connection = writer.add_connection(topic, kind, typestore=TYPESTORE)
            contents[topic] = [_serialised(message) for message in messages]
            for index, content in enumerate(contents[topic]):
                writer.write(connection, RECORDED_NS + index * period_ns, content)
    return next(iter(contents.values()))


def bag_file(path: Path) -> Path:
    """Return the one data file of a bag's folder."""
    (file,) = (file for file in path.iterdir() if file.suffix in ('.db3', '.mcap'))
    return file


def images(count: int) -> list[Any]:
    """Return the image messages 0 to ``count`` - 1."""
    return [image_message(index) for index in range(count)]


def _serialised(message: Any) -> bytes:
    if isinstance(message, bytes):
        return message
    return bytes(TYPESTORE.serialize_cdr(message, message.__msgtype__))
