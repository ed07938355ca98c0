"""Live topics into a bag and on into a pairs folder, heard over real DDS."""

from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from rendered_roads import render_road

rclpy = pytest.importorskip('rclpy', reason='rclpy is not installed')
pytest.importorskip('rosbags', reason='rosbags is not installed')

from builtin_interfaces.msg import Time  # noqa: E402
from dds import (  # noqa: E402
    domain_environment,
    Probe,
    ROOT,
    SENSOR_DATA,
    TIMEOUT_S,
    wait_until,
)
from seg_node.ros_conversions import image_message  # noqa: E402
from seg_node.sources.bag import BagSource  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from std_msgs.msg import Header  # noqa: E402
from training.collect import collect  # noqa: E402
from training.collection.config import BagConfig, CollectConfig  # noqa: E402

pytestmark = pytest.mark.dds
IMAGE, LABELS = '/front/image', '/front/labels'


@pytest.fixture
def record(tmp_path, domain_id):
    """Start the command; whatever still runs at the end is killed."""
    processes = []

    def run(*arguments: str) -> subprocess.Popen:
        command = [sys.executable, '-m', 'seg_node.topic_recorder', '--out', tmp_path / 'bag']
        process = subprocess.Popen(
            [*command, *arguments], cwd=ROOT, env=domain_environment(domain_id),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def wait_until_recorded(publisher: Any, name: str, folder: Path) -> None:
    """
    Publish pictures of no label until one of them stands in the bag.

    Messages of a topic keep their order: then all before it are there too, or lost. Each is larger
    than the megabyte that the recorder keeps in memory, and none has a partner with its stamp.
    """
    (bag,) = (folder / 'bag').glob('*.mcap')
    name = f'{name} of {publisher.topic_name}'
    kinds = {IMAGE: ('bgr', (600, 600, 3)), LABELS: ('gray', (1050, 1050))}
    kind, shape = kinds[publisher.topic_name]
    end_s = time.monotonic() + TIMEOUT_S
    while name.encode() not in bag.read_bytes():
        assert time.monotonic() < end_s, f'the {name} is not in the bag'
        sec, nanosec = divmod(time.time_ns(), 10**9)
        header = Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=name)
        publisher.publish(image_message(np.zeros(shape, np.uint8), kind, header))
        time.sleep(0.1)


@pytest.mark.parametrize('reliable', [True, False])
def test_live_topics_become_a_pairs_folder(tmp_path, domain_id, record, reliable: bool) -> None:
    probe = Probe(domain_id)
    qos = 100 if reliable else SENSOR_DATA
    publishers = [probe.node.create_publisher(Image, topic, qos) for topic in (IMAGE, LABELS)]
    process = record(IMAGE, LABELS)
    for publisher in publishers:
        wait_until(publisher.get_subscription_count, 'the recorder subscribes')
        wait_until_recorded(publisher, 'first', tmp_path)  # it may not know of us yet
    rng = np.random.default_rng(4)
    sent: list[Any] = [render_road(rng) for _ in range(12)]
    for index, (image, mask) in enumerate(sent):
        header = Header(stamp=Time(sec=5, nanosec=index * 1000 + 7), frame_id='front')
        publishers[0].publish(image_message(image, 'bgr', header))
        publishers[1].publish(image_message(mask, 'gray', header))
        time.sleep(0.03)
    for publisher in publishers:
        wait_until_recorded(publisher, 'last', tmp_path)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    with BagSource(tmp_path / 'bag', IMAGE) as source:
        recorded = [frame for _, frame in source]
    assert f'{IMAGE}: {len(recorded)} messages' in output
    frames = [frame for frame in recorded if frame.frame_id == 'front']
    assert [frame.stamp_ns for frame in frames] == [5_000_000_007 + i * 1000 for i in range(12)]
    assert all(np.array_equal(f.image, image) for f, (image, _) in zip(frames, sent, strict=True))
    bag = BagConfig(tmp_path / 'bag', IMAGE, LABELS)
    config = CollectConfig(output=tmp_path / 'set', bag=bag, image_format='png')
    assert collect(config, quiet=True)['samples'] == 12
    probe.close()


def test_an_impatient_end_leaves_a_whole_bag(tmp_path, domain_id, record) -> None:
    """Signals amid a write and amid the closing: the index and metadata.yaml come last."""
    probe = Probe(domain_id)
    publisher = probe.node.create_publisher(Image, IMAGE, SENSOR_DATA)
    process = record(IMAGE)
    wait_until(publisher.get_subscription_count, 'the recorder subscribes')
    picture = np.zeros((480, 640, 3), np.uint8)
    for index in range(60):
        header = Header(stamp=Time(sec=5, nanosec=index), frame_id='front')
        publisher.publish(image_message(picture, 'bgr', header))
        time.sleep(0.01)
        if index >= 40:
            process.send_signal((signal.SIGTERM, signal.SIGINT)[index % 2])
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, '')
    with BagSource(tmp_path / 'bag', IMAGE) as source:
        frames = list(source)
    assert len(frames) > 20
    assert f'{IMAGE}: {len(frames)} messages' in output
    probe.close()


def test_silence_and_a_bag_that_exists_are_told_in_one_line(tmp_path, record) -> None:
    for arguments, told in (
        ((IMAGE, '--wait', '0.5'), 'nothing came on /front/image within 0.5 s'),
        ((IMAGE, '--wait', '0.6'), 'nothing came on /front/image within 0.6 s'),
        ((IMAGE,), 'name another --out'),
    ):
        if len(arguments) == 1:
            (tmp_path / 'bag').mkdir()
        process = record(*arguments)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 2
        assert errors.startswith('error: ') and told in errors
        assert len(errors.splitlines()) == 1
