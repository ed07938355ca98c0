"""Another model while it runs: swapped between two frames, kept when the new one fails."""

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import threading
import time
from typing import Any

from bundles import make_bundle
from dds import (
    causes,
    connect,
    half_bright,
    image_message,
    latest_diagnostics,
    publish_until,
    stamp_ns,
    wait_until,
)
import numpy as np
import pytest

pytestmark = pytest.mark.dds
QUEUE = 20  # the depth of the node's reader, see image_input.py
COUNTERS = ('arrived', 'ignored', 'received', 'processed', 'dropped', 'rejected', 'in_hand')


def is_bright_rule(mask) -> bool:
    """Tell which of the two networks made a mask of ``half_bright``; fail when it is a mixture."""
    labels = np.asarray(mask.data).reshape(40, 80)
    left, right = labels[:, :38], labels[:, 42:]
    assert left.min() == left.max()
    assert right.min() == right.max()
    assert left[0, 0] != right[0, 0]
    return bool(left[0, 0] == 1)


@contextlib.contextmanager
def publishing(publisher: Any, period_s: float) -> Iterator[list[int]]:
    """Publish all the time; yields the last stamp, and by that how many: the first was 1."""
    stop, sent = threading.Event(), [1]

    def publish() -> None:
        while not stop.wait(period_s):
            sent[0] += 1
            publisher.publish(image_message(half_bright(), sent[0]))

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join()


def test_swap_under_load_loses_and_mixes_nothing(start_node) -> None:
    system = start_node()
    publisher, masks = connect(system, '/seg_node/mask')
    diagnostics = system.probe.received['/diagnostics']
    publish_until(publisher, [image_message(half_bright(), 1)], masks)
    with publishing(publisher, 0.02) as sent:
        for adapter in ('dark', '', 'dark', ''):
            assert system.probe.set_parameters(adapter=adapter).successful
            # The answer comes after the swap: what is sent from now on is the new model's.
            answered = sent[0]
            wait_until(lambda last=answered + 6: stamp_ns(masks[-1]) > last, 'masks of the new')
            rules = {is_bright_rule(mask) for mask in masks if stamp_ns(mask) > answered}
            assert rules == {adapter == ''}
    wait_until(lambda: stamp_ns(masks[-1]) == sent[0], 'the last mask')
    stamps = [stamp_ns(mask) for mask in masks]
    assert stamps == sorted(set(stamps))
    changes = sum(a != b for a, b in zip(*_pairs(masks), strict=True))
    assert changes == 4
    wait_until(
        lambda: latest_diagnostics(diagnostics)['processed'] == str(len(masks)),
        'the last mask in the counters',
    )
    seen_values = latest_diagnostics(diagnostics)
    assert int(seen_values['arrived']) == sent[0]
    assert int(seen_values['received']) == sent[0]
    assert int(seen_values['rejected']) == 0


