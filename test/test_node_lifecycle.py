"""The node's lifecycle over real services: every transition, in every order, good and bad."""

from dataclasses import asdict, fields
import signal
import subprocess
import sys
import threading
import time

from bundles import make_bundle
from dds import connect, half_bright, image_message, publish_until, ROOT, wait_until
from lifecycle_msgs.msg import Transition
import pytest
import rclpy
from rclpy.context import Context
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from seg_node import lifecycle_node as node_module
from seg_node.parameters import NodeParameters
import yaml

pytestmark = pytest.mark.dds

CONFIGURE = Transition.TRANSITION_CONFIGURE
ACTIVATE = Transition.TRANSITION_ACTIVATE
DEACTIVATE = Transition.TRANSITION_DEACTIVATE
CLEANUP = Transition.TRANSITION_CLEANUP

#: Each legal step from each state, and where it leads.
STEPS = {
    ('unconfigured', CONFIGURE): 'inactive',
    ('inactive', ACTIVATE): 'active',
    ('inactive', CLEANUP): 'unconfigured',
    ('active', DEACTIVATE): 'inactive',
}


def test_every_transition_from_every_state(start_node) -> None:
    system = start_node(autostart=False)
    system.node.wait_for_log('autostart is false')
    state = system.probe.state()
    assert state == 'unconfigured'
    # Visits each state with each request, legal or not; illegal ones must change nothing.
    walk = [
        ACTIVATE, DEACTIVATE, CLEANUP,
        CONFIGURE, CONFIGURE, DEACTIVATE, CLEANUP,
        CONFIGURE, ACTIVATE, CONFIGURE, ACTIVATE, CLEANUP, DEACTIVATE,
        ACTIVATE, DEACTIVATE, CLEANUP, CONFIGURE, ACTIVATE,
    ]  # fmt: skip
    for step in walk:
        expected = STEPS.get((state, step))
        assert system.probe.change_state(step) == (expected is not None), (state, step)
        state = expected or state
        assert system.probe.state() == state
    assert state == 'active'
    publisher, masks = connect(system, '/seg_node/mask')
    publish_until(publisher, [image_message(half_bright(), 1)], masks)
    assert system.node.stop() == 0


def test_masks_stop_with_deactivation_and_come_again(start_node) -> None:
    system = start_node()
    publisher, masks = connect(system, '/seg_node/mask')
    publish_until(publisher, [image_message(half_bright(), 1)], masks)
    assert system.probe.change_state(DEACTIVATE)
    for stamp in range(2, 6):
        publisher.publish(image_message(half_bright(), stamp))
    assert system.probe.change_state(CLEANUP)
    assert system.probe.change_state(CONFIGURE)
    assert system.probe.change_state(ACTIVATE)
    system.probe.wait_for_subscriber(publisher)
    wait_until(lambda: system.probe.node.count_publishers('/seg_node/mask'), 'the new publisher')
    end = 100
    while len(masks) < 2 and end < 1100:
        publisher.publish(image_message(half_bright(), end))
        end += 1
        time.sleep(0.02)
    stamps = [mask.header.stamp.nanosec for mask in masks]
    assert stamps[0] == 1
    assert stamps[1] >= 100, 'frames that came while inactive must not appear later'


def _state_of(node) -> str:
    return node._state_machine.current_state[1]


@pytest.mark.parametrize('steps', [[], [CONFIGURE], [CONFIGURE, ACTIVATE]])
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_from_every_state(start_node, steps, number) -> None:
    system = start_node(autostart=False)
    system.node.wait_for_log('autostart is false')
    for step in steps:
        assert system.probe.change_state(step)
    assert system.node.stop(number) == 0
    assert 'Traceback' not in system.node.log.read_text()
    assert 'terminate' not in system.node.log.read_text()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_amid_work_ends_it_cleanly(start_node, tmp_path, number) -> None:
    slow = make_bundle(tmp_path / 'slow', 256, 128, slow_layers=16)
    system = start_node(slow, threads=1)
    publisher, masks = connect(system, '/seg_node/mask')
    stop = threading.Event()

    def publish() -> None:
        while not stop.wait(0.005):
            publisher.publish(image_message(half_bright()))

    thread = threading.Thread(target=publish)
    thread.start()
    wait_until(lambda: len(masks) > 3, 'masks')
    status = system.node.stop(number)
    stop.set()
    thread.join()
    log = system.node.log.read_text()
    assert status == 0, log
    assert 'Traceback' not in log
    assert 'rejected' not in log


