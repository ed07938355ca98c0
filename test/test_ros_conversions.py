"""Messages to frames and back, for messages of rclpy and of rosbags."""

from array import array
import os
from pathlib import Path
import subprocess
import sys

from hypothesis import assume, given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
import recordings
from seg_node.image_decoding import decode_raw, ENCODINGS, ImageError
from seg_node.ros_conversions import (
    bgr8_message,
    frame_from_compressed,
    frame_from_image,
    image_message,
    mono8_message,
)
from test_image_decoding import raw_images

REPOSITORY = Path(__file__).resolve().parents[1]


def rclpy_image(encoding, height, width, step, is_bigendian, data):
    messages = pytest.importorskip('sensor_msgs.msg', reason='no ROS messages are installed')
    message = messages.Image(
        encoding=encoding, height=height, width=width, step=step, is_bigendian=int(is_bigendian)
    )
    message.data = array('B', data)
    message.header.frame_id = 'front'
    message.header.stamp.sec, message.header.stamp.nanosec = 3, 7
    return message


def rosbags_image(encoding, height, width, step, is_bigendian, data):
    message = recordings.image_message(0, np.zeros((1, 1), np.uint8), encoding)
    message.height, message.width, message.step = height, width, step
    message.is_bigendian = int(is_bigendian)
    message.data = np.frombuffer(data, np.uint8)
    message.header.stamp.sec, message.header.stamp.nanosec = 3, 7
    return message


@pytest.mark.parametrize('make', [rclpy_image, rosbags_image])
def test_a_message_becomes_a_frame_with_its_stamp(make):
    @settings(max_examples=100, deadline=None)
    @given(raw_images())
    def check(raw):
        frame = frame_from_image(make(*raw))
        image, pixel_format = decode_raw(*raw)
        np.testing.assert_array_equal(frame.image, image)
        assert frame.pixel_format == pixel_format
        assert frame.stamp_ns == 3_000_000_007
        assert frame.frame_id == 'front'

    check()


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_a_compressed_message_becomes_a_frame(suffix):
    frame = frame_from_compressed(recordings.compressed_message(2, suffix))
    tolerance = 0 if suffix == '.png' else 20
    assert np.abs(frame.image.astype(int) - recordings.road_picture(2)).max() <= tolerance
    assert frame.stamp_ns == recordings.FIRST_STAMP_NS + 2 * recordings.PERIOD_NS
    assert frame.frame_id == 'front'


def test_a_damaged_compressed_message_is_an_image_error():
    message = recordings.compressed_message(0)
    message.data = message.data[:50]
    with pytest.raises(ImageError) as caught:
        frame_from_compressed(message)
    assert caught.value.reason == 'truncated'


