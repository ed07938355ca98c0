"""The bytes on the wire, and streams over real sockets."""

from collections.abc import Iterator
import math
import socket
import struct
import threading
import time

from carla_lite.pose import Pose
from carla_lite.protocol import limits, messages, records
from carla_lite.protocol.streams import StreamServer
from carla_lite.protocol.tokens import pack_token, unpack_token
from carla_lite.weather import PRESETS
from carla_lite.world.refusal import Refused
from carla_lite.world.settings import Settings
from carla_wire import frame_of, WireStream
import numpy as np
import pytest


@pytest.fixture
def streams() -> Iterator[StreamServer]:
    server = StreamServer('127.0.0.1', blocked_timeout_s=1.0)
    server.start()
    yield server
    server.close()


def subscribed(streams: StreamServer, stream_id: int) -> WireStream:
    streams.expect(stream_id)
    stream = WireStream(pack_token(stream_id, streams.port), timeout_s=5.0)
    streams.wait_for_expected()
    assert streams.has_subscribers(stream_id)
    return stream


def test_token_is_24_bytes_without_an_address() -> None:
    token = pack_token(7, 2001)
    assert token == struct.pack('<IHBB', 7, 2001, 1, 0) + bytes(16)
    assert unpack_token(token) == (7, 2001)


def test_image_message() -> None:
    pose = Pose(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    bgra = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    header = messages.sensor_header('sensor.camera.rgb', 9, 0.25, pose)
    message = b''.join(messages.image_parts(header, 90.0, bgra))
    assert struct.unpack_from('<QQd6f', message) == (13, 9, 0.25, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    assert struct.unpack_from('<IIf', message, 48) == (3, 2, 90.0)
    assert message[60:] == bgra.tobytes()
    assert frame_of(message) == 9


def test_actor_states_are_119_bytes() -> None:
    still = (0.0, 0.0, 0.0)
    light = messages.light_state('17', (10.0, 3.0, 2.0), 1.5, 0, False, 2)
    control = (0.5, -0.25, 0.0, False, True, False, 1)
    vehicle = messages.vehicle_state(control, 50.0, (8, 0))
    assert (len(light), len(vehicle)) == (54, 30)
    for rest in (light, vehicle, messages.walker_state(still, 1.4, True), b''):
        state = messages.actor_state(5, Pose(), still, still, still, rest)
        assert len(state) == 119 and state[65 : 65 + len(rest)] == rest
    world = messages.world_state(3, 0.1, 0.05, 1.0, 2, messages.MAP_CHANGED, [state, state])
    assert len(world) == 48 + 36 + 2 * 119


def test_records_survive_the_way() -> None:
    settings = Settings(synchronous=True, fixed_delta_s=0.05, max_substeps=4)
    assert records.settings_of(records.settings_record(settings)) == settings
    assert records.settings_of(records.settings_record(Settings())) == Settings()
    pose = Pose(1.0, -2.0, 3.0, 10.0, 20.0, 30.0)
    assert records.pose_of(records.pose_record(pose)) == pose
    for weather in PRESETS.values():
        assert records.weather_of(records.weather_record(weather)) == weather


@pytest.mark.parametrize(
    'bad', [[1.0, 2.0], ['x', 0, 0], [math.inf, 0, 0], [0, math.nan, 0], [0, 0, 1e39], 3, None]
)
def test_vectors_are_checked(bad: object) -> None:
    with pytest.raises(Refused):
        limits.vector_of(bad)  # type: ignore[arg-type]


def test_places_are_where_float32_has_centimetres() -> None:
    assert records.pose_of([[1e6, -1e6, 0], [360, 0, 0]]).x == 1e6
    for bad in ([[1.1e6, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 1e300, 0]]):
        with pytest.raises(Refused, match='at most 1e\\+06'):
            records.pose_of(bad)


def test_every_subscriber_gets_whole_messages_in_order(streams: StreamServer) -> None:
    stream_id = streams.open_stream()
    listeners = [subscribed(streams, stream_id) for _ in range(3)]
    parts = [[bytes([number]) * 48, bytes([number]) * (300_000 * number)] for number in range(8)]
    for part in parts:
        streams.publish(stream_id, part, must_arrive=False)
        for listener in listeners:
            assert listener.message() == b''.join(part)
    for listener in listeners:
        listener.close()


def test_who_comes_late_is_greeted(streams: StreamServer) -> None:
    stream_id = streams.open_stream()
    streams.greet_with(stream_id, b'the state')
    listener = subscribed(streams, stream_id)
    assert listener.message() == b'the state'
    listener.close()


def test_a_stopped_subscriber_is_hung_up_on_when_all_must_arrive(streams: StreamServer) -> None:
    stream_id = streams.open_stream()
    stopped, working = subscribed(streams, stream_id), subscribed(streams, stream_id)
    start_s = time.monotonic()
    for _ in range(12):
        streams.publish(stream_id, [bytes(4_000_000)], must_arrive=True)
        assert len(working.message()) == 4_000_000
    assert 0.9 < time.monotonic() - start_s < 5.0
    with pytest.raises((ConnectionError, socket.timeout)):
        for _ in range(12):
            stopped.message()
    working.close()


def test_closing_wakes_who_waits_for_a_stopped_subscriber() -> None:
    streams = StreamServer('127.0.0.1', blocked_timeout_s=30.0)
    streams.start()
    stream_id = streams.open_stream()
    stopped = subscribed(streams, stream_id)

    def publish() -> None:
        for _ in range(5):
            streams.publish(stream_id, [bytes(20_000_000)], must_arrive=True)

    publisher = threading.Thread(target=publish, daemon=True)
    publisher.start()
    publisher.join(0.5)
    assert publisher.is_alive(), 'it waits for the subscriber'
    streams.close()
    publisher.join(2.0)
    assert not publisher.is_alive()
    stopped.close()


def test_gone_and_unknown_subscribers_do_not_count(streams: StreamServer) -> None:
    stream_id = streams.open_stream()
    subscribed(streams, stream_id).close()
    unknown = WireStream(pack_token(99, streams.port))
    with pytest.raises(ConnectionError):
        unknown.message()
    end_s = time.monotonic() + 5.0
    while streams.has_subscribers(stream_id) and time.monotonic() < end_s:
        time.sleep(0.01)
    assert not streams.has_subscribers(stream_id)


def test_a_closed_stream_keeps_its_clients_quiet(streams: StreamServer) -> None:
    """Hung up on, they would come back at once, and for ever."""
    stream_id = streams.open_stream()
    listener = subscribed(streams, stream_id)
    streams.close_stream(stream_id)
    streams.publish(stream_id, [b'late'], must_arrive=True)
    listener.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        listener.message()
    listener.close()
