"""
The node's scenarios once more, started through ``ros2 launch`` and the shipped launch files.

They need a full ROS 2 with this package built by colcon and sourced; elsewhere they are skipped
and the same scenarios run on the node's own process.
"""

import shutil
import socket
import subprocess

import cv2
import numpy as np
import pytest

pytest.importorskip('launch_ros', reason='launch tests need a full ROS 2 (launch_ros)')

if subprocess.run(['ros2', 'pkg', 'prefix', 'seg_node'], capture_output=True).returncode:
    pytest.skip('seg_node is not built by colcon and sourced', allow_module_level=True)

from dds import LaunchedNode, Probe, ROOT, stamp_ns, wait_until
from sensor_msgs.msg import Image
from test_node_diagnostics import (  # noqa: F401
    test_clock_not_running_and_simulation_time,
    test_frames_lost_in_transport,
    test_incompatible_qos_names_the_policy,
    test_matched_and_silent_then_stopped,
    test_no_publisher_then_all_well,
    test_not_activated,
    test_wrong_message_type,
)
from test_node_images import (  # noqa: F401
    test_bad_frames_are_counted_named_and_never_fatal,
    test_compressed_images,
    test_each_mask_has_its_images_header_and_pixels,
    test_slow_network_keeps_the_newest_frame_and_honest_counters,
)
from test_node_lifecycle import test_every_transition_from_every_state  # noqa: F401
from test_node_swap import (  # noqa: F401
    test_a_failed_change_keeps_the_model_and_says_why,
    test_swap_under_load_loses_and_mixes_nothing,
)
from test_recorded_bags import (
    BAGS,
    image_topic,
    lane_iou,
    MANIFEST,
    player,  # noqa: F401
    test_gaps_are_told_and_stamps_that_go_back_are_kept,  # noqa: F401
    test_masks_of_the_drives_are_as_good_as_they_were,  # noqa: F401
    truth,
)

pytestmark = [pytest.mark.dds, pytest.mark.slow]


@pytest.fixture
def node_process() -> type:
    return LaunchedNode


class Launched(LaunchedNode):
    """A launch file with arguments."""

    def command(self, parameters: dict) -> list[str]:
        return ['ros2', 'launch', 'seg_node', *parameters['arguments']]


def launch(tmp_path, domain_id: int, *arguments: str) -> Launched:
    return Launched(tmp_path / 'launch.log', domain_id, {'arguments': arguments})


def free_port() -> int:
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        return found.getsockname()[1]


@pytest.mark.parametrize('name', ['camera_lane', 'carla_lane', 'replay_lane', 'seg_node'])
def test_arguments_are_documented(name: str) -> None:
    command = ['ros2', 'launch', 'seg_node', f'{name}.launch.py', '--show-args']
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "'image':" in shown
    assert 'no description given' not in shown


def test_replay_lane_plays_pictures_through_the_shipped_model(tmp_path, domain_id) -> None:
    pictures = tmp_path / 'pictures'
    pictures.mkdir()
    for index in range(3):
        cv2.imwrite(str(pictures / f'{index}.png'), np.full((72, 128, 3), 90, np.uint8))
    probe = Probe(domain_id)
    masks = probe.listen('/seg_node/mask', Image)
    node = launch(
        tmp_path,
        domain_id,
        'replay_lane.launch.py',
        f'input:={pictures}',
        'loop:=true',
        'rate:=10',
    )
    try:
        wait_until(lambda: len(masks) > 5, 'masks', 60)
        assert {(mask.height, mask.width, mask.encoding) for mask in masks} == {(72, 128, 'mono8')}
    finally:
        assert node.stop() == 0
        probe.close()


def test_camera_lane_uses_the_cameras_topic(tmp_path, domain_id) -> None:
    node = launch(tmp_path, domain_id, 'camera_lane.launch.py', 'image:=/front/image_raw')
    try:
        node.wait_for_log('active: waiting for images on /front/image_raw', 60)
    finally:
        assert node.stop() == 0


