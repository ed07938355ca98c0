"""Replay as users call it: in a process of its own, heard over real DDS."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import recordings
from recordings import road_picture
from seg_node.replay import main, split_ros_arguments
from seg_node.ros_conversions import frame_from_compressed, frame_from_image, stamp_ns_of

rclpy = pytest.importorskip('rclpy', reason='rclpy is not installed')

from dds import domain_environment, Probe, ROOT, SENSOR_DATA, wait_until  # noqa: E402
from rclpy.qos import QoSProfile  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402
from sensor_msgs.msg import CameraInfo, CompressedImage, Image  # noqa: E402

COMMAND = [sys.executable, '-m', 'seg_node.replay']
pytestmark = pytest.mark.dds


@pytest.fixture
def probe(domain_id):
    probe = Probe(domain_id)
    yield probe
    probe.close()


@pytest.fixture
def start(domain_id):
    """Start the command; whatever still runs at the end is killed."""
    processes = []

    def run(path, *arguments):
        process = subprocess.Popen(
            [*COMMAND, str(path), *arguments],
            cwd=ROOT,
            env=domain_environment(domain_id),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def finish(process, status=0):
    output, errors = process.communicate(timeout=30)
    assert process.returncode == status, (output, errors)
    return output, errors


def listen_raw(probe, topic, message_type, qos=SENSOR_DATA):
    """Collect messages as the bytes that came over the wire."""
    contents = []
    probe.node.create_subscription(message_type, topic, contents.append, qos, raw=True)
    return contents


def listen(probe, topic, message_type=Image):
    """Listen as cameras are listened to; a reliable end would take seconds to be confirmed."""
    return probe.listen(topic, message_type, SENSOR_DATA)


def stamps_of(messages):
    return [stamp_ns_of(message.header.stamp) for message in messages]


@pytest.mark.parametrize(
    ('storage', 'qos'),
    [('sqlite3', QoSProfile(depth=100)), ('mcap', QoSProfile(depth=100)), ('mcap', SENSOR_DATA)],
    ids=['sqlite3 reliable', 'mcap reliable', 'mcap best-effort'],
)
def test_a_bag_arrives_byte_for_byte_and_whole(start, probe, tmp_path, storage, qos):
    topics = {'/front/image_raw': recordings.images(20)}
    sent = recordings.write_bag(tmp_path / 'bag', topics, storage)
    heard = listen_raw(probe, '/image', Image, qos)
    output, errors = finish(start(tmp_path / 'bag'))
    wait_until(lambda: len(heard) >= 20, 'all images')
    assert [bytes(content) for content in heard] == sent
    assert errors == ''
    assert re.search(r'sent 20 images in 0\.9\d s \((19|20|21)\.\d\d Hz\)', output)
    assert 'acknowledged' not in output


def test_a_compressed_bag_arrives_byte_for_byte_when_asked_for(start, probe, tmp_path):
    messages = [recordings.compressed_message(index) for index in range(4)]
    sent = recordings.write_bag(tmp_path / 'bag', {'/image/compressed': messages})
    heard = listen_raw(probe, '/image', CompressedImage)
    finish(start(tmp_path / 'bag', '--compressed'))
    wait_until(lambda: len(heard) >= 4, 'all images')
    assert [bytes(content) for content in heard] == sent


def test_a_compressed_bag_is_decoded_for_who_wants_images(start, probe, tmp_path):
    messages = [recordings.compressed_message(index) for index in range(4)]
    messages[1].data = messages[1].data[:30]
    recordings.write_bag(tmp_path / 'bag', {'/image/compressed': messages})
    heard = listen(probe, '/image')
    output, _ = finish(start(tmp_path / 'bag'))
    wait_until(lambda: len(heard) >= 3, 'the whole images')
    assert '1 could not be read, the first: truncated' in output
    for message, index in zip(heard, (0, 2, 3), strict=True):
        frame = frame_from_image(message)
        np.testing.assert_array_equal(frame.image, road_picture(index))
        assert frame.stamp_ns == recordings.header_stamp_ns(index)
        assert frame.frame_id == 'front'


def test_a_bag_brings_its_own_camera_info(start, probe, tmp_path):
    infos = [recordings.camera_info_message(index) for index in range(5)]
    topics = {'/front/image_raw': recordings.images(5), '/front/camera_info': infos}
    recordings.write_bag(tmp_path / 'bag', topics)
    images, heard = listen(probe, '/cam/image'), listen(probe, '/cam/camera_info', CameraInfo)
    arguments = ('--camera-info', '--stamp', 'now', '--frame-id', 'here')
    finish(start(tmp_path / 'bag', *arguments, '--ros-args', '-r', 'image:=/cam/image'))
    wait_until(lambda: len(images) == len(heard) == 5, 'images and infos')
    assert [message.k[0] for message in heard] == [77.0] * 5
    assert stamps_of(images) == stamps_of(heard)
    assert all(abs(time.time_ns() - stamp_ns) < 60e9 for stamp_ns in stamps_of(images))
    assert {message.header.frame_id for message in (*images, *heard)} == {'here'}
    np.testing.assert_array_equal(frame_from_image(images[4]).image, road_picture(4))


def test_a_damaged_message_does_not_end_a_replay(start, probe, tmp_path):
    """With --frame-id each message is decoded; the others go out as they are."""
    messages = list(recordings.images(5))
    cut = bytes(30)
    recordings.write_bag(tmp_path / 'bag', {'/image': [*messages[:2], cut, *messages[3:]]})
    images = listen(probe, '/image')
    output, errors = finish(start(tmp_path / 'bag', '--frame-id', 'here'))
    assert 'Traceback' not in errors
    assert 'damaged message' in output + errors
    wait_until(lambda: len(images) == 4, 'the others')


@pytest.mark.parametrize('kind', ['pictures', 'bag'])
def test_pictures_and_bags_without_one_get_a_pinhole_camera(start, probe, tmp_path, kind):
    if kind == 'bag':
        recordings.write_bag(tmp_path / kind, {'/image': recordings.images(3)})
    else:
        recordings.write_pictures(tmp_path / kind, 3)
    images, heard = listen(probe, '/image'), listen(probe, '/camera_info', CameraInfo)
    finish(start(tmp_path / kind, '--camera-info', '--fov', '60', '--rate', '20'))
    wait_until(lambda: len(images) == len(heard) == 3, 'images and infos')
    assert stamps_of(images) == stamps_of(heard)
    for info in heard:
        assert (info.width, info.height, info.distortion_model) == (64, 32, 'plumb_bob')
        assert info.header.frame_id == ('front' if kind == 'bag' else 'camera')
        # a point at the edge of the picture lies 30 degrees off the axis
        assert np.degrees(np.arctan(32 / info.k[0])) == pytest.approx(30)
        assert (info.k[2], info.k[5], info.k[8]) == (32, 16, 1)
        assert list(info.p[:3]) == [info.k[0], 0, 32]


def test_a_video_goes_out_compressed_in_a_loop(start, probe, tmp_path):
    path = recordings.write_video(tmp_path / 'drive.mp4', 5)
    heard = listen(probe, '/image', CompressedImage)
    finish(start(path, '--compressed', '--loop', '2', '--stamp', 'recorded', '--speed', '2'))
    wait_until(lambda: len(heard) >= 10, 'both passes')
    assert stamps_of(heard) == [index * 50_000_000 for index in range(10)]
    for index, message in enumerate(heard):
        picture = frame_from_compressed(message).image
        assert np.abs(picture.astype(int) - road_picture(index % 5)).mean() < 10


def test_pictures_are_stamped_with_the_time_of_sending(start, probe, tmp_path):
    recordings.write_pictures(tmp_path, 6)
    arrivals = []
    probe.node.create_subscription(
        Image,
        '/image',
        lambda message: arrivals.append((stamp_ns_of(message.header.stamp), time.time_ns())),
        SENSOR_DATA,
    )
    finish(start(tmp_path, '--rate', '25', '--best-effort'))
    wait_until(lambda: len(arrivals) >= 6, 'all pictures')
    assert all(0 <= heard_ns - stamp_ns < 1e9 for stamp_ns, heard_ns in arrivals)
    gaps_ns = [b - a for (a, _), (b, _) in itertools.pairwise(arrivals)]
    assert np.median(gaps_ns) == pytest.approx(40e6, rel=0.2)


def test_the_clock_tells_the_recorded_time_between_the_images_too(start, probe, tmp_path):
    messages = recordings.images(6)
    recordings.write_bag(
        tmp_path / 'bag', {'/image': messages}, period_ns=4 * recordings.PERIOD_NS
    )
    heard, clocks = listen(probe, '/image'), listen(probe, '/clock', Clock)
    finish(start(tmp_path / 'bag', '--clock'))
    wait_until(lambda: len(heard) >= 6, 'all images')
    times_ns = [stamp_ns_of(message.clock) for message in clocks]
    assert times_ns == sorted(times_ns)
    assert times_ns[-1] == stamps_of(heard)[-1] == recordings.header_stamp_ns(5)
    assert set(stamps_of(heard)[1:]) <= set(times_ns)
    assert len(times_ns) > 5 * 5  # 200 ms between images, ticks of 20 ms


@pytest.mark.parametrize('signal_number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('when', ['waiting', 'playing'])
def test_it_ends_when_told_to(start, probe, tmp_path, signal_number, when):
    recordings.write_pictures(tmp_path, 2)
    heard = listen(probe, '/image') if when == 'playing' else []
    process = start(tmp_path, '--loop', '--rate', '50')
    if when == 'playing':
        wait_until(lambda: len(heard) > 5, 'images')
    else:
        assert 'waiting for a subscriber' in process.stdout.readline()
    process.send_signal(signal_number)
    output, errors = finish(process)
    assert errors == ''
    assert ('sent ' in output) == (when == 'playing')


def test_nobody_listening_is_an_error_with_a_remedy(start, tmp_path):
    recordings.write_pictures(tmp_path, 1)
    _, errors = finish(start(tmp_path, '--wait-for-subscriber', '0.3'), status=2)
    assert errors.startswith('error: nobody subscribed to /image within 0.3 s')
    assert '--wait-for-subscriber 0' in errors
    output, _ = finish(start(tmp_path, '--wait-for-subscriber', '0'))
    assert 'sent 1 images' in output
    assert 'waiting' not in output


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['nowhere'], 'there is no nowhere'),
        (['.', '--bag-topic', '/image'], 'is not a bag'),
        (['.', '--clock', '--stamp', 'now'], '--clock'),
        (['.', '--fov', '180'], '--fov'),
        (['.', '--rate', '0'], '--rate'),
        (['.', '--rate', '1e-300'], '--rate 1e-300 is no rate: give 0.001 to 1000 images a'),
        (['.', '--rate', '1e300'], '--rate 1e+300 is no rate'),
        (['.', '--wait-for-subscriber', '-1'], '--wait-for-subscriber'),
        (['.', '--topic', 'a b'], 'ROS refuses the arguments: Invalid topic name'),
        (['.', '--ros-args', '--nonsense'], 'ROS refuses the arguments'),
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path, monkeypatch, capfd, arguments, words):
    monkeypatch.chdir(tmp_path)
    recordings.write_pictures(tmp_path, 1)
    assert main(arguments) == 2
    _, errors = capfd.readouterr()
    assert errors.startswith('error: ')
    assert words in errors
    assert errors.count('\n') == 1


def test_help_and_a_clear_error_without_ros(tmp_path):
    recordings.write_pictures(tmp_path, 1)
    code = (
        'import sys; sys.modules["rclpy"] = None; from seg_node.replay import main; '
        'sys.exit(main(sys.argv[1:]))'
    )
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    for arguments, status, words in (
        (['--help'], 0, 'examples:'),
        ([str(tmp_path)], 2, 'error: ROS 2 is not there'),
    ):
        result = subprocess.run(
            [sys.executable, '-c', code, *arguments],
            env=environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert result.returncode == status
        assert words in result.stdout + result.stderr


@pytest.mark.parametrize(
    ('arguments', 'own', 'for_ros'),
    [
        (['a', '--loop'], ['a', '--loop'], []),
        (['a', '--ros-args', '-r', 'b:=c'], ['a'], ['--ros-args', '-r', 'b:=c']),
        (['--ros-args', '-p', 'x:=1', '--', 'a'], ['a'], ['--ros-args', '-p', 'x:=1']),
        (
            ['--ros-args', '-r', 'b:=c', '--', 'a', '--ros-args', '-r', 'd:=e'],
            ['a'],
            ['--ros-args', '-r', 'b:=c', '--ros-args', '-r', 'd:=e'],
        ),
    ],
)
def test_arguments_for_ros_are_set_apart(arguments, own, for_ros):
    assert split_ros_arguments(arguments) == (own, for_ros)
