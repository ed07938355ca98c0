"""The recorded bags: played to the node over real DDS, its masks held against their truth."""

from collections.abc import Iterator
import contextlib
import functools
import hashlib
import json
from pathlib import Path
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from seg_node.bundle import default_bundle_path, ModelBundle
from seg_node.health import SILENT_AFTER_S
from seg_node.image_decoding import ImageError
from seg_node.segment_summary import LaneIou
from seg_node.sources.bag import BagSource, CAMERA_INFO_TYPE

pytest.importorskip('rosbags', reason='rosbags is not installed')

BAGS = Path(__file__).with_name('bags')
MANIFEST = json.loads((BAGS / 'bags.json').read_text())['bags']
IMAGE, TRUTH = '/camera/front/image', '/camera/front/labels/compressed'
REMEDY = 'make the bags again: python -m bench.record_bags'
#: Of the frames sent, on a machine that does other things too; each is counted in any case.
MOST_DROPPED = 0.25
#: Least IoU of a mask with that of the same picture in bgr8, where an encoding loses colour.
LEAST_ALIKE = {'mono': 0.6, 'yuv': 0.85, 'bayer': 0.8}


def image_topic(name: str) -> str:
    return IMAGE if IMAGE in MANIFEST[name]['topics'] else f'{IMAGE}/compressed'


def stamps(name: str, topic: str) -> list[int]:
    """Return the stamps of a topic in the order recorded."""
    from seg_node.cdr_stamp import read_stamp_ns

    with BagSource(BAGS / name, topic) as source:
        return [read_stamp_ns(message.content) for message in source.messages()]


@functools.cache
def truth(name: str) -> dict[int, np.ndarray]:
    with BagSource(BAGS / name, TRUTH) as source:
        return {frame.stamp_ns: frame.image for _, frame in source}


def labels_of(mask: Any) -> np.ndarray:
    return np.asarray(mask.data).reshape(mask.height, mask.width)


def lane_iou(masks: list[Any], truths: dict[int, np.ndarray]) -> float:
    from dds import stamp_ns

    iou = LaneIou()
    for mask in masks:
        iou.add(labels_of(mask), truths[stamp_ns(mask)])
    return iou.value


@pytest.mark.parametrize('name', sorted(MANIFEST))
def test_a_bag_is_whole_and_every_picture_has_its_truth(name: str) -> None:
    facts = MANIFEST[name]
    for file, told in facts['files'].items():
        content = (BAGS / name / file).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == tuple(told.values())
    topic = image_topic(name)
    taken = stamps(name, topic)
    assert len(set(taken)) == len(taken) == facts['frames']
    assert stamps(name, TRUTH) == taken
    assert {frozenset(np.unique(labels)) for labels in truth(name).values()} <= {
        frozenset({0, 1, 2}), frozenset({0, 2})
    }  # fmt: skip
    refused: list[str] = []
    with BagSource(BAGS / name, topic) as source:
        infos = [
            source.parse(message)
            for message in source.messages(with_camera_info=True)
            if message.message_type == CAMERA_INFO_TYPE
        ]
        for message in source.messages():
            with contextlib.suppress(ImageError):
                assert source.decode(message).size == truth(name)[taken[0]].shape
                continue
            refused.append('refused')
    assert len(infos) == facts['frames']
    assert infos[0].k[0] == pytest.approx(infos[0].width / 2), 'a field of view of 90 degrees'
    assert len(refused) == facts['frames'] - facts['answered'] == sum(facts['rejected'].values())


def test_the_bags_are_all_there_and_small() -> None:
    from bench.bag_recordings import RECORDINGS

    assert set(MANIFEST) == set(RECORDINGS) == {p.name for p in BAGS.iterdir() if p.is_dir()}
    assert sum(path.stat().st_size for path in BAGS.rglob('*') if path.is_file()) <= 5e6
    assert {facts['storage'] for facts in MANIFEST.values()} == {'mcap', 'mcap+zstd', 'sqlite3'}


