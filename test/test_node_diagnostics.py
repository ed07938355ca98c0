"""Each fault that users meet is provoked for real and read back from /diagnostics."""

import os
import subprocess
import sys
import time

from dds import (
    causes,
    connect,
    domain_environment,
    half_bright,
    image_message,
    latest_diagnostics,
    publish_until,
    ROOT,
    SENSOR_DATA,
    wait_until,
)
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage

pytestmark = pytest.mark.dds


def expect(diagnostics: list, cause: str, *words: str, timeout_s: float = 20.0) -> None:
    """Wait until the node names a cause, with the words in its message."""
    wait_until(lambda: cause in causes(diagnostics), f'{cause} in /diagnostics', timeout_s)
    message = latest_diagnostics(diagnostics)['message']
    for word in words:
        assert word in message


def test_not_activated(start_node) -> None:
    system = start_node(autostart=False)
    diagnostics = system.probe.listen_to_diagnostics()
    expect(diagnostics, 'not_activated', 'unconfigured', 'ros2 lifecycle set')


def test_no_publisher_then_all_well(start_node) -> None:
    system = start_node()
    diagnostics = system.probe.listen_to_diagnostics()
    elsewhere = system.probe.image_publisher('/front_camera/image_raw')
    wait_until(
        lambda: '/front_camera/image_raw' in latest_diagnostics(diagnostics).get('message', ''),
        'the other image topic to be named',
    )
    expect(diagnostics, 'no_publisher', 'no publisher on /image', 'remap')
    assert latest_diagnostics(diagnostics)['level'] == b'\x02'
    system.probe.node.destroy_publisher(elsewhere)
    publisher, masks = connect(system, '/seg_node/mask')
    publish_until(publisher, [image_message(half_bright())], masks)
    expect(diagnostics, 'ok')
    assert latest_diagnostics(diagnostics)['level'] == b'\x00'


@pytest.mark.parametrize(
    ('parameters', 'offered', 'policy'),
    [({'reliability': 'reliable'}, SENSOR_DATA, 'RELIABILITY')],
)
def test_incompatible_qos_names_the_policy(start_node, parameters, offered, policy) -> None:
    system = start_node(**parameters)
    diagnostics = system.probe.listen_to_diagnostics()
    publisher = system.probe.image_publisher(qos=offered)
    expect(diagnostics, 'incompatible_qos', policy, 'reliability:=best_effort')
    system.probe.node.destroy_publisher(publisher)
    good = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    system.probe.image_publisher(qos=good)
    wait_until(lambda: 'incompatible_qos' not in causes(diagnostics), 'the finding to go')


def test_wrong_message_type(start_node) -> None:
    system = start_node()
    diagnostics = system.probe.listen_to_diagnostics()
    system.probe.image_publisher(message_type=CompressedImage)
    expect(diagnostics, 'wrong_type', 'CompressedImage', 'image_transport:=compressed')


def test_matched_and_silent_then_stopped(start_node) -> None:
    system = start_node()
    publisher, masks = connect(system, '/seg_node/mask')
    diagnostics = system.probe.received['/diagnostics']
    expect(diagnostics, 'nothing_arrives', 'silent', 'fastdds_large_images.xml')
    publish_until(publisher, [image_message(half_bright())], masks)
    wait_until(lambda: 'nothing_arrives' not in causes(diagnostics), 'the finding to go')
    expect(diagnostics, 'input_stopped', 'no frame on /image for')


def test_frames_lost_in_transport(start_node) -> None:
    system = start_node()
    masks = system.probe.listen('/seg_node/mask')
    diagnostics = system.probe.listen_to_diagnostics()
    system.node.wait_for_log('active: waiting')
    # A publisher with Fast DDS' own defaults, as a camera driver without the profile has them.
    publisher = subprocess.Popen(
        [sys.executable, '-c', LOSSY_PUBLISHER],
        env={
            **domain_environment(int(system.probe.context.get_domain_id())),
            'FASTRTPS_DEFAULT_PROFILES_FILE': '',
            'FASTDDS_DEFAULT_PROFILES_FILE': '',
        },
        cwd=ROOT,
    )
    try:
        expect(diagnostics, 'lost_in_transport', 'of', 'fastdds_large_images.xml', 'reliable')
    finally:
        publisher.kill()
        publisher.wait()
    assert int(latest_diagnostics(diagnostics)['lost_in_transport']) > 0
    del masks


LOSSY_PUBLISHER = """
import sys, time
sys.path.insert(0, 'test')
import numpy as np, rclpy
from dds import image_message
rclpy.init()
node = rclpy.create_node('driver')
from sensor_msgs.msg import Image
publisher = node.create_publisher(Image, 'image', 5)
message = image_message(np.zeros((1080, 1920, 3), np.uint8))
while True:
    publisher.publish(message)
    time.sleep(0.03)
"""


def test_clock_not_running_and_simulation_time(start_node) -> None:
    system = start_node(use_sim_time=True, max_age_s=1.0)
    publisher, masks = connect(system, '/seg_node/mask')
    diagnostics = system.probe.received['/diagnostics']
    expect(diagnostics, 'clock_not_running', '/clock', 'use_sim_time')
    clock = system.probe.node.create_publisher(Clock, '/clock', 10)
    wait_until(clock.get_subscription_count, 'the node to subscribe to /clock')
    message = Clock()
    message.clock.sec = 100

    def runs() -> bool:
        clock.publish(message)  # once may be too early: each end finds the other by itself
        return 'clock_not_running' not in causes(diagnostics)

    wait_until(runs, 'the clock to run')
    # Old and fresh by simulation time; by the wall clock both are from 1970.
    publisher.publish(image_message(half_bright(), 90_000_000_000))
    wait_until(lambda: latest_diagnostics(diagnostics)['stale'] == '1', 'a stale frame')
    publish_until(publisher, [image_message(half_bright(), 99_500_000_000)], masks)
    assert [mask.header.stamp.sec for mask in masks] == [99]


def test_model_failed_while_unconfigured(start_node, tmp_path) -> None:
    from lifecycle_msgs.msg import Transition

    system = start_node(autostart=False, bundle=tmp_path / 'nowhere')
    diagnostics = system.probe.listen_to_diagnostics()
    system.node.wait_for_log('autostart is false')
    assert not system.probe.change_state(Transition.TRANSITION_CONFIGURE)
    expect(diagnostics, 'model_failed', 'there is no such folder')


def test_diagnostics_come_at_their_period_without_any_clock(start_node) -> None:
    system = start_node(use_sim_time=True)
    diagnostics = system.probe.listen_to_diagnostics()
    wait_until(lambda: len(diagnostics) > 2, 'diagnostics')
    before, begin_s = len(diagnostics), time.monotonic()
    wait_until(lambda: len(diagnostics) >= before + 30, '30 more of them')
    rate_hz = (len(diagnostics) - before) / (time.monotonic() - begin_s)
    # Ten a second; less where the machine does other things, but not the one of the default.
    assert 2 < rate_hz < 12
    assert os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
    assert np.all([message.status[0].name == 'seg_node' for message in diagnostics])
