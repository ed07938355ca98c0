"""rosbag2 bags (sqlite3, MCAP), read with the rosbags package; ROS is not needed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from seg_node.frame import Frame
from seg_node.image_decoding import ImageError
from seg_node.ros_conversions import frame_from_compressed, frame_from_image
from seg_node.sources.base import Source, SourceError, SourceFrame

BAG_SUFFIXES = frozenset({'.db3', '.mcap'})
IMAGE_TYPE = 'sensor_msgs/msg/Image'
COMPRESSED_TYPE = 'sensor_msgs/msg/CompressedImage'
CAMERA_INFO_TYPE = 'sensor_msgs/msg/CameraInfo'


class BagMessage(NamedTuple):
    """One message as it was recorded."""

    message_type: str
    received_ns: int  # the recorder's clock
    content: bytes  # serialised (CDR)


class BagSource(Source):
    """The image messages of one topic of a bag, stamped by their headers."""

    kind = 'bag'

    def __init__(self, path: Path, topic: str | None = None) -> None:
        """
        Open a bag and choose its topic.

        :param path: the bag's folder, or one ``.mcap`` or ``.db3`` file.
        :param topic: which image topic; may be None when there is only one.
        :raises SourceError: when it is no bag, or the topic is missing or not an image topic.
        """
        super().__init__(path)
        self._reader = _open_reader(path)
        try:
            self.topic = _choose_topic(path, self._types(), topic)
            self._connections = self._connections_of(self.topic)
            self.message_type: str = self._connections[0].msgtype
            count = sum(connection.msgcount for connection in self._connections)
            duration_s = self._reader.duration * 1e-9
        except BaseException:
            self.close()
            raise
        self.length = count
        self.rate_hz = (count - 1) / duration_s if count > 1 and duration_s > 0 else None

    @property
    def camera_info_topic(self) -> str | None:
        """The topic of the camera's CameraInfo: ``camera_info`` beside the image topic."""
        namespace = self.topic.removesuffix('/compressed').rpartition('/')[0]
        name = f'{namespace}/camera_info'
        return name if self._types().get(name) == CAMERA_INFO_TYPE else None

    def messages(self, with_camera_info: bool = False) -> Iterator[BagMessage]:
        """
        Yield the topic's messages as recorded, in the order recorded.

        :param with_camera_info: yield those of ``camera_info_topic`` among them.
        """
        connections = list(self._connections)
        if with_camera_info and self.camera_info_topic:
            connections += self._connections_of(self.camera_info_topic)
        try:
            for connection, received_ns, content in self._reader.messages(connections):
                yield BagMessage(connection.msgtype, received_ns, bytes(content))
        except Exception as error:  # a damaged file surfaces as whatever its parser met first
            self.faults.append(f'{self.path.name}: unreadable from here on ({_line(error)})')

    def decode(self, message: BagMessage) -> Frame:
        """
        Decode an image message.

        :raises ImageError: with its ``reason``.
        """
        try:
            decoded: Any = self._reader.deserialize(message.content, message.message_type)
        except Exception as error:  # SerdeError, struct.error, UnicodeDecodeError ...
            raise ImageError('damaged message', _line(error)) from error
        if message.message_type == COMPRESSED_TYPE:
            return frame_from_compressed(decoded)
        return frame_from_image(decoded)

    def parse(self, message: BagMessage) -> Any:
        """Return a message of any type as an object with its fields."""
        return self._reader.deserialize(message.content, message.message_type)

    def close(self) -> None:
        """Close the bag's files; a second call does nothing."""
        if self._reader.stack:
            self._reader.close()

    def _read(self) -> Iterator[SourceFrame]:
        for index, message in enumerate(self.messages()):
            name = f'{index:06d}'
            try:
                yield SourceFrame(name, self.decode(message))
            except ImageError as error:
                self.faults.append(f'{name}: {error}')

    def _types(self) -> dict[str, str]:
        return {connection.topic: connection.msgtype for connection in self._reader.connections}

    def _connections_of(self, topic: str) -> list[Any]:
        return [connection for connection in self._reader.connections if connection.topic == topic]


def bag_in(folder: Path) -> Path | None:
    """Return what to open when a folder is a bag, else None."""
    if (folder / 'metadata.yaml').is_file():
        return folder
    files = [path for path in folder.iterdir() if path.suffix in BAG_SUFFIXES]
    # a recording that was cut short has no metadata.yaml, but its one file is often fine
    return files[0] if len(files) == 1 else None


def _open_reader(path: Path) -> Any:
    try:
        from rosbags.highlevel import AnyReader
        from rosbags.typesys import get_typestore, Stores
    except ImportError as error:
        raise SourceError(f'{path} is a bag: pip install rosbags to read it') from error
    try:
        reader = AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY))
        reader.open()
    except Exception as error:  # a damaged bag surfaces as whatever its parser met first
        raise SourceError(f'{path} is not a bag that can be read: {_line(error)}') from error
    return reader


def _choose_topic(path: Path, types: dict[str, str], topic: str | None) -> str:
    images = sorted(name for name in types if types[name] in (IMAGE_TYPE, COMPRESSED_TYPE))
    if not images:
        listed = ', '.join(f'{name} ({types[name]})' for name in sorted(types)) or 'none at all'
        raise SourceError(f'{path} has no image topic; its topics: {listed}')
    if topic is None and len(images) == 1:
        return images[0]
    if topic is None:
        raise SourceError(f'{path} has several image topics, name one: {", ".join(images)}')
    name = topic if topic in types else f'/{topic}'
    if name not in images:
        what = f'is {types[name]}' if name in types else 'is not in it'
        raise SourceError(f'{path}: {topic} {what}; its image topics: {", ".join(images)}')
    return name


def _line(error: Exception) -> str:
    text = ' '.join(str(error).split())
    return f'{type(error).__name__}: {text[:120]}'