pixels = st.integers(1, 9).flatmap(
    lambda width: st.binary(min_size=4 * width, max_size=36 * width).map(
        lambda data: np.frombuffer(data[: len(data) // (4 * width) * 4 * width], np.uint8).reshape(
            -1, width, 4
        )
    )
)


@settings(max_examples=100, deadline=None)
@given(pixels, st.sampled_from(['bgr', 'rgb', 'bgra', 'rgba', 'gray']), st.booleans())
def test_pictures_survive_the_round_trip(picture, pixel_format, strided):
    std_msgs = pytest.importorskip('std_msgs.msg', reason='no ROS messages are installed')
    channels = {'gray': 0, 'bgr': slice(3), 'rgb': slice(3)}.get(pixel_format, slice(4))
    picture = picture[..., channels]
    picture = picture[::-1] if strided else picture
    message = image_message(picture, pixel_format, std_msgs.Header(frame_id='x'))
    frame = frame_from_image(message)
    np.testing.assert_array_equal(frame.image, picture)
    assert frame.pixel_format == pixel_format


def test_masks_and_overlays_carry_the_very_header_they_are_given():
    std_msgs = pytest.importorskip('std_msgs.msg', reason='no ROS messages are installed')
    header = std_msgs.Header(frame_id='camera')
    mask = np.arange(12, dtype=np.uint8).reshape(3, 4)
    overlay = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    for message, encoding, picture in (
        (mono8_message(mask, header), 'mono8', mask),
        (bgr8_message(overlay, header), 'bgr8', overlay),
    ):
        assert message.header is header
        assert (message.height, message.width) == (3, 4)
        assert (message.encoding, message.step) == (encoding, picture.size // 3)
        assert isinstance(message.data, array)
        assert message.data.typecode == 'B'
        assert message.data.tobytes() == picture.tobytes()


def run_python(code, *path):
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(map(str, (*path, REPOSITORY)))}
    command = [sys.executable, '-c', code]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_reading_messages_needs_no_ros_package():
    code = """
import sys
for name in ('rclpy', 'sensor_msgs', 'std_msgs', 'cv_bridge'):
    sys.modules[name] = None
from types import SimpleNamespace as Some
from seg_node.ros_conversions import frame_from_image
header = Some(stamp=Some(sec=1, nanosec=2), frame_id='f')
fields = dict(height=1, width=2, step=2, is_bigendian=0, data=b'ab', header=header)
print(frame_from_image(Some(encoding='mono8', **fields)).image.tolist())
try:
    frame_from_image(Some(encoding='32FC1', **fields))
except Exception as error:
    print(error.reason)
"""
    result = run_python(code)
    assert result.stdout.splitlines() == ['[[97, 98]]', 'unsupported encoding 32FC1'], result


CV_BRIDGE = """
import numpy
calls = []
class CvBridge:
    def imgmsg_to_cv2(self, message, desired):
        calls.append(desired)
        if message.encoding == 'bad':
            raise RuntimeError('unknown to me too')
        return numpy.full((message.height, message.width, 3), 9, numpy.uint8)
"""


def test_unknown_encodings_go_to_cv_bridge_and_known_ones_do_not(tmp_path):
    """Here with a module that stands in for cv_bridge; the real one is asked below."""
    (tmp_path / 'cv_bridge.py').write_text(CV_BRIDGE)
    code = """
from types import SimpleNamespace as Some
from seg_node.ros_conversions import frame_from_image
import cv_bridge
header = Some(stamp=Some(sec=1, nanosec=2), frame_id='f')
for encoding in ('mono8', 'bayer_rggb16', 'bad'):
    message = Some(encoding=encoding, height=1, width=2, step=2, is_bigendian=0, data=b'ab',
                   header=header)
    try:
        frame = frame_from_image(message)
        print(frame.pixel_format, frame.image.tolist(), frame.stamp_ns, cv_bridge.calls)
    except Exception as error:
        print(type(error).__name__, error.reason, str(error).rpartition('(')[2])
"""
    result = run_python(code, tmp_path)
    assert result.stdout.splitlines() == [
        'gray [[97, 98]] 1000000002 []',
        "bgr [[[9, 9, 9], [9, 9, 9]]] 1000000002 ['bgr8']",
        'ImageError unsupported encoding bad cv_bridge: unknown to me too)',
    ], result


PIXEL_BYTES = {
    **dict.fromkeys(('bgr8', 'rgb8', '8UC3'), 3),
    **dict.fromkeys(('bgra8', 'rgba8', '8UC4'), 4),
    **dict.fromkeys(('mono16', 'yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv'), 2),
}


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_cv_bridge_sees_the_same_pixels(encoding):
    cv_bridge = pytest.importorskip('cv_bridge', reason='cv_bridge is not installed')
    bridge = cv_bridge.CvBridge()

    @settings(max_examples=30, deadline=None)
    @given(raw_images((encoding,)))
    def check(raw):
        # cv_bridge 3.4 reads rows padded by a part of a pixel from the wrong places
        assume(raw[3] % PIXEL_BYTES.get(encoding, 1) == 0)
        message = rclpy_image(*raw[:4], False, raw[5])
        frame = frame_from_image(message)
        wanted = {'gray': 'mono8', 'bgr': 'bgr8', 'rgb': 'rgb8', 'bgra': 'bgra8', 'rgba': 'rgba8'}
        try:
            expected = bridge.imgmsg_to_cv2(message, wanted[frame.pixel_format])
        except cv_bridge.CvBridgeError as error:
            pytest.skip(f'this cv_bridge does not know {encoding}: {error}')
        # mono16 is scaled and rounded by cv_bridge, where the top byte is taken here
        tolerance = 1 if encoding == 'mono16' else 0
        difference = expected.reshape(frame.image.shape).astype(int) - frame.image
        assert np.abs(difference).max() <= tolerance

    check()