def test_every_frame_is_accounted_for_while_a_big_model_loads(start_node, tmp_path) -> None:
    # However fast the machine: the loading takes far longer than the reader's queue can bridge.
    system = start_with(
        start_node,
        tmp_path / 'slowly',
        'import time\n'
        'b.ModelBundle.load = lambda path: "slow" in str(path) and time.sleep(2) or whole(path)\n',
    )
    publisher, masks = connect(system, '/seg_node/mask')
    diagnostics = system.probe.received['/diagnostics']
    publish_until(publisher, [image_message(half_bright(), 1)], masks)
    slow = make_bundle(tmp_path / 'slow', 512, 256, slow_layers=12)
    with publishing(publisher, 0.02) as sent:
        assert system.probe.set_parameters(threads=2).successful  # the service is known now
        first, before = sent[0] + 1, len(masks)
        assert system.probe.set_parameters(bundle=str(slow.folder), threads=1).successful
        during, last = masks[before:], sent[0]
    assert last - first > 3 * QUEUE, 'sent too little while it loaded for this to say anything'
    quarters = {4 * (stamp_ns(mask) - first) // (last - first + 1) for mask in during}
    assert quarters >= {0, 1, 2, 3}, 'the old model must work on while the new one loads'
    assert len(during) > 0.2 * (last - first)
    wait_until(lambda: stamp_ns(masks[-1]) == sent[0], 'the last mask')
    wait_until(lambda: latest_diagnostics(diagnostics)['processed'] == str(len(masks)), 'counters')
    seen = {name: int(latest_diagnostics(diagnostics)[name]) for name in COUNTERS}
    # A machine that is busy enough may overrun the queue; who does not take loses all but that.
    assert 0.9 * sent[0] < seen['arrived'] <= sent[0]
    assert seen['received'] + seen['ignored'] == seen['arrived']
    assert seen['processed'] + seen['dropped'] == seen['received']
    assert (seen['rejected'], seen['in_hand']) == (0, 0)


def start_with(start_node, folder: Path, code: str) -> Any:
    """Start a node whose ``b.ModelBundle.load``, before it ``whole``, the code replaces."""
    folder.mkdir()
    (folder / 'sitecustomize.py').write_text(
        f'import seg_node.bundle as b\nwhole = b.ModelBundle.load\n{code}'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PYTHONPATH', f'{folder}{os.pathsep}{os.environ.get("PYTHONPATH", "")}')
        return start_node()


def _pairs(masks):
    rules = [is_bright_rule(mask) for mask in masks]
    return rules[:-1], rules[1:]


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'bundle': '/nowhere'}, 'there is no such folder'),
        ({'adapter': 'snow'}, 'it has dark'),
        ({'engine': 'tensorrt'}, 'nothing for engine tensorrt'),
        ({'precision': 'int8'}, 'precision int8'),
    ],
)
def test_a_failed_change_keeps_the_model_and_says_why(start_node, change, words) -> None:
    system = start_node()
    publisher, masks = connect(system, '/seg_node/mask')
    diagnostics = system.probe.received['/diagnostics']
    answer = system.probe.set_parameters(**change)
    assert not answer.successful
    assert words in answer.reason
    wait_until(lambda: 'model_failed' in causes(diagnostics), 'model_failed in /diagnostics')
    assert words in latest_diagnostics(diagnostics)['message']
    publish_until(publisher, [image_message(half_bright(), 3)], masks)
    assert is_bright_rule(masks[-1])
    assert system.probe.set_parameters(adapter='dark').successful
    publish_until(publisher, [image_message(half_bright(), 4)], masks)
    assert not is_bright_rule(masks[-1])
    wait_until(lambda: 'model_failed' not in causes(diagnostics), 'the finding to go')


def test_a_change_that_nobody_thought_of_keeps_the_model_too(start_node, tmp_path) -> None:
    """A fault of ours, say; whatever it is, the executor lives on."""
    system = start_with(
        start_node,
        tmp_path / 'broken',
        'b.ModelBundle.load = lambda path: 1 / 0 if "other" in str(path) else whole(path)\n',
    )
    publisher, masks = connect(system, '/seg_node/mask')
    publish_until(publisher, [image_message(half_bright(), 1)], masks)
    answer = system.probe.set_parameters(bundle=str(tmp_path / 'other'))
    assert not answer.successful
    assert answer.reason == 'ZeroDivisionError: division by zero'
    publish_until(publisher, [image_message(half_bright(), 2)], masks)
    assert is_bright_rule(masks[-1])
    system.node.wait_for_log('ZeroDivisionError')


def test_bundle_engine_and_limits_together(start_node, tmp_path) -> None:
    system = start_node()
    publisher, masks = connect(system, '/seg_node/mask')
    other = make_bundle(tmp_path / 'other', 128, 64, dark=True, name='other')
    answer = system.probe.set_parameters(bundle=str(other.folder), threads=1, max_age_s=1.0)
    assert answer.successful
    publisher.publish(image_message(half_bright(), 1))  # 1970: refused from now on
    publish_until(publisher, [image_message(half_bright(), time.time_ns())], masks)
    assert len(masks) == 1
    assert not is_bright_rule(masks[0])
    system.node.wait_for_log('now runs other on onnxruntime')


@pytest.mark.parametrize(
    ('change', 'words'),
    [({'engine': 'caffe'}, 'is unknown: use auto'), ({'threads': -1}, 'threads')],
)
def test_impossible_values_are_refused_and_leave_no_trace(start_node, change, words) -> None:
    system = start_node()
    publisher, masks = connect(system, '/seg_node/mask')
    answer = system.probe.set_parameters(**change)
    assert not answer.successful
    assert words in answer.reason
    publish_until(publisher, [image_message(half_bright(), 3)], masks)
    assert 'model_failed' not in causes(system.probe.received['/diagnostics'])


def test_fixed_parameters_say_so(start_node) -> None:
    system = start_node()
    system.node.wait_for_log('active: waiting')
    answer = system.probe.set_parameters(image_transport='compressed')
    assert not answer.successful
    assert 'read-only' in answer.reason
