"""Pictures, folders, videos and bags as frames; and every way in which they can be wrong."""

import cv2
import numpy as np
import pytest
import recordings
from recordings import road_picture
from seg_node.sources import open_source, SourceError


def frames_of(source):
    return {name: frame for name, frame in source}  # noqa: C416 (dict() reads the pairs as keys)


def test_a_picture_is_one_frame(tmp_path):
    (path,) = recordings.write_pictures(tmp_path, 1)
    with open_source(path) as source:
        frames = frames_of(source)
    assert (source.kind, source.length, source.rate_hz) == ('image', 1, None)
    assert list(frames) == ['frame0']
    np.testing.assert_array_equal(frames['frame0'].image, road_picture(0))
    assert frames['frame0'].pixel_format == 'bgr'


def test_a_folder_is_in_natural_order_and_readable_twice(tmp_path):
    recordings.write_pictures(tmp_path, 12)
    (tmp_path / 'notes.txt').write_text('no picture')
    with open_source(tmp_path) as source:
        assert (source.kind, source.length) == ('folder', 12)
        for _ in range(2):
            frames = frames_of(source)
            assert list(frames) == [f'frame{index}' for index in range(12)]
            np.testing.assert_array_equal(frames['frame11'].image, road_picture(11))


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.bmp', '.webp', '.tif', '.ppm', '.JPEG'])
def test_the_usual_formats_are_read(tmp_path, suffix):
    recordings.write_pictures(tmp_path, 2, suffix)
    with open_source(tmp_path) as source:
        frames = frames_of(source)
    assert not source.faults
    assert np.abs(frames['frame1'].image.astype(int) - road_picture(1)).max() < 60


def test_a_pairs_folder_gives_its_pictures(tmp_path):
    recordings.write_pictures(tmp_path / 'images', 2)
    recordings.write_pictures(tmp_path / 'masks', 2)
    with open_source(tmp_path) as source:
        assert source.path == tmp_path / 'images'
        assert source.length == 2


def test_pictures_of_one_stem_get_different_names(tmp_path):
    recordings.write_pictures(tmp_path, 1, '.png')
    recordings.write_pictures(tmp_path, 1, '.jpg')
    with open_source(tmp_path) as source:
        assert sorted(frames_of(source)) == ['frame0_jpg', 'frame0_png']


def test_unreadable_pictures_are_left_out_and_told(tmp_path):
    paths = recordings.write_pictures(tmp_path, 5)
    paths[1].write_bytes(b'rubbish')
    paths[2].write_bytes(paths[2].read_bytes()[:40])
    paths[3].unlink()
    paths[3].mkdir()
    with open_source(tmp_path) as source:
        for _ in range(2):
            assert list(frames_of(source)) == ['frame0', 'frame4']
            assert [fault.split(': ')[0] for fault in source.faults] == [
                'frame1.png',
                'frame2.png',
                'frame3.png',
            ]
    assert 'not a jpeg or png' in source.faults[0]
    assert 'truncated' in source.faults[1]


def test_16_bit_grey_and_transparent_pictures_become_bgr(tmp_path):
    cv2.imwrite(str(tmp_path / 'deep.png'), np.full((4, 5, 3), 0x80FF, np.uint16))
    cv2.imwrite(str(tmp_path / 'grey.png'), np.full((4, 5), 7, np.uint8))
    cv2.imwrite(str(tmp_path / 'clear.png'), np.full((4, 5, 4), 9, np.uint8))
    with open_source(tmp_path) as source:
        frames = frames_of(source)
    assert {frame.image.shape for frame in frames.values()} == {(4, 5, 3)}
    assert {name: int(frame.image[0, 0, 0]) for name, frame in frames.items()} == {
        'clear': 9,
        'deep': 0x80,
        'grey': 7,
    }


def test_a_video_is_stamped_by_its_rate(tmp_path):
    path = recordings.write_video(tmp_path / 'drive.mp4', 12, rate_hz=20)
    with open_source(path) as source:
        assert (source.kind, source.length, source.rate_hz) == ('video', 12, 20)
        for _ in range(2):
            frames = frames_of(source)
            assert list(frames) == [f'{index:06d}' for index in range(12)]
            stamps = [frame.stamp_ns for frame in frames.values()]
            assert stamps == [index * 50_000_000 for index in range(12)]
    assert not source.faults
    assert np.abs(frames['000003'].image.astype(int) - road_picture(3)).mean() < 10


def test_a_video_that_ends_early_is_read_as_far_as_it_goes(tmp_path):
    path = recordings.write_video(tmp_path / 'drive.mkv', 40)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with open_source(path) as source:
        frames = frames_of(source)
    assert 0 < len(frames) < 40
    assert source.faults == [f'drive.mkv: ends after {len(frames)} of 40 frames']


@pytest.mark.parametrize('storage', ['sqlite3', 'mcap'])
@pytest.mark.parametrize('part', ['folder', 'file', 'folder without metadata'])
def test_a_bag_is_stamped_by_its_headers(tmp_path, storage, part):
    path = tmp_path / 'bag'
    recordings.write_bag(path, {'/camera/image_raw': recordings.images(5)}, storage)
    if part == 'folder without metadata':
        (path / 'metadata.yaml').unlink()
    with open_source(recordings.bag_file(path) if part == 'file' else path) as source:
        assert (source.kind, source.length) == ('bag', 5)
        assert source.rate_hz == pytest.approx(20)
        for _ in range(2):
            frames = list(source)
            assert [name for name, _ in frames] == [f'{index:06d}' for index in range(5)]
            for index, (_, frame) in enumerate(frames):
                assert frame.stamp_ns == recordings.header_stamp_ns(index)
                assert frame.frame_id == 'front'
                np.testing.assert_array_equal(frame.image, road_picture(index))