def test_a_bag_comes_from_the_script_and_comes_out_the_same_each_time(tmp_path) -> None:
    """Colours may change a little with the simulator's shading; roads and stamps may not."""
    from bench.record_bags import record

    name = 'reversed_stamps'
    first, second = record(name, tmp_path / 'first'), record(name, tmp_path / 'second')
    assert first == second
    for key in ('topics', 'frames', 'encodings', 'answered', 'rejected', 'drive'):
        assert first[key] == MANIFEST[name][key], REMEDY
    topic = image_topic(name)
    with (
        BagSource(tmp_path / 'first' / name, topic) as made,
        BagSource(BAGS / name, topic) as kept,
    ):
        for (_, new), (_, old) in zip(made, kept, strict=True):
            assert (new.stamp_ns, new.frame_id) == (old.stamp_ns, old.frame_id)
            assert np.abs(new.image.astype(int) - old.image).mean() < 15, REMEDY
    with BagSource(tmp_path / 'first' / name, TRUTH) as made:
        for _, frame in made:
            assert (frame.image == truth(name)[frame.stamp_ns]).mean() > 0.99, REMEDY


class Player:
    """The node with the shipped model, and bags played to it."""

    def __init__(self, system: SimpleNamespace, domain_id: int) -> None:
        self.probe = system.probe
        self.masks = self.probe.listen('/seg_node/mask')
        self.diagnostics = self.probe.listen_to_diagnostics()
        self._domain_id = domain_id
        system.node.wait_for_log('active: waiting')
        self.wait_for('listeners', '1')

    def play(self, name: str, *arguments: str) -> list[Any]:
        """Play a bag to its end; check stamps, sizes and counters; return the masks."""
        from dds import domain_environment, ROOT, stamp_ns

        before, answered_before = self.counters(), len(self.masks)
        topic, facts = image_topic(name), MANIFEST[name]
        kind = ['--compressed'] if topic.endswith('/compressed') else []
        done = subprocess.run(
            [
                *(sys.executable, '-m', 'seg_node.replay', str(BAGS / name)),
                *('--bag-topic', topic, *kind, *arguments),
            ],
            cwd=ROOT, env=domain_environment(self._domain_id), timeout=60,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert f'sent {facts["frames"]} images' in done.stdout
        self.wait_for('arrived', str(before['arrived'] + facts['frames']))
        self._wait_for_all_settled()
        told = {key: value - before[key] for key, value in self.counters().items()}
        assert told['received'] == told['arrived'] == facts['frames']
        assert told['rejected'] == sum(facts['rejected'].values())
        assert (told['stale'], told['ignored']) == (0, 0)
        assert told['processed'] + told['dropped'] == facts['answered']
        assert told['dropped'] <= MOST_DROPPED * facts['frames']
        masks = self.masks[answered_before:]
        assert len(masks) == told['processed']
        recorded = iter(stamps(name, topic))
        assert all(stamp_ns(mask) in recorded for mask in masks), 'an order of its own'
        size = next(iter(truth(name).values())).shape
        assert {(mask.height, mask.width) for mask in masks} == {size}
        assert {mask.header.frame_id for mask in masks} == {'front_optical'}
        return masks

    def counters(self) -> dict[str, int]:
        from dds import latest_diagnostics

        names = ('arrived', 'received', 'ignored', 'processed', 'dropped', 'stale', 'rejected')
        latest = latest_diagnostics(self.diagnostics)
        return {name: int(latest[name]) for name in names}

    def wait_for(self, name: str, value: str) -> None:
        """Wait until a counter of the node has a value."""
        from dds import latest_diagnostics, wait_until

        wait_until(
            lambda: latest_diagnostics(self.diagnostics).get(name) == value, f'{name} = {value}'
        )

    def _wait_for_all_settled(self) -> None:
        from dds import wait_until

        def settled() -> bool:
            now = self.counters()
            all_in = now['received'] + now['ignored'] == now['arrived']
            return all_in and len(self.masks) == now['processed']

        wait_until(settled, 'every frame to have its fate')


@pytest.fixture
def player(start_node, domain_id: int) -> Iterator[Any]:
    def start(**parameters: object) -> Player:
        shipped = ModelBundle.load(default_bundle_path())
        return Player(start_node(shipped, **parameters), domain_id)

    return start


@pytest.mark.dds
def test_masks_of_the_drives_are_as_good_as_they_were(player) -> None:
    node = player(image_transport='compressed')
    for name in ('day', 'night_rain', 'junction'):
        masks = node.play(name, '--speed', '0.8')
        assert lane_iou(masks, truth(name)) >= MANIFEST[name]['lane_iou_floor'], name


@pytest.mark.dds
def test_the_same_picture_in_any_encoding_has_the_same_mask(player) -> None:
    from dds import stamp_ns

    name = 'odd_encodings'
    node = player()
    masks = node.play(name, '--rate', '5')
    found = {stamp_ns(mask): labels_of(mask) for mask in masks}
    order = stamps(name, IMAGE)
    by_encoding = {
        encoding: found[stamp]
        for encoding, stamp in zip(MANIFEST[name]['encodings'], order[:-1], strict=True)
    }
    reference = by_encoding['bgr8']
    for encoding in ('rgb8', 'bgra8', 'rgba8'):
        assert np.array_equal(by_encoding[encoding], reference), encoding
    for one, other in (('mono8', 'mono16'), ('uyvy', 'yuyv'), ('nv12', 'nv21')):
        assert np.array_equal(by_encoding[one], by_encoding[other]), one
    kinds = {'m': 'mono', 'u': 'yuv', 'y': 'yuv', 'n': 'yuv', 'b': 'bayer'}
    for encoding, mask in by_encoding.items():
        if encoding.startswith(('mono', 'uyvy', 'yuyv', 'nv', 'bayer')):
            iou = LaneIou()
            iou.add(mask, reference)
            assert iou.value >= LEAST_ALIKE[kinds[encoding[0]]], encoding
    assert order[-1] not in found
    assert any('1 frames rejected: truncated' in m.status[0].message for m in node.diagnostics)
    assert lane_iou(masks, truth(name)) >= MANIFEST[name]['lane_iou_floor']


@pytest.mark.dds
def test_gaps_are_told_and_stamps_that_go_back_are_kept(player) -> None:
    from dds import causes, latest_diagnostics, stamp_ns

    node = player(image_transport='compressed')
    masks = node.play('gaps')
    assert lane_iou(masks, truth('gaps')) >= MANIFEST['gaps']['lane_iou_floor']
    since_ns: dict[str, int] = {}  # when so many had arrived
    silent: set[str] = set()
    for message in node.diagnostics:
        arrived = latest_diagnostics([message])['arrived']
        told_after_ns = stamp_ns(message) - since_ns.setdefault(arrived, stamp_ns(message))
        if 'input_stopped' in causes([message]):
            silent.add(arrived)
            # The replay itself may stall; half a second for a node that does amid its message.
            assert told_after_ns > (SILENT_AFTER_S - 0.5) * 1e9, 'told of what is no silence'
    assert '9' in silent, 'the silence after the ninth frame was not told'
    assert latest_diagnostics(node.diagnostics)['arrived'] == '14', 'and frames came after it'
    masks = node.play('reversed_stamps')
    assert (
        lane_iou(masks, truth('reversed_stamps')) >= MANIFEST['reversed_stamps']['lane_iou_floor']
    )
    taken = [stamp_ns(mask) for mask in masks]
    assert min(np.diff(taken)) < -10e9, 'masks are of the new clock too'


@pytest.mark.dds
def test_stamps_that_go_back_are_stale_until_the_clock_does(player) -> None:
    """With ``max_age_s`` the node's clock decides: exchanged frames pass, a restart does not."""
    from dds import causes, wait_until
    from rosgraph_msgs.msg import Clock
    from sensor_msgs.msg import CompressedImage

    name = 'reversed_stamps'
    node = player(image_transport='compressed', use_sim_time=True, max_age_s=1.0)
    clock = node.probe.node.create_publisher(Clock, '/clock', 10)
    images = node.probe.image_publisher(message_type=CompressedImage)
    node.probe.wait_for_subscriber(images)
    taken = stamps(name, image_topic(name))
    with BagSource(BAGS / name, image_topic(name)) as source:
        contents = [message.content for message in source.messages()]

    def set_clock(now_ns: int) -> None:
        message = Clock()
        message.clock.sec, message.clock.nanosec = divmod(now_ns, 1_000_000_000)
        stamp = message.clock

        def seen() -> bool:
            clock.publish(message)
            return bool(node.diagnostics) and node.diagnostics[-1].header.stamp == stamp

        wait_until(seen, f'the node to know that it is {now_ns}')

    def send(chosen: range) -> dict[str, int]:
        before = node.counters()
        for done, index in enumerate(chosen, 1):
            images.publish(contents[index])
            node.wait_for('received', str(before['received'] + done))
        return {key: value - before[key] for key, value in node.counters().items()}

    set_clock(max(taken[:9]))
    in_order = send(range(9))
    assert (in_order['processed'], in_order['stale']) == (9, 0)
    before_restart = send(range(9, 14))
    assert (before_restart['processed'], before_restart['stale']) == (0, 5)
    wait_until(lambda: any('stale' in causes([m]) for m in node.diagnostics), 'stale to be told')
    set_clock(taken[13])
    restarted = send(range(9, 14))
    assert (restarted['processed'], restarted['stale']) == (5, 0)
    assert len(node.masks) == 14
