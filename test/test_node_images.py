"""The node over real DDS: images go in, masks with the same header come out."""

import time

from bundles import make_bundle
import cv2
from dds import (
    causes,
    connect,
    half_bright,
    image_message,
    latest_diagnostics,
    publish_until,
    SENSOR_DATA,
    stamp_ns,
    wait_until,
)
from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage, Image

pytestmark = pytest.mark.dds


def test_each_mask_has_its_images_header_and_pixels(start_node) -> None:
    system = start_node()
    publisher, masks = connect(system, '/seg_node/mask')
    base_ns = 1_700_000_000_123_456_789
    for index in range(10):
        picture = np.roll(half_bright(), 8 * index, axis=1)
        stamp = base_ns + index * 33_333_333
        publish_until(publisher, [image_message(picture, stamp, f'camera_{index}')], masks)
        mask = masks[-1]
        assert stamp_ns(mask) == stamp
        assert mask.header.frame_id == f'camera_{index}'
        assert (mask.encoding, mask.height, mask.width, mask.step) == ('mono8', 40, 80, 80)
        labels = np.asarray(mask.data).reshape(40, 80)
        expected = (picture[:, :, 0] == 255).astype(np.uint8)
        # The network's grid is coarser than the picture: an edge may move by a pixel.
        assert (labels == expected).mean() > 0.95
        assert set(np.unique(labels)) == {0, 1}


def test_confidence_and_overlay_only_for_those_who_ask(start_node) -> None:
    system = start_node()
    publisher, confidences = connect(system, '/seg_node/confidence')
    publish_until(publisher, [image_message(half_bright(), 5)], confidences)
    assert confidences[0].encoding == 'mono8'
    assert np.asarray(confidences[0].data).mean() > 250
    overlays = system.probe.listen('/seg_node/overlay')
    wait_until(lambda: system.probe.node.count_publishers('/seg_node/overlay'), 'overlay')
    end_s = time.monotonic() + 10
    while not overlays and time.monotonic() < end_s:
        publisher.publish(image_message(half_bright(), 6))
        time.sleep(0.05)
    overlay = overlays[0]
    assert (overlay.encoding, stamp_ns(overlay), overlay.step) == ('bgr8', 6, 240)
    colored = np.asarray(overlay.data).reshape(40, 80, 3)
    assert not np.array_equal(colored[:, :38], half_bright()[:, :38])
    assert np.array_equal(colored[:, 42:], half_bright()[:, 42:])


def test_without_subscribers_nothing_is_inferred(start_node) -> None:
    system = start_node()
    publisher = system.probe.image_publisher()
    diagnostics = system.probe.listen_to_diagnostics()
    system.node.wait_for_log('active: waiting')
    system.probe.wait_for_subscriber(publisher)
    for _ in range(20):
        publisher.publish(image_message(half_bright()))
        time.sleep(0.02)
    wait_until(lambda: int(latest_diagnostics(diagnostics)['ignored']) >= 10, 'ignored frames')
    seen = latest_diagnostics(diagnostics)
    assert seen['received'] == '0'
    assert 'idle' in seen['message']


@pytest.mark.parametrize(('extension', 'name'), [('.jpg', 'jpeg'), ('.png', 'png')])
def test_compressed_images(start_node, extension: str, name: str) -> None:
    system = start_node(image_transport='compressed')
    masks = system.probe.listen('/seg_node/mask')
    publisher = system.probe.image_publisher(message_type=CompressedImage)
    system.node.wait_for_log('active: waiting')
    system.probe.wait_for_subscriber(publisher)
    content = cv2.imencode(extension, half_bright())[1].tobytes()
    message = CompressedImage(format=name, data=content)
    message.header.frame_id = 'compressed'
    end_s = time.monotonic() + 10
    while not masks and time.monotonic() < end_s:
        publisher.publish(message)
        time.sleep(0.05)
    labels = np.asarray(masks[0].data).reshape(40, 80)
    assert labels[:, :38].all()
    assert not labels[:, 42:].any()
    assert masks[0].header.frame_id == 'compressed'


def test_bad_frames_are_counted_named_and_never_fatal(start_node) -> None:
    system = start_node()
    publisher, masks = connect(system, '/seg_node/mask')
    diagnostics = system.probe.received['/diagnostics']
    strange = image_message(half_bright(), encoding='32FC7')
    empty = image_message(np.zeros((0, 0, 3), np.uint8))
    truncated = image_message(half_bright())
    truncated.height = 41
    too_long = image_message(half_bright())
    too_long.height = 39
    for number, (message, words) in enumerate(
        [(strange, '32FC7'), (empty, 'zero'), (truncated, 'truncated'), (too_long, 'long')], 1
    ):
        publisher.publish(message)
        wait_until(
            lambda number=number: latest_diagnostics(diagnostics)['rejected'] == str(number),
            f'{number} rejected',
        )
        assert 'rejected' in causes(diagnostics)
        assert words in latest_diagnostics(diagnostics)['message']
    publish_until(publisher, [image_message(half_bright(), 99)], masks)
    assert [stamp_ns(mask) for mask in masks] == [99]