@pytest.mark.parametrize('topic', ['/compressed', 'compressed'])
def test_a_topic_can_be_named_with_and_without_its_slash(tmp_path, topic):
    topics = {
        '/image': recordings.images(2),
        '/compressed': [recordings.compressed_message(index) for index in range(3)],
    }
    recordings.write_bag(tmp_path / 'bag', topics)
    with open_source(tmp_path / 'bag', topic) as source:
        frames = frames_of(source)
    assert source.length == len(frames) == 3
    np.testing.assert_array_equal(frames['000002'].image, road_picture(2))


def test_damaged_messages_of_a_bag_are_left_out_and_told(tmp_path):
    messages = recordings.images(6)
    messages[1] = b'\x00\x01\x00\x00rubbish'
    messages[2] = b''
    messages[3].encoding = 'unheard of'
    messages[4].data = messages[4].data[:100]
    recordings.write_bag(tmp_path / 'bag', {'/image': messages})
    with open_source(tmp_path / 'bag') as source:
        for _ in range(2):
            assert list(frames_of(source)) == ['000000', '000005']
            assert len(source.faults) == 4
    for fault, words in zip(
        source.faults, ['damaged', 'damaged', 'unheard of', 'truncated'], strict=True
    ):
        assert words in fault


@pytest.mark.parametrize('storage', ['sqlite3', 'mcap'])
def test_a_bag_cut_short_is_refused_or_read_as_far_as_it_goes(tmp_path, storage):
    path = tmp_path / 'bag'
    recordings.write_bag(path, {'/image': recordings.images(30)}, storage)
    file = recordings.bag_file(path)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    try:
        source = open_source(path)
    except SourceError as error:
        assert 'is not a bag that can be read' in str(error)
        return
    with source:
        frames = frames_of(source)
    assert len(frames) < 30
    assert 'unreadable from here on' in source.faults[-1]


def test_the_camera_info_beside_the_image_topic_is_found(tmp_path):
    infos = [recordings.camera_info_message(index) for index in range(2)]
    topics = {'/front/image_raw': recordings.images(2), '/front/camera_info': infos}
    recordings.write_bag(tmp_path / 'bag', topics)
    recordings.write_bag(tmp_path / 'other', {'/front/image_raw': recordings.images(2)})
    with open_source(tmp_path / 'bag') as source:
        assert source.camera_info_topic == '/front/camera_info'
        assert len(list(source.messages(with_camera_info=True))) == 4
        assert len(list(source.messages())) == 2
    with open_source(tmp_path / 'other') as source:
        assert source.camera_info_topic is None


def make_wrong_input(tmp_path, case):
    path = tmp_path / 'input'
    topic = None
    if case == 'empty folder':
        path.mkdir()
    elif case in ('not a video', 'empty file', 'ROS 1 bag', 'no bag', 'empty bag file'):
        suffix = {'ROS 1 bag': '.bag', 'no bag': '.db3', 'empty bag file': '.mcap'}
        path = path.with_suffix(suffix.get(case, '.mp4'))
        path.write_bytes(b'' if 'empty' in case else b'rubbish' * 100)
    elif case == 'topic of a folder':
        recordings.write_pictures(path, 1)
        topic = '/image'
    elif case == 'video without frames':
        path = recordings.write_video(tmp_path / 'input.mp4', 0)
    elif case == 'broken metadata':
        recordings.write_bag(path, {'/image': recordings.images(1)})
        (path / 'metadata.yaml').write_text('rosbag2_bagfile_information: 7')
    elif case != 'missing':
        infos = [recordings.camera_info_message(0)]
        topics = {'/info': infos}
        if case == 'two image topics':
            topics |= {'/a': recordings.images(1), '/b': [recordings.compressed_message(0)]}
        elif case != 'no image topic':
            topics['/a'] = recordings.images(1)
            topic = {'unknown topic': '/c', 'topic of another type': '/info'}[case]
        recordings.write_bag(path, topics)
    return path, topic


@pytest.mark.parametrize(
    ('case', 'words'),
    [
        ('missing', 'there is no'),
        ('empty folder', 'no pictures in'),
        ('not a video', 'neither a picture, a bag nor a video'),
        ('empty file', 'neither a picture, a bag nor a video'),
        ('video without frames', 'input.mp4'),
        ('ROS 1 bag', 'rosbags-convert'),
        ('no bag', 'not a bag that can be read'),
        ('empty bag file', 'not a bag that can be read'),
        ('broken metadata', 'not a bag that can be read'),
        ('topic of a folder', 'is not a bag'),
        ('no image topic', '/info (sensor_msgs/msg/CameraInfo)'),
        ('two image topics', 'name one: /a, /b'),
        ('unknown topic', '/c is not in it; its image topics: /a'),
        ('topic of another type', '/info is sensor_msgs/msg/CameraInfo; its image topics: /a'),
    ],
)
def test_wrong_input_is_refused_in_one_line(tmp_path, case, words):
    path, topic = make_wrong_input(tmp_path, case)
    with pytest.raises(SourceError) as caught:
        open_source(path, topic)
    assert words in str(caught.value)
    assert '\n' not in str(caught.value)


def test_the_real_clips_are_read_to_their_end(shared_data):
    with open_source(shared_data / 'unlabelled_real' / 'clip_track_640x480.mp4') as source:
        frames = sum(1 for _ in source)
    assert frames == source.length == 382
    assert not source.faults
