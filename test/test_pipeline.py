"""What happens to a frame between message and results, without DDS."""

import threading
import time
from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from bundles import make_bundle
from dds import half_bright, image_message
from seg_node.pipeline import FramePipeline
from seg_node.ros_conversions import frame_from_image
from seg_node.segmenter import Segmenter


class SlowSegmenter(Segmenter):
    """A real one that takes its time and remembers whether it was closed amid a frame."""

    closed_amid_work = False
    working = threading.Event()

    def segment(self, frame, with_confidence=True):
        self.working.set()
        time.sleep(0.2)
        result = super().segment(frame, with_confidence)
        self.working.clear()
        return result

    def close(self):
        SlowSegmenter.closed_amid_work |= self.working.is_set()
        super().close()


def outputs_of(results: list) -> SimpleNamespace:
    """Return outputs that everybody subscribes to, kept in a list."""
    return SimpleNamespace(
        listeners=lambda: 1,
        wants_confidence=lambda: False,
        wants_latency=lambda: False,
        publish_mask=lambda frame, mask, manifest, header: results.append((manifest.name, header)),
        close=lambda: None,
    )


def test_a_swap_waits_for_the_frame_in_work(tmp_path) -> None:
    bundles = [make_bundle(tmp_path / name, name=name) for name in ('old', 'new')]
    old, new = (SlowSegmenter.load(bundle, 'onnxruntime') for bundle in bundles)
    results: list = []
    pipeline = FramePipeline(old, outputs_of(results), frame_from_image, lambda: 0, 10)
    pipeline.worker.start()
    first = image_message(half_bright(), 1)
    pipeline.put(first)
    assert SlowSegmenter.working.wait(5)
    pipeline.swap(new)
    assert [name for name, _ in results] == ['old'], 'the frame in work ends with its own model'
    second = image_message(half_bright(), 2)
    pipeline.put(second)
    while len(results) < 2:
        time.sleep(0.01)
    assert results[1][0] == 'new'
    assert results[0][1] is first.header
    assert results[1][1] is second.header
    pipeline.close()
    assert not SlowSegmenter.closed_amid_work
