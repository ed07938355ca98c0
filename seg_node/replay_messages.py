"""What a replay sends: recorded bytes as they are where possible, messages made of frames else."""

from dataclasses import dataclass
import math
from typing import Any

import cv2
from rclpy.serialization import deserialize_message
from rclpy.time import Time
from seg_node.cdr_stamp import read_stamp_ns, with_stamp_ns
from seg_node.frame import Frame
from seg_node.image_decoding import ImageError
from seg_node.preprocess import to_bgr
from seg_node.replay_schedule import Content
from seg_node.ros_conversions import byte_array, image_message
from seg_node.sources import Source
from seg_node.sources.bag import BagMessage, BagSource, COMPRESSED_TYPE, IMAGE_TYPE
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

_JPEG_QUALITY = 90


@dataclass(frozen=True)
class MessageOptions:
    """What the messages of a replay look like."""

    compressed: bool = False  # CompressedImage (JPEG) instead of Image
    frame_id: str | None = None  # None keeps the recorded one, 'camera' where there is none
    fov_deg: float = 90.0  # horizontal, of the pinhole camera where no CameraInfo was recorded


class MessageMaker:
    """Turns scheduled contents into messages, or into the bytes of messages."""

    def __init__(self, source: Source, options: MessageOptions) -> None:
        """
        Prepare for one source.

        :param source: decodes its own messages.
        :param options: what is wanted.
        """
        self._source = source
        self._options = options
        self._wanted = COMPRESSED_TYPE if options.compressed else IMAGE_TYPE
        self.image_type: type = CompressedImage if options.compressed else Image
        self._seen: Frame | None = None

    def image(self, content: Content, stamp_ns: int) -> Any:
        """
        Return an image message, or the bytes of one.

        :raises ImageError: when it has to be decoded and cannot be.
        """
        if isinstance(content, BagMessage) and content.message_type == self._wanted:
            return self._recorded(content, stamp_ns, self.image_type)
        frame = self._frame_of(content)
        header = self._header(frame.frame_id, stamp_ns)
        if self._options.compressed:
            return _jpeg_message(frame, header)
        return image_message(frame.image, frame.pixel_format, header)

    def camera_info(self, content: BagMessage, stamp_ns: int) -> Any:
        """
        Return a recorded CameraInfo, as bytes or as a message.

        :raises ImageError: when it has to be decoded and cannot be.
        """
        return self._recorded(content, stamp_ns, CameraInfo)

    def pinhole(self, content: Content, stamp_ns: int) -> CameraInfo:
        """
        Return the CameraInfo of a pinhole camera without distortion for an image.

        :param content: the image; of a bag, the first one's size and frame id count for all.
        :raises ImageError: when it cannot be decoded.
        """
        if isinstance(content, Frame) or self._seen is None:
            self._seen = self._frame_of(content)
        header = self._header(self._seen.frame_id, stamp_ns)
        return pinhole_camera_info(*self._seen.size, self._options.fov_deg, header)

    def _recorded(self, message: BagMessage, stamp_ns: int, message_type: type) -> Any:
        if self._options.frame_id is not None:
            try:
                decoded = deserialize_message(message.content, message_type)
            except Exception as error:  # RMWError, and what a Fast DDS makes of a bad length
                raise ImageError('damaged message', message.message_type) from error
            decoded.header = self._header('', stamp_ns)
            return decoded
        if read_stamp_ns(message.content) == stamp_ns:
            return message.content
        return with_stamp_ns(message.content, stamp_ns)

    def _frame_of(self, content: Content) -> Frame:
        if isinstance(content, Frame):
            return content
        assert isinstance(self._source, BagSource)
        return self._source.decode(content)

    def _header(self, recorded_frame_id: str, stamp_ns: int) -> Header:
        stamp = Time(nanoseconds=stamp_ns).to_msg()
        if self._options.frame_id is not None:
            return Header(stamp=stamp, frame_id=self._options.frame_id)
        return Header(stamp=stamp, frame_id=recorded_frame_id or 'camera')


def pinhole_camera_info(height: int, width: int, fov_deg: float, header: Header) -> CameraInfo:
    """
    Make the CameraInfo of a pinhole camera with square pixels and no distortion.

    :param height: of the image, pixels.
    :param width: likewise.
    :param fov_deg: horizontal field of view.
    :param header: put into the message as it is.
    """
    focal = width / (2 * math.tan(math.radians(fov_deg) / 2))
    center_x, center_y = width / 2, height / 2
    return CameraInfo(
        header=header,
        height=height,
        width=width,
        distortion_model='plumb_bob',
        d=[0.0] * 5,
        k=[focal, 0.0, center_x, 0.0, focal, center_y, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[focal, 0.0, center_x, 0.0, 0.0, focal, center_y, 0.0, 0.0, 0.0, 1.0, 0.0],
    )


def _jpeg_message(frame: Frame, header: Header) -> CompressedImage:
    image = (
        frame.image if frame.pixel_format == 'gray' else to_bgr(frame.image, frame.pixel_format)
    )
    _done, content = cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
    message = CompressedImage(header=header, format='jpeg')
    message.data = byte_array(content)
    return message