def test_carla_lane_drives_in_the_small_simulator(tmp_path, domain_id) -> None:
    """One command from nothing to masks, each of a picture with that stamp, and to its truth."""
    pytest.importorskip('carla', reason='the carla client is not installed')
    probe = Probe(domain_id)
    base = '/carla/ego/bumper'
    images, truths = probe.listen(f'{base}/image'), probe.listen(f'{base}/labels')
    masks = probe.listen('/seg_node/mask')
    node = launch(
        tmp_path,
        domain_id,
        'carla_lane.launch.py',
        f'port:={free_port()}',
        *('role:=ego', 'camera:=bumper', 'width:=320', 'height:=180', 'rate_hz:=5.0'),
        *('town:=LiteLoop', 'weather_schedule:=ClearNoon:10,HardRainNoon:10'),
    )
    try:
        wait_until(lambda: len(masks) > 12, 'masks', 90)
        node.wait_for_log('now HardRainNoon')
    finally:
        assert node.stop() == 0
        probe.close()
    stamps = {stamp_ns(image) for image in images}
    # the node may have found the camera before the probe did
    for results in (masks, truths):
        later = [stamp_ns(result) for result in results if stamp_ns(result) >= min(stamps)]
        assert len(later) > 5
        assert set(later) <= stamps
    assert {(mask.height, mask.width, mask.encoding) for mask in masks} == {(180, 320, 'mono8')}
    assert {mask.header.frame_id for mask in masks} == {'ego/bumper_optical'}
    log = node.log.read_text()
    assert 'Traceback' not in log
    assert 'process has died' not in log


def test_carla_lane_takes_the_topics_of_others(tmp_path, domain_id) -> None:
    node = launch(
        tmp_path, domain_id, 'carla_lane.launch.py', 'simulator:=none', 'role:=hero', 'camera:=rgb'
    )
    try:
        node.wait_for_log('active: waiting for images on /carla/hero/rgb/image', 60)
    finally:
        assert node.stop() == 0
    assert 'carla_camera' not in node.log.read_text()


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['simulator:=unreal'], 'simulator:=unreal is unknown: use lite, carla, none'),
        (['simulator:=carla', 'autopilot:=me'], "parameter autopilot: 'me' is unknown"),
    ],
)
def test_carla_lane_with_a_mistake_ends(tmp_path, domain_id, arguments, words) -> None:
    node = launch(tmp_path, domain_id, 'carla_lane.launch.py', *arguments)
    node.wait(60)
    assert words in node.log.read_text()


def test_a_bad_bundle_ends_the_launch(tmp_path, domain_id) -> None:
    node = launch(tmp_path, domain_id, 'camera_lane.launch.py', 'bundle:=/nowhere')
    node.wait(60)
    assert 'there is no such folder' in node.log.read_text()
    assert shutil.which('ros2')
    assert ROOT.is_dir()


def test_replay_lane_plays_a_recorded_bag(tmp_path, domain_id) -> None:
    """A bag of compressed pictures beside its truth; its masks keep stamps and quality."""
    probe = Probe(domain_id)
    masks = probe.listen('/seg_node/mask', Image)
    node = launch(
        tmp_path,
        domain_id,
        'replay_lane.launch.py',
        *(f'input:={BAGS / "day"}', f'bag_topic:={image_topic("day")}', 'rate:=3'),
    )
    try:
        frames = MANIFEST['day']['answered']
        # the replay waits for the node, and nobody for this test's ear: it may miss the first ones
        wait_until(lambda: len(masks) >= 0.5 * frames, 'masks', 60)
        node.wait_for_log(f'sent {frames} images', 30)
    finally:
        node.stop()
        probe.close()
    assert len({stamp_ns(mask) for mask in masks}) == len(masks) <= frames
    assert lane_iou(masks, truth('day')) >= MANIFEST['day']['lane_iou_floor']