@pytest.mark.parametrize('delay_s', [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_signal_at_any_moment_of_the_start(start_node, delay_s) -> None:
    node = start_node(engine='auto').node
    time.sleep(delay_s)
    for _ in range(2):  # an impatient user presses Ctrl-C twice
        node.process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    status = node.wait()
    log = node.log.read_text()
    # Before Python has got to the first line of the node the signal is the interpreter's.
    assert status == 0 or (delay_s < 0.4 and status == -signal.SIGINT), log
    assert 'Traceback' not in log or status == -signal.SIGINT


@pytest.mark.parametrize(
    ('steps', 'shutdown'),
    [
        ([], Transition.TRANSITION_UNCONFIGURED_SHUTDOWN),
        ([CONFIGURE], Transition.TRANSITION_INACTIVE_SHUTDOWN),
        ([CONFIGURE, ACTIVATE], Transition.TRANSITION_ACTIVE_SHUTDOWN),
    ],
)
def test_shutdown_transition_from_every_state(start_node, steps, shutdown) -> None:
    system = start_node(autostart=False)
    system.node.wait_for_log('autostart is false')
    for step in steps:
        assert system.probe.change_state(step)
    assert system.probe.change_state(shutdown)
    assert system.probe.state() == 'finalized'
    assert not system.probe.change_state(CONFIGURE)
    assert system.node.stop() == 0


def test_a_bad_bundle_fails_configuration_and_a_mended_one_passes(start_node, tmp_path) -> None:
    folder = tmp_path / 'later'
    system = start_node(autostart=False, bundle=folder)
    system.node.wait_for_log('autostart is false')
    assert not system.probe.change_state(CONFIGURE)
    assert system.probe.state() == 'unconfigured'
    system.node.wait_for_log('there is no such folder')
    make_bundle(folder)
    assert system.probe.change_state(CONFIGURE)
    assert system.probe.state() == 'inactive'


def test_an_error_in_a_transition_leads_back_to_unconfigured(
    domain_id, tiny_bundle, monkeypatch
) -> None:
    context = Context()
    rclpy.init(context=context, domain_id=domain_id)
    node = node_module.SegNode(
        context=context,
        parameter_overrides=[Parameter('bundle', value=str(tiny_bundle.folder))],
    )
    try:
        with monkeypatch.context() as broken:
            broken.setattr(node_module, '_load_segmenter', lambda settings: 1 / 0)
            assert node.trigger_configure() == TransitionCallbackReturn.ERROR
        assert _state_of(node) == 'unconfigured'
        assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        with monkeypatch.context() as broken:
            broken.setattr(node_module.Outputs, 'publish_label_info', lambda *_: 1 / 0)
            assert node.trigger_activate() == TransitionCallbackReturn.ERROR
        assert _state_of(node) == 'unconfigured'
        assert node.start()
        assert _state_of(node) == 'active'
    finally:
        node.release('finalized')
        node.destroy_node()
        context.try_shutdown()


@pytest.mark.parametrize(
    ('parameters', 'status', 'words'),
    [
        ({'bundle': '/nowhere'}, 1, 'there is no such folder'),
        ({'engine': 'caffe'}, 2, "'caffe' is unknown: use auto, onnxruntime"),
        ({'precision': 'int8'}, 1, 'precision int8'),
        ({'adapter': 'snow'}, 1, "no adapter 'snow': it has dark"),
        ({'threads': -1}, 2, 'threads'),
        ({'threads': 'many'}, 2, 'threads'),
        ({'max_age_s': -1.0}, 2, 'max_age_s'),
        ({'max_age_s': 'soon'}, 2, "max_age_s: 'soon' is no number: use 0 to 3600"),
        ({'use_sim_time': 1}, 2, 'use_sim_time'),
        ({'bundle': 7}, 2, 'bundle'),
        ({'image_transport': 'theora'}, 2, 'use raw, compressed'),
    ],
)
def test_what_cannot_be_fails_at_start_in_one_sentence(
    start_node, parameters, status, words
) -> None:
    node = start_node(**parameters).node
    assert node.wait() == status
    log = node.log.read_text()
    assert words in log
    assert 'Traceback' not in log


def test_a_whole_number_is_a_number(start_node) -> None:
    system = start_node(max_age_s=0)
    system.node.wait_for_log('active: waiting')
    assert system.probe.set_parameters(max_age_s=3).successful
    refused = system.probe.set_parameters(max_age_s='soon')
    assert 'is no number' in refused.reason


def test_a_misspelt_parameter_is_named_with_the_right_one(start_node) -> None:
    node = start_node(max_age=1.0).node
    node.wait_for_log("parameter 'max_age' is unknown and ignored: did you mean max_age_s?")
    node.wait_for_log('active: waiting')


def test_help_lists_every_parameter() -> None:
    shown = subprocess.run(
        [sys.executable, '-m', 'seg_node.node', '--help'],
        capture_output=True, text=True, check=True, cwd=ROOT,
    ).stdout  # fmt: skip
    for item in fields(NodeParameters):
        assert item.name in shown
        assert item.metadata['description'] in shown


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [(['--bundle', 'x'], 'unrecognized arguments'), (['--ros-args', '-p', 'bundle'], 'bundle')],
)
def test_bad_usage_is_no_traceback(arguments, words) -> None:
    done = subprocess.run(
        [sys.executable, '-m', 'seg_node.node', *arguments],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 2
    assert words in done.stderr
    assert 'Traceback' not in done.stderr


def test_the_shipped_parameter_file_shows_every_default() -> None:
    content = yaml.safe_load((ROOT / 'config' / 'seg_node.yaml').read_text())
    assert content['seg_node']['ros__parameters'] == asdict(NodeParameters())