def test_slow_network_keeps_the_newest_frame_and_honest_counters(start_node, tmp_path) -> None:
    slow = make_bundle(tmp_path / 'slow', 256, 128, slow_layers=16)
    system = start_node(slow, threads=1)
    publisher, masks = connect(system, '/seg_node/mask')
    latencies = system.probe.listen('/seg_node/latency', DiagnosticArray)
    diagnostics = system.probe.received['/diagnostics']
    sent = 120
    for index in range(1, sent + 1):
        publisher.publish(image_message(half_bright(), index))
        time.sleep(0.005)
    wait_until(lambda: masks and stamp_ns(masks[-1]) == sent, 'the newest frame')
    stamps = [stamp_ns(mask) for mask in masks]
    assert stamps == sorted(set(stamps))
    assert len(stamps) < sent
    wait_until(
        lambda: latest_diagnostics(diagnostics)['processed'] == str(len(stamps)),
        'the last mask in the counters',
    )
    seen = latest_diagnostics(diagnostics)
    received = int(seen['received'])
    assert int(seen['arrived']) == received + int(seen['ignored'])
    assert received == len(stamps) + int(seen['dropped'])
    assert int(seen['dropped']) > 2 * len(stamps)
    assert received >= 0.9 * sent
    assert 'too_slow' in causes(diagnostics)
    for number, message in enumerate(latencies):
        values = {item.key: item.value for item in message.status[0].values}
        settled = sum(int(values[key]) for key in ('processed', 'dropped', 'stale', 'rejected'))
        assert int(values['received']) == settled
        assert int(values['processed']) == number, 'a frame counts when its results are out'


def test_latency_has_every_stage_percentiles_and_the_frames_header(start_node) -> None:
    system = start_node()
    publisher, latencies = connect(system, '/seg_node/latency', DiagnosticArray)
    stamp = time.time_ns()
    publish_until(publisher, [image_message(half_bright(), stamp)], latencies)
    message = latencies[0]
    assert stamp_ns(message) == stamp
    values = {item.key: float(item.value) for item in message.status[0].values}
    for stage in ('wait', 'decode', 'preprocess', 'inference', 'postprocess', 'publish', 'age'):
        assert values[f'{stage}_ms'] >= 0
        assert values[f'{stage}_p50_ms'] <= values[f'{stage}_p95_ms'] <= values[f'{stage}_p99_ms']
    parts = ('wait_ms', 'decode_ms', 'preprocess_ms', 'inference_ms', 'postprocess_ms')
    assert values['age_ms'] >= sum(values[part] for part in parts)
    assert values['age_ms'] < 5000


def test_max_age_refuses_old_frames_only(start_node) -> None:
    system = start_node(max_age_s=2.0)
    publisher, masks = connect(system, '/seg_node/mask')
    diagnostics = system.probe.received['/diagnostics']
    publisher.publish(image_message(half_bright(), time.time_ns() - 3_000_000_000))
    wait_until(lambda: latest_diagnostics(diagnostics)['stale'] == '1', 'a stale frame')
    assert 'stale' in causes(diagnostics)
    now = time.time_ns()
    publish_until(publisher, [image_message(half_bright(), now)], masks)
    assert [stamp_ns(mask) for mask in masks] == [now]


def test_sensor_data_subscribers_match(start_node) -> None:
    system = start_node()
    masks = system.probe.listen('/seg_node/mask', Image, SENSOR_DATA)
    publisher = system.probe.image_publisher(qos=SENSOR_DATA)
    system.node.wait_for_log('active: waiting')
    system.probe.wait_for_subscriber(publisher)
    end_s = time.monotonic() + 10
    while not masks and time.monotonic() < end_s:
        publisher.publish(image_message(half_bright(), 7))
        time.sleep(0.05)
    assert stamp_ns(masks[0]) == 7


def test_label_info_is_there_for_late_subscribers_and_follows_a_swap(start_node) -> None:
    vision_msgs = pytest.importorskip('vision_msgs.msg', reason='vision_msgs is not installed')
    system = start_node()
    system.node.wait_for_log('active: waiting')
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    tables = system.probe.listen('/seg_node/label_info', vision_msgs.LabelInfo, latched)
    wait_until(lambda: tables, 'the label table')
    names = {item.class_id: item.class_name for item in tables[0].class_map}
    assert names == {0: 'background', 1: 'lane_marking', 2: 'road'}
    assert tables[0].threshold == pytest.approx(0.5)
    assert system.probe.set_parameters(adapter='dark').successful
    wait_until(lambda: len(tables) == 2, 'the label table of the new model')
