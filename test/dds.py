"""Real DDS for tests: the node in a process of its own, a probe that talks to it."""

from collections.abc import Callable
import contextlib
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='rclpy is not installed')

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from lifecycle_msgs.srv import ChangeState, GetState  # noqa: E402
from rcl_interfaces.srv import SetParametersAtomically  # noqa: E402
from rclpy.context import Context  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from rclpy.qos import qos_profile_sensor_data, QoSProfile  # noqa: E402
from seg_node.dds_profile import profile_variables  # noqa: E402
from seg_node.ros_conversions import byte_array  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
PROFILE = ROOT / 'config' / 'fastdds_large_images.xml'
TIMEOUT_S = 20.0


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = TIMEOUT_S) -> Any:
    """Return the condition's value once it is true; fail with ``what`` after the timeout."""
    end_s = time.monotonic() + timeout_s
    while time.monotonic() < end_s:
        if value := condition():
            return value
        time.sleep(0.01)
    pytest.fail(f'after {timeout_s:g} s still not: {what}')


def domain_environment(domain_id: int) -> dict[str, str]:
    """Return the environment of processes that meet on one DDS domain, on this machine only."""
    return {
        **os.environ,
        'ROS_DOMAIN_ID': str(domain_id),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        **dict.fromkeys(profile_variables(), str(PROFILE)),
        'PYTHONPATH': os.pathsep.join(filter(None, [str(ROOT), os.environ.get('PYTHONPATH')])),
        'PYTHONUNBUFFERED': '1',
    }


class NodeProcess:
    """``python -m seg_node.node`` with parameters; its log is kept in a file."""

    def __init__(self, log: Path, domain_id: int, parameters: dict[str, Any]) -> None:
        self.log = log
        with log.open('w') as file:
            self.process = subprocess.Popen(
                self.command(parameters),
                env=domain_environment(domain_id),
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
            )

    def command(self, parameters: dict[str, Any]) -> list[str]:
        command = [sys.executable, '-m', 'seg_node.node', '--ros-args']
        for name, value in parameters.items():
            command += ['-p', f'{name}:={_yaml(value)}']
        return command

    def wait_for_log(self, text: str, timeout_s: float = TIMEOUT_S) -> None:
        wait_until(lambda: text in self.log.read_text(), f'{text!r} in {self.log}', timeout_s)

    def wait(self, timeout_s: float = TIMEOUT_S) -> int:
        return self.process.wait(timeout_s)

    def stop(self, number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


class LaunchedNode(NodeProcess):
    """The same through ``ros2 launch`` and the shipped launch file, for a full ROS 2."""

    def command(self, parameters: dict[str, Any]) -> list[str]:
        file = self.log.with_name('parameters.yaml')
        lines = [f'    {name}: {_yaml(value)}' for name, value in parameters.items()]
        file.write_text('\n'.join(['seg_node:', '  ros__parameters:', *lines]) + '\n')
        arguments = [f'params_file:={file}']
        if parameters.get('use_sim_time'):
            arguments.append('use_sim_time:=true')
        return ['ros2', 'launch', 'seg_node', 'seg_node.launch.py', *arguments]


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f'{value}'


class Probe:
    """A node of the test's own process: publishes images, keeps what comes back."""

    def __init__(self, domain_id: int) -> None:
        os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
        os.environ.update(dict.fromkeys(profile_variables(), str(PROFILE)))
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain_id)
        self.node = rclpy.create_node('probe', context=self.context)
        self.received: dict[str, list[Any]] = {}
        self._clients: dict[str, Any] = {}
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        with contextlib.suppress(Exception):
            self._executor.spin()

    def close(self) -> None:
        self.context.try_shutdown()
        self._thread.join(5)
        self._executor.shutdown()
        self.node.destroy_node()

    def listen(self, topic: str, message_type: type = Image, qos: Any = None) -> list[Any]:
        """Subscribe; the returned list fills."""
        messages = self.received.setdefault(topic, [])
        self.node.create_subscription(message_type, topic, messages.append, qos or 50)
        return messages

    def listen_to_diagnostics(self) -> list[Any]:
        return self.listen('/diagnostics', DiagnosticArray)

    def image_publisher(self, topic: str = '/image', qos: Any = None, message_type: type = Image):
        return self.node.create_publisher(message_type, topic, qos or QoSProfile(depth=5))

    def wait_for_subscriber(self, publisher: Any) -> None:
        wait_until(publisher.get_subscription_count, f'a subscriber on {publisher.topic_name}')

    def call(self, service_type: type, name: str, request: Any) -> Any:
        if name not in self._clients:
            client = self._clients[name] = self.node.create_client(service_type, name)
            assert client.wait_for_service(TIMEOUT_S), f'no service {name}'
            # We see the server; it must see us too, or its first answer is lost.
            time.sleep(0.3)
        future = self._clients[name].call_async(request)
        wait_until(future.done, f'an answer of {name}')
        return future.result()

    def change_state(self, transition_id: int) -> bool:
        request = ChangeState.Request()
        request.transition.id = transition_id
        return self.call(ChangeState, '/seg_node/change_state', request).success

    def state(self) -> str:
        answer = self.call(GetState, '/seg_node/get_state', GetState.Request())
        return answer.current_state.label

    def set_parameters(self, **values: Any) -> Any:
        request = SetParametersAtomically.Request(
            parameters=[
                Parameter(name, value=value).to_parameter_msg() for name, value in values.items()
            ]
        )
        answer = self.call(SetParametersAtomically, '/seg_node/set_parameters_atomically', request)
        return answer.result


def image_message(
    picture: np.ndarray, stamp_ns: int = 0, frame_id: str = 'camera', encoding: str = 'bgr8'
) -> Image:
    """Make an Image of (H, W, 3) uint8."""
    message = Image(
        height=picture.shape[0],
        width=picture.shape[1],
        encoding=encoding,
        step=picture.shape[1] * 3,
        header=Header(frame_id=frame_id),
        data=byte_array(picture),
    )
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    return message


def stamp_ns(message: Any) -> int:
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec


def latest_diagnostics(messages: list[Any]) -> dict[str, str]:
    """Return level, message and values of the newest status of the node."""
    if not messages:
        return {}
    status = messages[-1].status[0]
    values = {item.key: item.value for item in status.values}
    return {'level': status.level, 'message': status.message, **values}


def causes(messages: list[Any]) -> list[str]:
    return latest_diagnostics(messages).get('causes', '').split(',')


SENSOR_DATA = qos_profile_sensor_data


def half_bright(width: int = 80, height: int = 40) -> np.ndarray:
    """Return a picture whose left half is white, (H, W, 3) uint8."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2] = 255
    return picture


def publish_until(publisher: Any, messages: list, results: list, timeout_s: float = 10.0) -> None:
    """Publish one message after the other, each when the one before has its result."""
    for message in messages:
        before = len(results)
        publisher.publish(message)
        wait_until(lambda before=before: len(results) > before, 'a result', timeout_s)


def connect(system: Any, topic: str, message_type: type = Image) -> tuple[Any, list[Any]]:
    """
    Match everything with the node, so that the first image cannot be missed.

    :return: an image publisher and the list that fills with what comes on ``topic``.
    """
    results = system.probe.listen(topic, message_type)
    publisher = system.probe.image_publisher()
    diagnostics = system.probe.listen_to_diagnostics()
    system.node.wait_for_log('active: waiting')
    system.probe.wait_for_subscriber(publisher)
    wait_until(
        lambda: latest_diagnostics(diagnostics).get('listeners', '0') != '0', 'the node to see us'
    )
    return publisher, results
